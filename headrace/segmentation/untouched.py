"""Who cannot change when one rule set follows another: told from the entries that differ, without settling anybody.

A short cut of `plan.py` and nothing else: whoever it is not sure of is settled in full.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from msgspec.structs import replace

from headrace.rules.model import RuleSet
from headrace.segmentation.compiled import CompiledRules, CompiledSegment
from headrace.segmentation.facts import Facts
from headrace.segmentation.state import State

Untouched = Callable[[State, datetime | None], bool]
"""Whether this customer, settled under the old rules as of now, is told nothing new by the new ones."""


def never(_: State, __: datetime | None) -> bool:
    """For two rule sets that differ in more than a few segments and rules."""
    return False


def untouched_by(old: CompiledRules, old_version: int, new: CompiledRules) -> Untouched:
    """The test for the customers of these two rule sets."""
    if not _alike(old, new):
        return never
    changed = _changed_segments(old, new)
    if any(segment.condition.labels for segment in changed):
        return never  # what they read may itself be moved
    gone = frozenset(old.segments) - frozenset(new.segments) | {segment.id for segment in changed}
    gone_rules = frozenset(old.rules) - frozenset(new.rules)
    holds = tuple(segment.condition.holds for segment in changed)
    digest, past, spend = new.summing.digest, new.past, new.spend

    def untouched(state: State, now: datetime | None) -> bool:
        claims = state.claims
        if state.rules_version != old_version or state.summed != digest or state.pending:
            return False
        if not gone.isdisjoint(state.standing.segments) or not gone_rules.isdisjoint(claims.latched):
            return False
        if gone_rules and (claims.barred_attributes or claims.barred_tags):
            return False
        if past and (state.ledger or state.cold.orders) and any(state.folded.get(r) != d for r, d in past.items()):
            return False
        facts = Facts(state, spend)
        facts.now = now
        return not any(test(facts) for test in holds)

    return untouched


_ENTRIES: Final = {"segments": (), "rules": (), "ladders": ()}


def _alike(old: CompiledRules, new: CompiledRules) -> bool:
    """All but segments and rules is the same, and no entry has another's name."""
    renames = new.renames
    return (
        replace(old.rule_set, **_ENTRIES) == replace(new.rule_set, **_ENTRIES)
        and old.rule_set.ladders == new.rule_set.ladders
        and not (renames.rules or renames.segments or renames.ladders)
    )


def _changed_segments(old: CompiledRules, new: CompiledRules) -> tuple[CompiledSegment, ...]:
    """Those of the new rules that the old ones do not have in the same words."""
    before = _by_id(old.rule_set)
    return tuple(new.segments[segment.id] for segment in new.rule_set.segments if before.get(segment.id) != segment)


def _by_id(rule_set: RuleSet) -> dict[str, object]:
    return {segment.id: segment for segment in rule_set.segments}
