"""One walk over the entries an event concerns: rules fire, segments are entered and left, rungs are taken.

Works on claims and standing alone; the facts come ready, and what the sinks are told comes after.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from itertools import compress
from operator import ne
from typing import Any, Final

from msgspec.structs import replace

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
from headrace.segmentation.derived import (
    ATTRIBUTE_CHANGED,
    Moment,
    attribute_changed,
    derived,
    group_changed,
    group_told,
)
from headrace.segmentation.facts import Facts, Labels
from headrace.segmentation.firing import causes_of, is_met, same_but_newer, wakes
from headrace.segmentation.group_claims import Wanted, group_in, wanted
from headrace.segmentation.ladders import climb, rung_of
from headrace.segmentation.pending import Waiting, due_at, without
from headrace.segmentation.present import folded_attributes, folded_tags
from headrace.segmentation.standing import turned
from headrace.segmentation.state import Claims, Standing, State
from headrace.segmentation.steps import Ladders, OfRules, OfSegments, Rules, Segments, Step
from headrace.segmentation.triggers import Occurrence
from headrace.segmentation.verdicts import Part, Verdict

ENTERED: Final = "entered"
LEFT: Final = "left"


class Walk:
    """The claims and standing of one customer while entries are walked; `changed` collects who changed them.

    `moment`: of the decision; without one, rules that wait for a change of an attribute or of the group do not wake.
    `fired`: the effects asked for, and what is to wait; `pending`: what waits already; `spared`: the effects that
    waited and are not done, because of their `unless`.
    """

    __slots__ = (
        "_group",
        "_labels",
        "_moment",
        "_occurrences",
        "_offset",
        "_rules",
        "_state",
        "_tagged",
        "changed",
        "claims",
        "fired",
        "parts",
        "pending",
        "spared",
        "standing",
    )

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
        self._rules = rules
        self._offset = offset
        self._moment = moment
        self._labels: Labels | None = None
        self._tagged: Labels | None = None
        self._group: tuple[Claims, Standing, Wanted] | None = None
        self._state: State | None = None
        self._occurrences: tuple[Occurrence, ...] = ()
        self.claims = claims
        self.standing = standing
        self.pending = pending
        self.spared: tuple[EffectKind, ...] = ()
        self.fired: list[Fired] = []
        self.parts: list[Part] = []
        self.changed: list[str] = []

    def bind(self, facts: Facts) -> None:
        """Lets the facts read what the walk comes to."""
        facts.attributes, facts.tags = self._attributes, self._tags
        if self._rules.reads_membership:
            self._state = facts.state
            facts.standing, facts.group = self._standing, self._group_in

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
            occurrences = self._changes(rule, facts)
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
            causes = causes_of(rule, facts, occurrence)
            facts.order, facts.lines = occurrence.order, occurrence.lines
            rows = rows_of(rule.acts, facts)
            self.fired += [
                Fired(rule.source, rule.acts, cause, fact_at, follows=rule.derived, rows=rows) for cause in causes
            ]

    def _note_claims(self, rule: CompiledRule, before: Claims) -> None:
        if self.claims is not before and not same_but_newer(rule.id, before, self.claims):
            self._note([rule.source])

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
        self._note([segment.source for segment in turning])
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
        self._note([ladder.source for ladder in moved])
        for ladder in moved:
            now = after[ladder.id]
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
                    self._note([one.source])
                self.parts.append(Verdict(one.source, "fired", explain_action(action)))

    def _unbar(self, gives: Gives) -> None:
        """What somebody is given anew is barred no longer."""
        if self.claims.barred_attributes or self.claims.barred_tags:
            self.claims = lift(self.claims, gives.attributes, gives.tags)

    def _note(self, sources: Iterable[str]) -> None:
        self.changed += sources
        self._labels = self._tagged = None

    def _changes(self, rule: CompiledRule, facts: Facts) -> tuple[Occurrence, ...]:
        moment = self._moment
        if moment is None or self._is_as_told():
            return ()
        if rule.when.name == ATTRIBUTE_CHANGED:
            found = attribute_changed(rule.when.of or "", facts.state, self._attributes())
        else:
            found = group_changed(facts, self._group_wanted(), moment)
        return () if found is None else (derived(found, moment, facts),)

    def _is_as_told(self) -> bool:
        """Nothing has come to another group or attribute yet; between groups of one place any fact may decide."""
        state, moment = self._state, self._moment
        return (
            state is not None
            and self.claims is state.claims
            and self.standing is state.standing
            and moment is not None
            and moment.as_told
            and not self._rules.ties
        )

    def _standing(self) -> Standing:
        return self.standing

    def _group_in(self) -> str | None:
        """The group the customer counts as in, by the claims so far."""
        if self._state is None:
            return None
        return group_told(self._state) if self._is_as_told() else self._group_wanted()

    def _group_wanted(self) -> str | None:
        state = self._state
        if state is None:
            return None
        known = self._group
        if known is None or known[0] is not self.claims or known[1] is not self.standing:
            now = replace(state, claims=self.claims, standing=self.standing)
            known = self._group = (self.claims, self.standing, wanted(now, self._rules))
        return group_in(state, known[2])

    def wanted(self) -> Wanted | None:
        """The group wanted for the customer, if somebody asked for it at the end; what the store has not aside."""
        known = self._group
        return known[2] if known is not None and known[0] is self.claims and known[1] is self.standing else None

    def _attributes(self) -> Labels:
        known = self._labels
        if known is None:
            known = self._labels = folded_attributes(self._rules, self.claims, self.standing)
        return known

    def _tags(self) -> Labels:
        known = self._tagged
        if known is None:  # kept: a rule asks of each line, and its own tag must not answer
            known = self._tagged = folded_tags(self._rules, self.claims, self.standing)
        return known


_WALKED: Final[dict[type, Callable[[Walk, Any, Facts], None]]] = {
    CompiledRule: Walk._rule,
    CompiledSegment: Walk._segment,
    CompiledLadder: Walk._ladder,
    Rules: Walk._rules_together,
    Segments: Walk._segments,
    Ladders: Walk._ladders,
}
