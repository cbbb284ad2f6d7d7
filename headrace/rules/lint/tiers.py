"""Tiers written as separate entries over one number: the value that is in none of them, and the one that is in two.

A ladder has neither by construction, so that is what is offered.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from headrace.rules.lint.looking import Looking, condition_of, entries_of
from headrace.rules.lint.ranges import Number, Range, Tested, tested
from headrace.rules.model import AddAttribute, AddTag, AssignGroup, Rule, Segment


class Tier(NamedTuple):
    """One entry that gives one value of something (`of`: the group, an attribute, a platform's tags) by one number."""

    entry: Segment | Rule
    test: Tested
    value: str

    @property
    def range(self) -> Range:
        """What the number must be."""
        return self.test.range


def check_tiers(looking: Looking) -> None:
    """Holes of one value between tiers, and values that are in two of them."""
    families: dict[tuple[Number, str, bool], list[Tier]] = {}
    for entry in entries_of(looking.rule_set):
        test = tested(condition_of(entry))
        if test is None or test.range.empty:
            continue
        for of, value in _gives(entry):
            families.setdefault((test.number, of, isinstance(entry, Rule)), []).append(Tier(entry, test, value))
    told: set[tuple[str, str]] = set()
    for (number, of, latched), tiers in families.items():
        if len({tier.value for tier in tiers}) > 1:
            _holes(looking, number, tiers, told)
            if not latched:
                _overlaps(looking, number, of, tiers, told)


def _gives(entry: Segment | Rule) -> Iterator[tuple[str, str]]:
    if isinstance(entry, Segment):
        groups: tuple[str, ...] = () if entry.group is None else (entry.group,)
        attributes = [entry.attributes]
        tags = entry.tags
    else:
        groups = tuple(action.group for action in entry.then if isinstance(action, AssignGroup))
        attributes = [action.values for action in entry.then if isinstance(action, AddAttribute)]
        tags = tuple(tag for action in entry.then if isinstance(action, AddTag) for tag in action.tags)
    yield from (("the group", group) for group in groups)
    yield from ((f"the attribute {name}", value) for each in attributes for name in each for value in each[name])
    yield from ((f"the tags of {tag.platform}", tag.name) for tag in tags)


def _holes(looking: Looking, number: Number, tiers: list[Tier], told: set[tuple[str, str]]) -> None:
    """Only holes of a single value: wider ones are meant, as between low and high volume."""
    for lower, upper in pairwise(sorted(tiers, key=_order)):
        end, begin = lower.range.high, upper.range.low
        pair = (lower.entry.id, upper.entry.id)
        if end is None or begin is None or begin != end + 1 or pair in told:
            continue
        told.add(pair)
        exactly = looking.shown(number.field, end)
        bound = looking.plain(number.field, end)
        looking.say(
            "tier_gap",
            upper.entry,
            f"a {number.field} of exactly {exactly} is neither {lower.value} ({lower.entry.id}) nor {upper.value}",
            f"write {{from: {bound}}} here to make it {upper.value}, or {{up_to: {bound}}} in {lower.entry.id} to make "
            f"it {lower.value}; a ladder by {number.field} has no gaps",
            at=upper.test.leaf,
        )


def _overlaps(looking: Looking, number: Number, of: str, tiers: list[Tier], told: set[tuple[str, str]]) -> None:
    """Of a group, only ranges that lie across each other: of one within the other, group_order decides."""
    ordered = sorted(tiers, key=_order)
    for at, lower in enumerate(ordered):
        for upper in ordered[at + 1 :]:
            common, pair = lower.range.both(upper.range), (lower.entry.id, upper.entry.id)
            if common.empty or lower.value == upper.value or pair in told:
                continue
            nested = upper.range.within(lower.range) or lower.range.within(upper.range)
            if of == "the group" and nested:
                continue
            told.add(pair)
            both = _some(looking, number.field, common)
            looking.say(
                "tier_overlap",
                upper.entry,
                f"{of} is {lower.value} ({lower.entry.id}) and {upper.value} at once where {number.field} is {both}",
                f"end {lower.entry.id} where this begins, with {{from: ..., below: ...}}; a ladder by {number.field} "
                f"puts everybody on exactly one rung",
                at=upper.test.leaf,
            )


def _some(looking: Looking, field: str, common: Range) -> str:
    low, high = common
    if low is not None and high is not None and high - low == 1:
        return f"exactly {looking.shown(field, low)}"
    if low is not None:
        return f"{looking.shown(field, low)} or more"
    assert high is not None
    return f"less than {looking.shown(field, high)}"


def _order(tier: Tier) -> tuple[float, float]:
    low, high = tier.range
    return (float("-inf") if low is None else low, float("inf") if high is None else high)
