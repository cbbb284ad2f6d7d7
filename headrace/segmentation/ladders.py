"""Ladders: the rung a number stands on, exactly one per ladder.

Demotes at once; grace and one-step demotion come with timers.
"""

from headrace.rules.model import Ladder, Rung


def rung_of(ladder: Ladder, value: int | None) -> int:
    """Number of the highest rung whose bound is met; unset counts as 0, the start rung always holds."""
    standing = 0 if value is None else value
    number = 0
    for index, rung in enumerate(ladder.rungs):
        if reached(rung, standing):
            number = index
    return number


def reached(rung: Rung, value: int) -> bool:
    """`from` includes its threshold, `above` does not."""
    if rung.bound == "start":
        return True
    return value >= rung.threshold if rung.bound == "from" else value > rung.threshold
