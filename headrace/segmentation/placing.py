"""Where a customer would stand under a rule set, found without a walk: where nobody's move has consequences.

It comes to the standing of an `entries.Walk` over everything, which alone knows what follows from entering and leaving.
Few places are met among many customers: each is made once, and knows where the answers of the next step lead.
"""

from collections.abc import Callable, Hashable
from datetime import datetime
from typing import Any, Final

from msgspec.structs import replace

from headrace.segmentation.compiled import CompiledRules
from headrace.segmentation.compiled_entries import CompiledLadder, CompiledSegment, acts_of
from headrace.segmentation.facts import Facts, Labels
from headrace.segmentation.ladders import climb
from headrace.segmentation.present import folded_attributes, folded_tags
from headrace.segmentation.state import Claims, Standing, State
from headrace.segmentation.steps import Ladders, Segments

_NO_TRIGGERS: Final = frozenset[str]()
_KEPT: Final = 4096
_Step = CompiledSegment | Segments | Ladders


class _Place:
    """Where somebody has come to after some steps. `ways`: by the answers of the next step.

    `standing`: segments and rungs, and the names of rungs taken on the way; `acted`: something would have been done.
    `come_to`: by who was nowhere before, at the last moment that was asked for.
    """

    __slots__ = ("acted", "come_to", "standing", "ways")

    def __init__(self, standing: Standing, *, acted: bool = False) -> None:
        self.standing = standing
        self.acted = acted
        self.ways: dict[Hashable, _Place] = {}
        self.come_to: tuple[datetime | None, Standing] | None = None


class _Has:
    """The labels that a customer has by its claims and where it has come to."""

    __slots__ = ("_claims", "_rules", "place")

    def __init__(self, rules: CompiledRules, claims: Claims, place: _Place) -> None:
        self._rules = rules
        self._claims = claims
        self.place = place

    def attributes(self) -> Labels:
        return folded_attributes(self._rules, self._claims, self.place.standing)

    def tags(self) -> Labels:
        return folded_tags(self._rules, self._claims, self.place.standing)


class Placing:
    """Of one rule set."""

    def __init__(self, rules: CompiledRules) -> None:
        self._rules = rules
        entries = rules.plan(_NO_TRIGGERS, None)
        self._acting = frozenset(entry.id for entry in entries if acts_of(entry))
        places = all(isinstance(entry, CompiledSegment | CompiledLadder) for entry in entries)
        self._possible = places and not rules.reads_membership
        steps = rules.steps(_NO_TRIGGERS, None) if self._possible else ()
        self._steps = [
            (step, _asking(step)) for step in steps if isinstance(step, CompiledSegment | Segments | Ladders)
        ]
        self._starts: dict[Hashable, _Place] = {}
        self._made = 0

    def of(self, state: State, facts: Facts) -> Standing | None:
        """Of a customer who took the rules over; None where only a walk can tell."""
        claims, was = state.claims, state.standing
        barred = claims.barred_attributes or claims.barred_tags
        if not self._possible or state.pending or was.below or barred:
            return None
        start = place = self._start(was)
        has = _Has(self._rules, claims, place)
        facts.attributes, facts.tags = has.attributes, has.tags
        for step, ask in self._steps:
            answers = ask(facts)
            on = place.ways.get(answers)
            place = has.place = self._lead(place, step, answers) if on is None else on
        if place.acted:
            return None
        return was if place.standing is start.standing else _come_to(place, was, facts.now)

    def _start(self, was: Standing) -> _Place:
        rungs = was.rungs
        key = was.segments, tuple(rungs), tuple(rungs.values())
        if self._made >= _KEPT:
            self._starts.clear()
            self._made = 0
        known = self._starts.get(key)
        if known is None:
            self._made += 1
            known = self._starts[key] = _Place(Standing(was.segments, rungs))
        return known

    def _lead(self, place: _Place, step: _Step, answers: Hashable) -> _Place:
        """To the place that these answers lead to."""
        moved, standing = _moved(place.standing, step, answers)
        acted = place.acted or not self._acting.isdisjoint(moved)
        self._made += 1
        place.ways[answers] = on = _Place(standing, acted=acted)
        return on


def _asking(step: _Step) -> Callable[[Facts], Hashable]:
    match step:
        case Segments():
            return step.holds
        case Ladders():
            return step.numbers
        case CompiledSegment():
            return step.condition.holds


def _moved(standing: Standing, step: _Step, answers: Any) -> tuple[list[str], Standing]:
    """Who of a step is entered or left, or stands on another rung, and the standing then."""
    match step:
        case Ladders():
            rungs = [ladder.rungs for ladder in step.ladders]
            climbed = climb(zip(rungs, answers, strict=True), standing, None)
            return [name for name in step.ids if standing.rungs.get(name) != climbed.rungs.get(name)], climbed
        case Segments():
            found = list(zip(step.ids, answers, strict=True))
        case _:
            found = [(step.id, answers)]
    inside = set(standing.segments)
    moved = [name for name, holds in found if holds is not (name in inside)]
    if not moved:
        return moved, standing
    return moved, replace(standing, segments=tuple(sorted(inside.symmetric_difference(moved))))


def _come_to(place: _Place, was: Standing, now: datetime | None) -> Standing:
    """The standing there of who moved; who entered did so now."""
    nowhere = was == _NOWHERE
    if nowhere and place.come_to is not None and place.come_to[0] == now:
        return place.come_to[1]
    on, held = place.standing, was.held
    before, inside = set(was.segments), set(on.segments)
    climbed = [f"ladder:{name}" for name, rung in on.rungs.items() if was.rungs.get(name) != rung]
    left = before.difference(inside).union(climbed)
    since = {name: at for name, at in was.since.items() if name not in left}
    if now is not None:
        since.update(dict.fromkeys([*inside.difference(before), *climbed], now))
    if on.held:
        held = {**held, **on.held}
    found = Standing(on.segments, on.rungs, since, was.below, held)
    if nowhere:
        place.come_to = now, found
    return found


_NOWHERE: Final = Standing()
