"""Who cannot change when one rule set follows another: whoever is in the same segments and on the same rungs by both.

A short cut of `plan.py` and nothing else: whoever it is not sure of is settled in full. Asked are the entries that
differ, or all of them where the orders add up to something else.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from msgspec.structs import replace

from headrace.rules.model import Spend
from headrace.segmentation.compiled import CompiledLadder, CompiledRules, CompiledSegment
from headrace.segmentation.entries import Walk
from headrace.segmentation.facts import Facts
from headrace.segmentation.ladders import rung_of
from headrace.segmentation.state import State

Untouched = Callable[[State, State, datetime | None], bool]
"""Of a customer settled under the old rules as of now, and the same added up by the new ones: nothing else changes."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Segments and ladders to look at."""

    segments: tuple[CompiledSegment, ...]
    ladders: tuple[CompiledLadder, ...]

    @property
    def labels(self) -> bool:
        """Whether one of them reads what entries give."""
        return any(segment.condition.labels for segment in self.segments)


def never(_: State, __: State, ___: datetime | None) -> bool:
    """For two rule sets that differ in more than segments, rules, ladders without a memory, and what spend means."""
    return False


def untouched_by(old: CompiledRules, old_version: int, new: CompiledRules) -> Untouched:
    """The test for the customers of these two rule sets."""
    if not _alike(old, new):
        return never
    differing, everything = _differing(old, new), Asked(tuple(new.segments.values()), tuple(new.ladders.values()))
    if any(
        entry.rungs.holds or old.ladders[entry.id].rungs.holds for entry in differing.ladders if entry.id in old.ladders
    ):
        return never
    if new.ties and any(_claims_group(entry) for entry in (*differing.segments, *differing.ladders)):
        return never  # between equals the newest fact decides, and they read others
    gone = old.segments.keys() - new.segments.keys() | _given_anew(old, differing.segments)
    gone_rules, gone_ladders = old.rules.keys() - new.rules.keys(), old.ladders.keys() - new.ladders.keys()
    past = new.past

    def untouched(state: State, summed: State, now: datetime | None) -> bool:
        claims, standing = state.claims, state.standing
        if state.rules_version != old_version or state.pending:
            return False
        if not gone.isdisjoint(standing.segments) or not gone_ladders.isdisjoint(standing.rungs):
            return False
        if not gone_rules.isdisjoint(claims.latched):
            return False
        if gone_rules and (claims.barred_attributes or claims.barred_tags):
            return False
        if past and (state.ledger or state.cold.orders) and any(state.folded.get(r) != d for r, d in past.items()):
            return False
        return _stays(summed, new, differing if _adds_up_alike(state, summed) else everything, old, now)

    return untouched


def _stays(state: State, rules: CompiledRules, asked: Asked, old: CompiledRules, now: datetime | None) -> bool:
    """Whether the customer is in the same of these segments, and on the same of these rungs, which give the same."""
    standing = state.standing
    facts = Facts(state, rules.spend)
    facts.now = now
    if asked.labels:
        Walk(rules, state.claims, standing, offset=0).run(
            (), facts, ()
        )  # what the customer has: nobody changes it here
    for segment in asked.segments:
        if segment.condition.holds(facts) is not (segment.id in standing.segments):
            return False
    for entry in asked.ladders:
        number = rung_of(entry.ladder, entry.read(facts))
        if standing.rungs.get(entry.id) != number or entry.gives[number] != old.ladders[entry.id].gives[number]:
            return False
    return True


def _adds_up_alike(state: State, summed: State) -> bool:
    return summed is state or (
        summed.totals == state.totals and summed.purchased == state.purchased and summed.windows == state.windows
    )


def _alike(old: CompiledRules, new: CompiledRules) -> bool:
    """The rest is the same, and no entry has another's name."""
    renames = new.renames
    bare = {"segments": (), "rules": (), "ladders": (), "spend": Spend()}
    return replace(old.rule_set, **bare) == replace(new.rule_set, **bare) and not (
        renames.rules or renames.segments or renames.ladders
    )


def _differing(old: CompiledRules, new: CompiledRules) -> Asked:
    """The entries of the new rules that the old ones do not have in the same words."""
    segments = {segment.id: segment for segment in old.rule_set.segments}
    ladders = {ladder.id: ladder for ladder in old.rule_set.ladders}
    return Asked(
        tuple(new.segments[one.id] for one in new.rule_set.segments if segments.get(one.id) != one),
        tuple(new.ladders[one.id] for one in new.rule_set.ladders if ladders.get(one.id) != one),
    )


def _given_anew(old: CompiledRules, segments: Iterable[CompiledSegment]) -> set[str]:
    """Segments that give something else to those who stay in them."""
    return {one.id for one in segments if one.id in old.segments and one.gives != old.segments[one.id].gives}


def _claims_group(entry: CompiledSegment | CompiledLadder) -> bool:
    gives = (entry.gives,) if isinstance(entry, CompiledSegment) else entry.gives
    return any(give.group is not None for give in gives)
