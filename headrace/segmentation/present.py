"""The labels a customer has: attributes, tags and places on lists, each with the first source that claims it."""

from collections.abc import Callable, Collection, Iterator, Mapping
from operator import attrgetter
from typing import Any, Final

from msgspec import Struct

from headrace.segmentation.compiled import CompiledRules
from headrace.segmentation.facts import folded
from headrace.segmentation.given import NOTHING, Claimed, claim
from headrace.segmentation.state import Claims, Latch, Standing, Tags, Values

_ATTRIBUTES: Final = attrgetter("attributes")
_TAGS: Final = attrgetter("tags")


class Present(Struct, frozen=True):
    """The labels a customer has. The lists of a platform stand beside its tags, as in the state."""

    attributes: Claimed
    tags: Claimed


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


def folded_labels(rules: CompiledRules, claims: Claims, standing: Standing) -> tuple[Folded, Folded]:
    """Attributes, and tags."""
    return folded_attributes(rules, claims, standing), folded_tags(rules, claims, standing)


def folded_attributes(rules: CompiledRules, claims: Claims, standing: Standing) -> Folded:
    """All attributes."""
    given = rules.giving.of(standing).attributes
    return Folded(given, claims.latched, _ATTRIBUTES, claims.manual, claims.barred_attributes)


def folded_tags(rules: CompiledRules, claims: Claims, standing: Standing) -> Folded:
    """All tags, and lists."""
    return Folded(rules.giving.of(standing).tags, claims.latched, _TAGS, {}, claims.barred_tags)


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
