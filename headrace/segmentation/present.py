"""The labels a customer has: attributes, tags and places on lists, each with the first source that claims it."""

from collections.abc import Collection, Iterator, Mapping

from msgspec import Struct

from headrace.segmentation.compiled import CompiledRules
from headrace.segmentation.facts import folded
from headrace.segmentation.given import NOTHING, Claimed, claim
from headrace.segmentation.state import Claims, Standing, Tags, Values


class Present(Struct, frozen=True):
    """The labels a customer has. The lists of a platform stand beside its tags, as in the state."""

    attributes: Claimed
    tags: Claimed


class Folded(Mapping[str, Collection[str]]):
    """The values of labels as tests compare them, folded when asked for."""

    __slots__ = ("_labels",)

    def __init__(self, labels: Claimed) -> None:
        self._labels = labels

    def __getitem__(self, name: str) -> Collection[str]:
        return set(map(folded, self._labels[name]))

    def __iter__(self) -> Iterator[str]:
        return iter(self._labels)

    def __len__(self) -> int:
        return len(self._labels)


def present(rules: CompiledRules | None, claims: Claims, standing: Standing) -> Present:
    """All labels somebody claims and nothing bars: rules by id, then segments, ladders, and what was set by hand."""
    given = NOTHING if rules is None else rules.giving.of(standing)
    latched = [(f"rule:{rule}", claims.latched[rule]) for rule in sorted(claims.latched)] if claims.latched else []
    attributes = [(source, latch.attributes) for source, latch in latched if latch.attributes]
    tags = [(source, latch.tags) for source, latch in latched if latch.tags]
    return Present(
        _present(attributes, given.attributes, claims.manual, claims.barred_attributes),
        _present(tags, given.tags, {}, claims.barred_tags),
    )


def _present(
    latched: list[tuple[str, Values | Tags]], given: Claimed, manual: Values, barred: Mapping[str, Collection[str]]
) -> Claimed:
    if not (latched or manual or barred):
        return given
    found = Claimed()
    for source, several in latched:
        claim(found, several, source)
    for name, claimed in given.items():
        known = found.setdefault(name, {})
        for value, source in claimed.items():
            known.setdefault(value, source)
    claim(found, manual, "set")
    return _without(found, barred) if barred else found


def _without(found: Claimed, barred: Mapping[str, Collection[str]]) -> Claimed:
    left = {
        name: {value: source for value, source in claimed.items() if value not in barred.get(name, ())}
        for name, claimed in found.items()
    }
    return {name: claimed for name, claimed in left.items() if claimed}
