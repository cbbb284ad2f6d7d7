"""Crossing: a number that was on one side of an amount before the event looked at, and is on the other after it.

Without an event (time, an activation) nothing crosses.
"""

from collections.abc import Callable
from typing import Final

from headrace.rules.model import Leaf
from headrace.segmentation.facts import Facts

OPERATORS: Final = ("crosses", "crosses_down")


def compile_test(leaf: Leaf, read: Callable[[Facts], int | None]) -> Callable[[Facts], bool]:
    """`crosses`: not above before the event, above after; `crosses_down`: above before, not above after.

    Raises ValueError for an operator the family does not have.
    """
    bound = leaf.operand
    if leaf.operator not in OPERATORS or not isinstance(bound, int):
        raise ValueError(f"no operator {leaf.operator!r} with {bound!r}")
    upward = leaf.operator == "crosses"

    def crossed(facts: Facts) -> bool:
        if facts.before is None or _above(read(facts), bound) is not upward:
            return False
        earlier = Facts(facts.before, facts.spend)
        earlier.now = facts.now
        return _above(read(earlier), bound) is not upward

    return crossed


def spend_before(facts: Facts) -> int | None:
    """Lifetime spend without the event that is looked at; unset where there is none."""
    return None if facts.before is None else facts.before.totals.spend


def _above(value: int | None, bound: int) -> bool:
    return value is not None and value > bound
