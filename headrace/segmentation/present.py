"""The labels a customer has: attributes, tags and places on lists, each with the first source that claims it."""

from msgspec import Struct

from headrace.segmentation.compiled import CompiledRules
from headrace.segmentation.facts import Labels, folded
from headrace.segmentation.group_claims import standing_gives
from headrace.segmentation.state import Claims, Standing, Tags, Values


class Present(Struct, frozen=True):
    """The labels a customer has: attribute or platform -> value -> source of the first claim on it.

    The lists of a platform stand beside its tags, as in the state.
    """

    attributes: dict[str, dict[str, str]]
    tags: dict[str, dict[str, str]]


def present(rules: CompiledRules | None, claims: Claims, standing: Standing) -> Present:
    """All labels somebody claims and nothing bars: rules by id, then segments, ladders, and what was set by hand."""
    found = Present({}, {})
    for rule in sorted(claims.latched):
        latch = claims.latched[rule]
        _claim(found, latch.attributes, latch.tags, f"rule:{rule}", claims)
    for source, gives in standing_gives(rules, standing):
        _claim(found, gives.attributes, gives.tags, source, claims)
    if claims.manual:
        _claim(found, claims.manual, {}, "set", claims)
    return found


def folded_labels(labels: dict[str, dict[str, str]]) -> Labels:
    """The values alone, as tests compare them."""
    return {name: set(map(folded, values)) for name, values in labels.items()}


def _claim(found: Present, attributes: Values, several: Tags, source: str, claims: Claims) -> None:
    for name, values in attributes.items():
        barred = claims.barred_attributes.get(name, ())
        for value in values:
            if value not in barred:
                found.attributes.setdefault(name, {}).setdefault(value, source)
    for platform, tags in several.items():
        barred = claims.barred_tags.get(platform, ())
        for tag in tags:
            if tag not in barred:
                found.tags.setdefault(platform, {}).setdefault(tag, source)
