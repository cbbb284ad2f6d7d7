"""Why a customer stands where it stands: every entry, whether it holds, and the numbers it looked at.

For people, never with anything that identifies one; it decides nothing.
"""

from dataclasses import dataclass

from headrace.segmentation.actions import choose_group, group_claims, wanted_group
from headrace.segmentation.compiled import CompiledRules
from headrace.segmentation.conditions.number import shown
from headrace.segmentation.facts import MONEY, NUMBERS, Facts
from headrace.segmentation.state import State


@dataclass(frozen=True, slots=True)
class Reason:
    """One entry: `holds` = the customer is in it, or the rule has latched; `text` says of what."""

    source: str
    holds: bool
    text: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """`group`: the desired one (None = not ours to touch) and the claim that won it; `lost`: claimed, not won."""

    group: str | None
    winner: str | None
    lost: tuple[str, ...]
    reasons: tuple[Reason, ...]


def explain(state: State, rules: CompiledRules) -> Explanation:
    """The standing of one customer under the rules it was last settled with."""
    winner = choose_group(state, rules)
    claimed = sorted({f"{claim.source} ({claim.group})" for claim in group_claims(state, rules) if claim != winner})
    return Explanation(
        group=wanted_group(state, rules),
        winner=None if winner is None else winner.source,
        lost=tuple(claimed),
        reasons=(*_rules(state, rules), *_segments(state, rules), *_ladders(state, rules)),
    )


def _rules(state: State, rules: CompiledRules) -> list[Reason]:
    reasons = []
    for rule in rules.rules.values():
        latch = state.claims.latched.get(rule.id)
        condition = "always" if rule.condition is None else rule.condition.text
        since = "" if latch is None else f", last on {latch.fact_at:%Y-%m-%d}"
        reasons.append(Reason(rule.source, latch is not None, f"{rule.when.name}: {condition}{since}"))
    return reasons


def _segments(state: State, rules: CompiledRules) -> list[Reason]:
    return [
        Reason(segment.source, segment.id in state.standing.segments, segment.condition.text)
        for segment in rules.segments.values()
    ]


def _ladders(state: State, rules: CompiledRules) -> list[Reason]:
    facts = Facts(state, rules.spend)
    reasons = []
    for entry in rules.ladders.values():
        by = entry.ladder.by
        value = shown(NUMBERS[by](facts), rules.rule_set.store.currency if by in MONEY else None)
        number = state.standing.rungs.get(entry.id, 0)
        group = entry.gives[number].group or "no group"
        reasons.append(Reason(entry.source, True, f"{by} is {value}: rung {number + 1}, {group}"))  # noqa: FBT003  # a field
    return reasons
