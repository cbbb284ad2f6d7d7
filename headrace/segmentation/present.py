"""The labels a customer has: attributes, tags and places on lists, as tests compare them and as sinks are told.

Of attributes also the first source that claims each value.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from operator import attrgetter
from typing import Any, Final

from headrace.segmentation.compiled import CompiledRules
from headrace.segmentation.facts import Labels, folded
from headrace.segmentation.given import Claimed, Given, claim
from headrace.segmentation.state import Claims, Latch, Standing, Tags, Values

_ATTRIBUTES: Final = attrgetter("attributes")
_TAGS: Final = attrgetter("tags")


class Folded(Mapping[str, Collection[str]]):
    """The labels of one kind that a customer has, as tests compare them: folded, each looked for when asked.

    `of`: those of one latch.
    """

    __slots__ = ("_barred", "_given", "_latched", "_manual", "_of")

    def __init__(
        self,
        given: Claimed,
        latched: Mapping[str, Latch],
        of: Callable[[Latch], Values | Tags],
        manual: Values,
        barred: Mapping[str, Collection[str]],
    ) -> None:
        self._given = given
        self._latched = latched
        self._of = of
        self._manual = manual
        self._barred = barred

    def __getitem__(self, name: str) -> Collection[str]:
        found: Collection[str] = self.get(name)
        if not found:
            raise KeyError(name)
        return found

    def __iter__(self) -> Iterator[str]:
        names = {*self._given, *self._manual, *(name for latch in self._latched.values() for name in self._of(latch))}
        return (name for name in names if self.get(name))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def get(self, name: str, default: Any = frozenset()) -> Any:
        """The values of one name."""
        of = self._of
        claims: list[Collection[str]] = [values for latch in self._latched.values() if (values := of(latch).get(name))]
        if given := self._given.get(name):
            claims.append(given)
        if self._manual:
            claims.append(self._manual.get(name, ()))
        if not claims:
            return default
        found = set().union(*claims)
        if self._barred:
            found.difference_update(self._barred.get(name, ()))
        return set(map(folded, found)) if found else default


def folded_attributes(rules: CompiledRules, claims: Claims, standing: Standing) -> Labels:
    """All attributes."""
    given = rules.giving.of(standing)
    if not (claims.manual or claims.barred_attributes or any(map(_ATTRIBUTES, claims.latched.values()))):
        return given.attributes_folded
    return Folded(given.attributes, claims.latched, _ATTRIBUTES, claims.manual, claims.barred_attributes)


def folded_tags(rules: CompiledRules, claims: Claims, standing: Standing) -> Labels:
    """All tags, and lists."""
    given = rules.giving.of(standing)
    if not (claims.barred_tags or any(map(_TAGS, claims.latched.values()))):
        return given.tags_folded
    return Folded(given.tags, claims.latched, _TAGS, {}, claims.barred_tags)


def labels_told(given: Given, claims: Claims) -> tuple[Values, Tags]:
    """The values of all attributes, and all tags and lists, as sinks are told; `given`: by segments and rungs."""
    attributes: list[Values] = []
    tags: list[Tags] = []
    for latch in claims.latched.values():
        if latch.attributes:
            attributes.append(latch.attributes)
        if latch.tags:
            tags.append(latch.tags)
    if claims.manual:
        attributes.append(claims.manual)
    return (
        _told(given.attributes_told, attributes, claims.barred_attributes),
        _told(given.tags_told, tags, claims.barred_tags),
    )


def sourced_attributes(given: Given, claims: Claims) -> Claimed:
    """All attributes somebody claims and nothing bars: rules by id, segments, ladders, what was set by hand."""
    latched, manual, barred = claims.latched, claims.manual, claims.barred_attributes
    several = [(f"rule:{rule}", latch.attributes) for rule, latch in sorted(latched.items()) if latch.attributes]
    if not (several or manual or barred):
        return given.attributes
    found = Claimed()
    for source, values in several:
        claim(found, values, source)
    for name, claimed in given.attributes.items():
        known = found.setdefault(name, {})
        for value, source in claimed.items():
            known.setdefault(value, source)
    claim(found, manual, "set")
    return _without(found, barred) if barred else found


def _told(given: Values | Tags, more: list[Values], barred: Mapping[str, Collection[str]]) -> Values | Tags:
    if not (more or barred):
        return given
    found = dict(given)
    for several in more:
        for name, values in several.items():
            found[name] = tuple(sorted({*found.get(name, ()), *values}))
    for name in found.keys() & barred.keys():
        found[name] = tuple([value for value in found[name] if value not in barred[name]])
    return {name: found[name] for name in sorted(found) if found[name]}


def _without(found: Claimed, barred: Mapping[str, Collection[str]]) -> Claimed:
    left = {
        name: {value: source for value, source in claimed.items() if value not in barred.get(name, ())}
        for name, claimed in found.items()
    }
    return {name: claimed for name, claimed in left.items() if claimed}
