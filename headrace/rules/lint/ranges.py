"""What a condition on one number admits, as one range of integers; the empty one admits nothing.

Money is minor units, so that "above 2000.00" begins at 200001 and every boundary is exact.
"""

from typing import Final, NamedTuple

from headrace.rules.catalogue import FIELDS
from headrace.rules.model import AllOf, Between, Condition, Leaf, Only, Window

NUMERIC: Final = ("money", "number")


class Range(NamedTuple):
    """`low` <= value < `high`; None: no bound."""

    low: int | None
    high: int | None

    @property
    def empty(self) -> bool:
        """Nothing lies in it."""
        return self.low is not None and self.high is not None and self.low >= self.high

    def within(self, other: "Range") -> bool:
        """Everything in it lies in `other` too."""
        low = other.low is None or (self.low is not None and self.low >= other.low)
        high = other.high is None or (self.high is not None and self.high <= other.high)
        return low and high

    def both(self, other: "Range") -> "Range":
        """What lies in both."""
        lows = [bound for bound in (self.low, other.low) if bound is not None]
        highs = [bound for bound in (self.high, other.high) if bound is not None]
        return Range(max(lows, default=None), min(highs, default=None))


class Number(NamedTuple):
    """Which number is tested: two tests of the same one can be compared."""

    field: str
    window: Window | None
    only: Only | None


class Tested(NamedTuple):
    """A condition that asks one number only: which, and for what. `leaf`: the test, or the first of several."""

    number: Number
    range: Range
    leaf: Leaf


def tested(condition: Condition | None) -> Tested | None:
    """None where the condition asks anything else, or nothing."""
    match condition:
        case Leaf():
            found = range_of(condition)
            return None if found is None else Tested(number_of(condition), found, condition)
        case AllOf(of=of):
            parts = [tested(part) for part in of]
            first = parts[0]
            if first is None or any(part is None or part.number != first.number for part in parts):
                return None
            whole = first.range
            for part in parts[1:]:
                assert part is not None
                whole = whole.both(part.range)
            return Tested(first.number, whole, first.leaf)
        case _:
            return None


def excludes_itself(condition: Condition) -> Leaf | None:
    """The test that excludes those of the same number before it, so that nobody meets the condition; None: none does.

    Of several ways (`any`), one that is closed leaves the others open: those are not gone into.
    """
    if not isinstance(condition, AllOf):
        return None
    known: dict[Number, Range] = {}
    for part in condition.of:
        if isinstance(part, Leaf) and (found := range_of(part)) is not None:
            number = number_of(part)
            known[number] = known.get(number, Range(None, None)).both(found)
            if known[number].empty:
                return part
    return next((leaf for part in condition.of if (leaf := excludes_itself(part)) is not None), None)


def range_of(leaf: Leaf) -> Range | None:
    """What a test of a number admits; None for one that is no range, or of something else."""
    field = FIELDS.get(leaf.field)
    if field is None or field.family not in NUMERIC:
        return None
    bound = leaf.operand
    if isinstance(bound, Between):
        return Range(bound.low, bound.high)
    if not isinstance(bound, int) or isinstance(bound, bool):
        return None
    match leaf.operator:
        case "is":
            return Range(bound, bound + 1)
        case "above":
            return Range(bound + 1, None)
        case "from":
            return Range(bound, None)
        case "below":
            return Range(None, bound)
        case "up_to":
            return Range(None, bound + 1)
        case _:
            return None


def number_of(leaf: Leaf) -> Number:
    """Which number the test is of."""
    return Number(leaf.field, leaf.window, leaf.only)
