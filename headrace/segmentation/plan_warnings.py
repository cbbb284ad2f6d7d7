"""What somebody should look at before a plan is applied: told from its sum alone."""

from collections.abc import Iterator
from typing import Final

from headrace.rules.model import RuleSet
from headrace.segmentation.near_groups import near_groups
from headrace.segmentation.plan_sum import PlanSum

BROAD: Final = 0.9
"""A segment with more than this part of all customers says little about any of them."""
BROAD_FROM: Final = 20
"""Customers from which on that is worth a word."""
TINY: Final = 5
"""A group or segment of fewer customers than this ..."""
TINY_FROM: Final = 1_000
"""... where there are at least so many in all."""


def warnings_of(found: PlanSum, rule_set: RuleSet) -> list[str]:
    """One sentence each, the gravest first."""
    return [
        *_segments(found, rule_set),
        *_by_unset(found, rule_set),
        *_near(found, rule_set),
        *_groups(found, rule_set),
    ]


def _segments(found: PlanSum, rule_set: RuleSet) -> Iterator[str]:
    for segment in rule_set.segments:
        members, by_unset = found.members[segment.id], found.entries_by_unset[segment.id]
        if found.customers >= BROAD_FROM and members > BROAD * found.customers:
            yield f"segment {segment.id} is too broad: {members:,} of {found.customers:,} customers would be in it"
        elif found.customers and not members:
            yield f"nobody would be in segment {segment.id}"
        elif members < TINY and found.customers >= TINY_FROM:
            yield f"segment {segment.id} is tiny: {members:,} of {found.customers:,} customers would be in it"
        if by_unset:
            yield (
                f"{by_unset:,} of the {members:,} customers of segment {segment.id} would be in it only because "
                "nothing is known of a value: ask for it with is_set if that is not meant"
            )


def _by_unset(found: PlanSum, rule_set: RuleSet) -> Iterator[str]:
    for ladder in rule_set.ladders:
        if count := found.entries_by_unset[ladder.id]:
            yield (
                f"{count:,} customers would be on a rung of ladder {ladder.id} only because nothing is known of their "
                f"{ladder.by}, which counts as 0: make it a segment if that is not meant"
            )
    for rule in rule_set.rules:
        if count := found.entries_by_unset[rule.id]:
            yield (
                f"rule {rule.id} would act for {count:,} customers only because nothing is known of a value: ask for "
                "it with is_set if that is not meant"
            )


def _near(found: PlanSum, rule_set: RuleSet) -> Iterator[str]:
    for name, near, count in near_groups(rule_set, found.observed):
        yield (
            f"the store has nobody in a group {name!r}, and {count:,} customers in {near!r}: if that is the one, write "
            "its name as the store does, to the letter"
        )


def _groups(found: PlanSum, rule_set: RuleSet) -> Iterator[str]:
    for group in rule_set.groups:
        members = found.groups[group.name]
        if members < TINY and found.customers >= TINY_FROM:
            yield f"group {group.name} is tiny: {members:,} of {found.customers:,} customers would be in it"
