"""One walk over the entries an event concerns: rules fire, segments are entered and left, rungs are taken.

Works on claims and standing alone (`reached.py`); the facts come ready, and what the sinks are told comes after.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from itertools import compress
from operator import ne
from typing import Any, Final

from headrace.contracts.effects import EffectKind
from headrace.rules.model import Send
from headrace.segmentation.claims import fire, lift
from headrace.segmentation.compiled import CompiledRules
from headrace.segmentation.compiled_actions import CompiledAction, Fired, explain_action, rows_of
from headrace.segmentation.compiled_entries import (
    CompiledEntry,
    CompiledLadder,
    CompiledRule,
    CompiledSegment,
    Gives,
)
from headrace.segmentation.derived import Moment
from headrace.segmentation.facts import Facts
from headrace.segmentation.firing import causes_of, is_met, same_but_newer, wakes
from headrace.segmentation.ladders import climb, rung_of
from headrace.segmentation.pending import Waiting, due_at, without
from headrace.segmentation.reached import Reached
from headrace.segmentation.standing import turned
from headrace.segmentation.state import Claims, Standing
from headrace.segmentation.steps import Ladders, OfRules, OfSegments, Rules, Segments, Step
from headrace.segmentation.triggers import Occurrence
from headrace.segmentation.verdicts import Part, Verdict

ENTERED: Final = "entered"
LEFT: Final = "left"


class Walk(Reached):
    """One walk; without a `moment`, rules that wait for a change of an attribute or of the group do not wake.

    `fired`: the effects asked for, and what is to wait; `pending`: what waits already; `spared`: the effects that
    waited and are not done, because of their `unless`. `parts`: of the trace.
    """

    __slots__ = ("_occurrences", "_offset", "fired", "parts", "pending", "spared")

    def __init__(
        self,
        rules: CompiledRules,
        claims: Claims,
        standing: Standing,
        *,
        offset: int,
        moment: Moment | None = None,
        pending: Waiting = (),
    ) -> None:
        super().__init__(rules, claims, standing, moment)
        self._offset = offset
        self._occurrences: tuple[Occurrence, ...] = ()
        self.pending = pending
        self.spared: tuple[EffectKind, ...] = ()
        self.fired: list[Fired] = []
        self.parts: list[Part] = []

    def run(
        self,
        steps: Iterable[Step | CompiledLadder],
        facts: Facts,
        occurrences: tuple[Occurrence, ...],
        *,
        due: datetime | None = None,
    ) -> None:
        """Walk these entries, in their order, with these facts; `due`: with what waited of them for that moment."""
        self.bind(facts)
        self._occurrences = occurrences
        for step in steps:
            _WALKED[type(step)](self, step, facts)
            if due is not None and isinstance(step, CompiledRule | CompiledSegment | CompiledLadder):
                self._due(step, facts, due)
        if due is not None:
            self.pending = tuple(one for one in self.pending if one.due > due)

    def _rules_together(self, those: Rules, facts: Facts) -> None:
        fired: dict[int, list[Occurrence]] = {}
        for occurrence in self._occurrences:
            woken = those.woken.get(occurrence.trigger)
            if woken is not None:
                facts.order, facts.lines, facts.event = occurrence.order, occurrence.lines, occurrence.event
                any_of_them = woken.by_any and occurrence.rule is None
                for number in compress(woken.numbers, woken.met(facts)):
                    if any_of_them or wakes(those.rules[number], occurrence):
                        fired.setdefault(number, []).append(occurrence)
        self.parts.append(OfRules(those.rules, frozenset(fired)))
        for number in sorted(fired):
            rule, before = those.rules[number], self.claims
            for occurrence in fired[number]:
                self._fire(rule, facts, occurrence)
            self._note_claims(rule, before)

    def _rule(self, rule: CompiledRule, facts: Facts) -> None:
        occurrences = self._occurrences
        if rule.derived:
            occurrences = self.changes(rule, facts)
            if not occurrences:
                return
        before = self.claims
        fired = False
        for occurrence in occurrences:
            if wakes(rule, occurrence) and is_met(rule, facts, occurrence):
                fired = True
                self._fire(rule, facts, occurrence)
        self._note_claims(rule, before)
        self.parts.append(rule.verdicts[fired])

    def _fire(self, rule: CompiledRule, facts: Facts, occurrence: Occurrence) -> None:
        fact_at = occurrence.fact_at
        if rule.at_once:
            self.claims = fire(self.claims, rule.id, rule.at_once, fact_at=fact_at, offset=self._offset)
        if rule.acts:
            causes = causes_of(rule, facts, occurrence) if rule.line_by_line else (occurrence.cause,)
            facts.order, facts.lines, facts.event = occurrence.order, occurrence.lines, occurrence.event
            rows = rows_of(rule.acts, facts) if rule.rows else None
            for cause in causes:
                self.fired.append(Fired(rule.source, rule.acts, cause, fact_at, follows=rule.derived, rows=rows))

    def _note_claims(self, rule: CompiledRule, before: Claims) -> None:
        if self.claims is not before and not same_but_newer(rule.id, before, self.claims):
            self.note([rule.source])

    def _segments(self, those: Segments, facts: Facts) -> None:
        holds, inside = those.holds(facts), self._rules.giving.of(self.standing).segments
        was_in = tuple(map(inside.__contains__, those.ids))
        self.parts.append(OfSegments(those.segments, was_in, holds))
        if holds == was_in:
            return
        differing = tuple(map(ne, holds, was_in))
        self._turn(list(compress(those.segments, differing)), list(compress(holds, differing)), facts)

    def _segment(self, segment: CompiledSegment, facts: Facts) -> None:
        holds = segment.condition.holds(facts)
        if holds is (segment.id in self.standing.segments):
            self.parts.append(segment.stays[holds])
        else:
            self.parts.append(segment.turns[holds])
            self._turn([segment], [holds], facts)

    def _turn(self, turning: list[CompiledSegment], holds: list[bool], facts: Facts) -> None:
        """These segments were entered or left, and nothing in them depends on which of them was first."""
        self.standing = turned(self.standing, turning, holds, facts.now)
        self.note([segment.source for segment in turning])
        if self.claims.barred_attributes or self.claims.barred_tags:
            for segment in compress(turning, holds):
                self._unbar(segment.gives)
        for segment, inside in zip(turning, holds, strict=True):
            if segment.acts and inside:
                self._act(facts, segment.source, ENTERED, segment.on_enter, segment.on_exit, segment.condition.reads)
            elif segment.acts:
                self._act(facts, segment.source, LEFT, segment.on_exit, segment.on_enter, segment.condition.reads)

    def _ladders(self, those: Ladders, facts: Facts) -> None:
        numbers, rungs = those.numbers(facts), self.standing.rungs
        if self.standing.below or numbers != tuple(map(rungs.get, those.ids)):
            self._climb(those.ladders, numbers, facts)

    def _ladder(self, ladder: CompiledLadder, facts: Facts) -> None:
        self._climb((ladder,), (rung_of(ladder.ladder, ladder.read(facts)),), facts)

    def _climb(self, ladders: tuple[CompiledLadder, ...], numbers: tuple[int, ...], facts: Facts) -> None:
        """The numbers of these ladders are on these rungs; the customer may be granted others."""
        before = self.standing.rungs
        rungs = [ladder.rungs for ladder in ladders]
        self.standing = climb(zip(rungs, numbers, strict=True), self.standing, facts.now)
        after = self.standing.rungs
        moved = [ladder for ladder in ladders if before.get(ladder.id) != after[ladder.id]]
        self.note([ladder.source for ladder in moved])
        barred = self.claims.barred_attributes or self.claims.barred_tags
        for ladder in moved:
            now = after[ladder.id]
            if barred:
                self._unbar(ladder.gives[now])
            if ladder.acts:
                self._changed_rung(ladder, before.get(ladder.id), now, facts)
            self.parts.append(ladder.verdicts[now])

    def _changed_rung(self, ladder: CompiledLadder, before: int | None, now: int, facts: Facts) -> None:
        enter, leave, reads = ladder.on_enter, ladder.on_exit, ladder.reads
        if before is not None:
            self._act(facts, ladder.source, LEFT, leave[before], enter[before], reads)
        self._act(facts, ladder.source, ENTERED, enter[now], leave[now], reads)

    def _act(
        self,
        facts: Facts,
        source: str,
        how: str,
        does: tuple[CompiledAction, ...],
        takes_back: tuple[CompiledAction, ...],
        reads: frozenset[str],
    ) -> None:
        """Who leaves no longer waits for what came of entering, and the other way round."""
        if takes_back and self.pending:
            self.pending = without(self.pending, source, {action.key for action in takes_back})
        if does:
            facts.order, facts.lines, facts.event = None, (), None
            self.fired.append(Fired(source, does, how, reads=reads, follows=True, rows=rows_of(does, facts)))

    def _due(self, entry: CompiledEntry, facts: Facts, moment: datetime) -> None:
        facts.order, facts.lines, facts.event = None, (), None
        for one in due_at(self.pending, entry.source, moment):
            self.pending = tuple(other for other in self.pending if other is not one)
            action = self._rules.waiting.get((one.source, one.key))
            if action is None:
                continue
            if action.unless is not None and action.unless.holds(facts):
                self.parts.append(Verdict(one.source, "withheld", explain_action(action)))
                if isinstance(action.action, Send):
                    self.spared += (action.action.kind,)
            elif isinstance(action.action, Send):
                rows = rows_of((action,), facts)
                self.fired.append(Fired(one.source, (action,), one.cause, one.fact_at, waited=True, rows=rows))
            else:
                before, then = self.claims, (action.action,)
                self.claims = fire(self.claims, entry.id, then, fact_at=one.fact_at, offset=self._offset)
                if self.claims is not before:
                    self.note([one.source])
                self.parts.append(Verdict(one.source, "fired", explain_action(action)))

    def _unbar(self, gives: Gives) -> None:
        """What somebody is given anew is barred no longer."""
        self.claims = lift(self.claims, gives.attributes, gives.tags)


_WALKED: Final[dict[type, Callable[[Walk, Any, Facts], None]]] = {
    CompiledRule: Walk._rule,
    CompiledSegment: Walk._segment,
    CompiledLadder: Walk._ladder,
    Rules: Walk._rules_together,
    Segments: Walk._segments,
    Ladders: Walk._ladders,
}
