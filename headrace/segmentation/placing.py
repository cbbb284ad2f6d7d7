"""Where a customer would stand under a rule set, found without a walk: where nobody's move has consequences.

It comes to the standing of an `entries.Walk` over everything, which alone knows what follows from entering and leaving.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from msgspec.structs import replace

from headrace.segmentation.compiled import CompiledRules
from headrace.segmentation.compiled_entries import CompiledLadder, CompiledSegment, acts_of
from headrace.segmentation.facts import Facts, Labels
from headrace.segmentation.ladders import climb
from headrace.segmentation.present import folded_labels
from headrace.segmentation.state import Claims, Standing, State
from headrace.segmentation.steps import Ladders, Segments, Step

_NO_TRIGGERS: Final = frozenset[str]()


class Placing:
    """Of one rule set."""

    def __init__(self, rules: CompiledRules) -> None:
        self._rules = rules
        entries = rules.plan(_NO_TRIGGERS, None)
        self._steps = rules.steps(_NO_TRIGGERS, None)
        self._acting = frozenset(entry.id for entry in entries if acts_of(entry))
        places = all(isinstance(entry, CompiledSegment | CompiledLadder) for entry in entries)
        self._possible = places and not rules.reads_membership

    def of(self, state: State, facts: Facts) -> Standing | None:
        """Of a customer who took the rules over; None where only a walk can tell."""
        claims, was = state.claims, state.standing
        if not self._possible or state.pending or claims.barred_attributes or claims.barred_tags:
            return None
        place, now = _Place(self._rules, claims, was), facts.now
        facts.attributes, facts.tags = place.attributes, place.tags
        moved: list[str] = []
        for step in self._steps:
            moved += place.move(step, facts)
        if not self._acting.isdisjoint(moved):
            return None
        return place.standing(was.segments, now)


class _Place:
    """A standing as it changes, and the labels it gives: None while nobody has asked for them."""

    __slots__ = ("_claims", "_rules", "inside", "labels", "ladders")

    def __init__(self, rules: CompiledRules, claims: Claims, standing: Standing) -> None:
        self._rules = rules
        self._claims = claims
        self.inside = set(standing.segments)
        self.ladders = standing
        self.labels: tuple[Labels, Labels] | None = None

    def attributes(self) -> Labels:
        return self._read()[0]

    def tags(self) -> Labels:
        return self._read()[1]

    def move(self, step: Step, facts: Facts) -> list[str]:
        """Who of a step is entered or left, or stands on another rung."""
        match step:
            case Segments():
                moved = self._turn(zip(step.ids, step.holds(facts), strict=True))
            case CompiledSegment():
                moved = self._turn([(step.id, step.condition.holds(facts))])
            case Ladders():
                moved = self._climb(step, facts)
            case _:
                moved = []
        if moved:
            self.labels = None
        return moved

    def _turn(self, found: Iterable[tuple[str, bool]]) -> list[str]:
        moved = [name for name, holds in found if holds is not (name in self.inside)]
        self.inside.symmetric_difference_update(moved)
        return moved

    def _climb(self, those: Ladders, facts: Facts) -> list[str]:
        rungs, before = [ladder.rungs for ladder in those.ladders], self.ladders.rungs
        self.ladders = climb(zip(rungs, those.numbers(facts), strict=True), self.ladders, facts.now)
        after = self.ladders.rungs
        return [name for name in those.ids if before.get(name) != after.get(name)]

    def _read(self) -> tuple[Labels, Labels]:
        if self.labels is None:
            standing = Standing(tuple(sorted(self.inside)), self.ladders.rungs)
            self.labels = folded_labels(self._rules, self._claims, standing)
        return self.labels

    def standing(self, was: tuple[str, ...], now: datetime | None) -> Standing:
        """In the end; who entered did so now."""
        inside, since = self.inside, self.ladders.since
        entered = inside.difference(was)
        if not entered and len(inside) == len(was):
            return self.ladders
        if len(inside) - len(entered) < len(was):
            since = {name: at for name, at in since.items() if name in inside or name not in was}
        if entered and now is not None:
            since = {**since, **dict.fromkeys(entered, now)}
        return replace(self.ladders, segments=tuple(sorted(inside)), since=since)
