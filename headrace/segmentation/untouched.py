"""Who stays in the same segments, on the same rungs and with the same claims when one rule set follows another.

A short cut of `plan.py` and nothing else: whoever it is not sure of is settled in full. Asked are the entries that
differ, or all of them where more than entries differs, or the orders add up to something else.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from msgspec.structs import replace

from headrace.rules.model import RuleSet, Spend
from headrace.segmentation.compiled import CompiledRules
from headrace.segmentation.compiled_entries import CompiledLadder, CompiledSegment
from headrace.segmentation.entries import Walk
from headrace.segmentation.facts import Facts
from headrace.segmentation.ladders import rung_of
from headrace.segmentation.state import State

Test = Callable[[State, State, datetime | None], bool]


@dataclass(frozen=True, slots=True)
class Untouched:
    """`stays`: of a customer settled under the old rules as of now, and the same added up by the new ones.

    `told_alike`: those who stay are told the same, since no entry gives anything else and the groups are the same;
    `labelled_alike`: at least their attributes and tags are the same.
    """

    stays: Test
    told_alike: bool
    labelled_alike: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """Segments and ladders to look at."""

    segments: tuple[CompiledSegment, ...]
    ladders: tuple[CompiledLadder, ...]
    labels: bool
    """Whether one of them reads what entries give."""


def _asked(segments: Iterable[CompiledSegment], ladders: Iterable[CompiledLadder]) -> Asked:
    segments = tuple(segments)
    return Asked(segments, tuple(ladders), any(segment.condition.labels for segment in segments))


NOBODY = Untouched(lambda _, __, ___: False, told_alike=False, labelled_alike=False)
"""Of nobody is known that it stays."""


def untouched_by(old: CompiledRules, old_version: int, new: CompiledRules) -> Untouched:
    """The test for the customers of these two rule sets."""
    differing, everything = _differing(old, new), _asked(new.segments.values(), new.ladders.values())
    read_alike, gives_alike = _reading(old.rule_set) == _reading(new.rule_set), _give_alike(old, new, differing)
    told_alike = _bare(old.rule_set) == _bare(new.rule_set) and gives_alike
    known = (old.ladders[entry.id] for entry in differing.ladders if entry.id in old.ladders)
    if (
        any((new.renames.rules, new.renames.segments, new.renames.ladders))
        or any(entry.rungs.holds for entry in (*differing.ladders, *known))
        or (new.reads_membership and not told_alike)  # a group that is another may have consequences
    ):
        return NOBODY
    differing = differing if read_alike and gives_alike else everything  # what is given may be read
    gone, gone_ladders = old.segments.keys() - new.segments.keys(), old.ladders.keys() - new.ladders.keys()
    gone_rules, past = old.rules.keys() - new.rules.keys(), new.past

    def stays(state: State, summed: State, now: datetime | None) -> bool:
        claims, standing = state.claims, state.standing
        if state.rules_version != old_version or state.pending:
            return False
        if not gone.isdisjoint(standing.segments) or not gone_ladders.isdisjoint(standing.rungs):
            return False
        if not gone_rules.isdisjoint(claims.latched):
            return False
        if gone_rules and (claims.barred_attributes or claims.barred_tags):
            return False
        if past != state.folded and (state.ledger or state.cold.orders) and _is_due(past, state.folded):
            return False
        asked = differing if summed is state or _adds_up_alike(state, summed) else everything
        return _holds_its_place(summed, new, asked, now)

    return Untouched(stays, told_alike, gives_alike)


def _holds_its_place(state: State, rules: CompiledRules, asked: Asked, now: datetime | None) -> bool:
    """Whether the customer is in the same of these segments, and on the same of these rungs."""
    if not asked.segments and not asked.ladders:
        return True
    standing = state.standing
    facts = Facts(state, rules.spend)
    facts.now = now
    if asked.labels:
        Walk(rules, state.claims, standing, offset=0).run((), facts, ())  # what the customer has
    for segment in asked.segments:
        if segment.condition.holds(facts) is not (segment.id in standing.segments):
            return False
    rungs = standing.rungs
    return not asked.ladders or all(rungs.get(one.id) == rung_of(one.ladder, one.read(facts)) for one in asked.ladders)


def _adds_up_alike(state: State, summed: State) -> bool:
    return summed.totals == state.totals and summed.purchased == state.purchased and summed.windows == state.windows


def _is_due(past: Mapping[str, str], folded: Mapping[str, str]) -> bool:
    """Whether a rule goes over the past that has not, or that says something else by now."""
    return any(folded.get(rule) != digest for rule, digest in past.items())


def _reading(rule_set: RuleSet) -> tuple[object, ...]:
    """What conditions are read by, besides themselves."""
    return rule_set.store, rule_set.calendars, rule_set.aliases, rule_set.channels


def _bare(rule_set: RuleSet) -> RuleSet:
    """Without entries, and without what spend means, which shows in what the orders add up to."""
    return replace(rule_set, segments=(), rules=(), ladders=(), spend=Spend())


def _differing(old: CompiledRules, new: CompiledRules) -> Asked:
    """The entries of the new rules that the old ones do not have in the same words."""
    segments = {segment.id: segment for segment in old.rule_set.segments}
    ladders = {ladder.id: ladder for ladder in old.rule_set.ladders}
    return _asked(
        (new.segments[one.id] for one in new.rule_set.segments if segments.get(one.id) != one),
        (new.ladders[one.id] for one in new.rule_set.ladders if ladders.get(one.id) != one),
    )


def _give_alike(old: CompiledRules, new: CompiledRules, differing: Asked) -> bool:
    """Whether who stays is given the same; between equals the newest fact decides, and edited entries read others."""
    given = [one.gives for one in differing.segments] + [gives for one in differing.ladders for gives in one.gives]
    if new.ties and any(gives.group is not None for gives in given):
        return False
    pairs = [(one.gives, old.segments[one.id].gives) for one in differing.segments if one.id in old.segments]
    rungs = [(one.gives, old.ladders[one.id].gives) for one in differing.ladders if one.id in old.ladders]
    return all(now == before for now, before in pairs) and all(now == before for now, before in rungs)
