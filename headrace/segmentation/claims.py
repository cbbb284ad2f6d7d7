"""Claims: what rules and people have set and still hold, and what is barred.

Pure steps from claims to claims; what follows from them for the sinks is in `actions.py`.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, TypeVar

from msgspec.structs import replace

from headrace.rules.model import Action, AddAttribute, AddTag, AssignGroup, RemoveAttribute, RemoveTag, Send, Tag
from headrace.segmentation.state import Claims, Latch, Tags, Values

K = TypeVar("K", bound=str)
Bars = dict[K, dict[str, str]]
LISTS: Final = ".lists"
"""Behind a platform's name: of its lists."""


def fire(claims: Claims, rule: str, then: tuple[Action, ...], *, fact_at: datetime, offset: int) -> Claims:
    """The claims after a rule's actions, in their order. Firing again changes at most the time of the fact."""
    for action in then:
        match action:
            case AssignGroup() | AddAttribute() | AddTag():
                claims = _claim(claims, rule, action, fact_at, offset)
            case RemoveAttribute(values=values):
                claims = _end_attributes(claims, values, rule)
            case RemoveTag(tags=tags):
                claims = _end_tags(claims, tags_by_platform(tags), rule)
            case Send():
                pass
    return claims


def set_by_hand(claims: Claims, name: str, values: tuple[str, ...]) -> Claims:
    """The whole list of one attribute's values set by a person or another system; none takes it away."""
    manual = {other: known for other, known in claims.manual.items() if other != name}
    if not values:
        return replace(claims, manual=manual)
    wanted = {name: tuple(sorted(set(values)))}
    return lift(replace(claims, manual={**manual, **wanted}), wanted, {})


def lift(claims: Claims, attributes: Values, tags: Tags) -> Claims:
    """Claimed anew: the values are barred no longer."""
    if claims.barred_attributes and attributes:
        claims = replace(claims, barred_attributes=_unbar(claims.barred_attributes, attributes))
    if claims.barred_tags and tags:
        claims = replace(claims, barred_tags=_unbar(claims.barred_tags, tags))
    return claims


def keep_rules(claims: Claims, rules: frozenset[str], renamed: Mapping[str, str]) -> Claims:
    """What is left when only these rules exist; `renamed`: old id -> new id."""
    latched: dict[str, Latch] = {}
    for old, latch in claims.latched.items():
        rule = renamed.get(old, old)
        if rule in rules:
            latched[rule] = latch
    return replace(
        claims,
        latched=latched,
        barred_attributes=_keep_bars(claims.barred_attributes, rules, renamed),
        barred_tags=_keep_bars(claims.barred_tags, rules, renamed),
    )


def tags_by_platform(tags: tuple[Tag, ...]) -> Tags:
    """Tags and lists as the state keeps them."""
    by_platform: dict[str, set[str]] = {}
    for tag in tags:
        by_platform.setdefault(tag.platform + LISTS if tag.list else tag.platform, set()).add(tag.name)
    return {platform: tuple(sorted(names)) for platform, names in by_platform.items()}


def merge(known: dict[K, tuple[str, ...]], more: Mapping[K, tuple[str, ...]]) -> dict[K, tuple[str, ...]]:
    """Both, sorted; `known` itself if it has everything already."""
    if all(name in known and set(values) <= set(known[name]) for name, values in more.items()):
        return known
    return known | {name: tuple(sorted({*known.get(name, ()), *values})) for name, values in more.items()}


def without(known: Mapping[K, tuple[str, ...]], less: Mapping[K, tuple[str, ...]]) -> dict[K, tuple[str, ...]]:
    """What is left of `known`; names without values go."""
    left = {name: tuple(v for v in values if v not in less.get(name, ())) for name, values in known.items()}
    return {name: values for name, values in left.items() if values}


def _claim(
    claims: Claims, rule: str, action: AssignGroup | AddAttribute | AddTag, fact_at: datetime, offset: int
) -> Claims:
    known = claims.latched.get(rule)
    if known is None:
        newer = Latch(fact_at, offset)
    else:
        newer = known if known.fact_at >= fact_at else replace(known, fact_at=fact_at, offset=offset)
    match action:
        case AssignGroup(group=group):
            latch = newer if newer.group == group else replace(newer, group=group)
        case AddAttribute(values=values):
            claims = lift(claims, values, {})
            latch = replace(newer, attributes=merge(newer.attributes, values))
        case AddTag(tags=tags):
            wanted = tags_by_platform(tags)
            claims = lift(claims, {}, wanted)
            latch = replace(newer, tags=merge(newer.tags, wanted))
    if latch == known:
        return claims
    return replace(claims, latched={**claims.latched, rule: latch})


def _end_attributes(claims: Claims, values: Values, rule: str) -> Claims:
    latched = {
        other: replace(latch, attributes=without(latch.attributes, values)) if latch.attributes else latch
        for other, latch in claims.latched.items()
    }
    return replace(
        claims,
        latched=_not_empty(latched),
        manual=without(claims.manual, values),
        barred_attributes=_bar(claims.barred_attributes, values, rule),
    )


def _end_tags(claims: Claims, tags: Tags, rule: str) -> Claims:
    latched = {
        other: replace(latch, tags=without(latch.tags, tags)) if latch.tags else latch
        for other, latch in claims.latched.items()
    }
    return replace(claims, latched=_not_empty(latched), barred_tags=_bar(claims.barred_tags, tags, rule))


def _not_empty(latched: dict[str, Latch]) -> dict[str, Latch]:
    return {rule: latch for rule, latch in latched.items() if latch.group is not None or latch.attributes or latch.tags}


def _bar(bars: Bars[K], values: Mapping[K, tuple[str, ...]], rule: str) -> Bars[K]:
    return bars | {name: bars.get(name, {}) | dict.fromkeys(several, rule) for name, several in values.items()}


def _unbar(bars: Bars[K], values: Mapping[K, tuple[str, ...]]) -> Bars[K]:
    left = {
        name: {value: rule for value, rule in barred.items() if value not in values.get(name, ())}
        for name, barred in bars.items()
    }
    return {name: barred for name, barred in left.items() if barred}


def _keep_bars(bars: Bars[K], rules: frozenset[str], renamed: Mapping[str, str]) -> Bars[K]:
    left = {
        name: {value: renamed.get(rule, rule) for value, rule in barred.items() if renamed.get(rule, rule) in rules}
        for name, barred in bars.items()
    }
    return {name: barred for name, barred in left.items() if barred}
