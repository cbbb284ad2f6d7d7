"""What a plan gives a customer only because nothing is known of a value: segments, ladders, and rules over the past.

Which conditions hold so is `unset.py`'s; that a rule looked at an order when the customer was another is not known.
"""

from datetime import datetime
from typing import Final

from headrace.rules.model import RuleSet, Rung
from headrace.segmentation.compiled import CompiledRules, compile_rules
from headrace.segmentation.compiled_entries import CompiledLadder
from headrace.segmentation.entries import Walk
from headrace.segmentation.facts import Facts
from headrace.segmentation.foreseen import Foreseen, Foresight
from headrace.segmentation.opened import Opened, added_up, kept_from
from headrace.segmentation.state import State
from headrace.segmentation.unset import ALWAYS_KNOWN, rules_against_unset, segments_against_unset

_NAME: Final = "unset"


class ByUnset:
    """Looks for it under one rule set; where no entry can hold so, it costs a customer nothing."""

    def __init__(self, rule_set: RuleSet, rules: CompiledRules, *, version: int, take_over: bool) -> None:
        """`rules`: the rule set compiled. `version`, `take_over`: of the plan."""
        self._rules = rules
        known, self._segments = segments_against_unset(rule_set)
        self._known = compile_rules(known) if self._segments else rules
        self._kept = kept_from(rules, self._known)
        self._labelled = {name for name in self._segments if "labels" in self._known.segments[name].condition.reads}
        strict, self._fold = rules_against_unset(rule_set)
        self._strict = compile_rules(strict) if self._fold else rules
        self._foresight: Foresight | None = None
        if self._fold:
            sources = frozenset(entry.source for entry in rules.entries)
            self._foresight = Foresight(
                self._strict, version=version, name=_NAME, take_over=take_over, send_effects=sources
            )
        self._ladders = [
            entry
            for entry in rules.entries
            if isinstance(entry, CompiledLadder) and entry.ladder.by not in ALWAYS_KNOWN
        ]

    def of(
        self, found: Foreseen, *, before: State, opened: Opened, offset: int, now: datetime | None
    ) -> tuple[str, ...]:
        """The ids, in the order of the alphabet. `found`: what is foreseen of `before`, added up by the same rules."""
        segments = self._segments.intersection(found.state.standing.segments) if self._segments else ()
        names = list[str]()
        if segments:
            names += self._of_segments(found.state, sorted(segments), opened, now)
        if self._ladders:
            names += self._of_ladders(found.state, now)
        if self._fold:
            names += self._of_rules(found, before, opened, offset, now)
        return tuple(sorted(names)) if names else ()

    def _of_segments(self, state: State, names: list[str], opened: Opened, now: datetime | None) -> list[str]:
        if state.summed != self._known.summing.digest:
            state = added_up(opened.of(state), self._known.summing, now, self._kept)
        facts = _facts(state, self._known, now, labels=not self._labelled.isdisjoint(names))
        return [name for name in names if not self._known.segments[name].condition.holds(facts)]

    def _of_ladders(self, state: State, now: datetime | None) -> list[str]:
        facts = _facts(state, self._rules, now)
        return [
            entry.id
            for entry in self._ladders
            if _gives(entry.ladder.rungs[state.standing.rungs.get(entry.id, 0)]) and entry.read(facts) is None
        ]

    def _of_rules(
        self, found: Foreseen, before: State, opened: Opened, offset: int, now: datetime | None
    ) -> frozenset[str]:
        """Of rules that look at the orders from before: those that would not act if the values were all known."""
        fired = self._fired(found, before)
        if not fired or self._foresight is None:
            return fired
        state = added_up(opened.of(before), self._strict.summing, now)
        return fired - self._fired(self._foresight.of(state, opened, offset=offset, now=now), before)

    def _fired(self, found: Foreseen, before: State) -> frozenset[str]:
        if not found.effects and found.state.claims is before.claims:
            return frozenset()
        renames = self._rules.renames.rules
        latched = {renames.get(name, name) for name in before.claims.latched}
        return frozenset(
            name
            for name in self._fold
            if (name in found.state.claims.latched and name not in latched) or f"rule:{name}" in found.effects
        )


def _facts(state: State, rules: CompiledRules, now: datetime | None, *, labels: bool = True) -> Facts:
    """`labels`: whether somebody reads what the customer has or where it stands."""
    facts = Facts(state, rules.spend)
    facts.now = now
    if labels:
        Walk(rules, state.claims, state.standing, offset=0).run((), facts, ())
    return facts


def _gives(rung: Rung) -> bool:
    return rung.group is not None or bool(rung.attributes or rung.tags or rung.on_enter)
