"""Sums by moments, kept in step with the orders one at a time: what each adds where, and what has left the window.

Which sums the rules ask for, and how they are read, is in `conditions/window.py`.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from headrace.segmentation.codec import decode_lines
from headrace.segmentation.state import Entry, Line, Series

Parts = tuple[tuple[int, int], ...]
"""What one order adds: bucket, amount."""


class Ordered:
    """An order as windowed sums read it: whether it counts, its minor units and its units after refunds."""

    __slots__ = ("_lines", "amount", "counted", "entry", "units")

    def __init__(
        self, entry: Entry, *, counted: bool, amount: int, units: int, lines: tuple[Line, ...] | None = None
    ) -> None:
        self.entry = entry
        self.counted = counted
        self.amount = amount
        self.units = units
        self._lines = lines

    @property
    def lines(self) -> tuple[Line, ...]:
        """Opened once, and only if somebody asks."""
        if self._lines is None:
            self._lines = decode_lines(self.entry.lines)
        return self._lines


@dataclass(frozen=True, slots=True)
class WindowSum:
    """One windowed aggregate. `left`: whether a bucket has left the window for good."""

    parts: Callable[[Ordered], Parts]
    left: Callable[[int, datetime], bool]


def step_windows(
    known: tuple[Series, ...],
    sums: tuple[WindowSum, ...],
    before: Ordered | None,
    after: Ordered,
    now: datetime | None,
) -> tuple[Series, ...]:
    """The sums after an order changed from `before` (None: it is new); what left its window by `now` is dropped."""
    if not sums or (before is not None and _adds_the_same(before, after)):
        return known
    return tuple(
        [
            _stepped(series, one, () if before is None else one.parts(before), one.parts(after), now)
            for series, one in zip(known, sums, strict=True)
        ]
    )


def no_windows(sums: tuple[WindowSum, ...]) -> tuple[Series, ...]:
    """Nothing added up yet."""
    return (_EMPTY,) * len(sums)


def add_to(series: Series, more: Iterable[tuple[int, int]]) -> Series:
    """With these amounts; a bucket that comes to nothing goes."""
    at, amounts = series.at, series.amounts
    for bucket, amount in more:
        place = bisect_left(at, bucket)
        if place == len(at) or at[place] != bucket:
            at, amounts = (*at[:place], bucket, *at[place:]), (*amounts[:place], amount, *amounts[place:])
        elif left := amounts[place] + amount:
            amounts = (*amounts[:place], left, *amounts[place + 1 :])
        else:
            at, amounts = at[:place] + at[place + 1 :], amounts[:place] + amounts[place + 1 :]
    return Series(at, amounts) if at else _EMPTY


def pruned(series: Series, one: WindowSum, now: datetime | None) -> Series:
    """Without what has left the window."""
    if now is None or not series.at or not one.left(series.at[0], now):
        return series
    gone = next((index for index, bucket in enumerate(series.at) if not one.left(bucket, now)), len(series.at))
    return Series(series.at[gone:], series.amounts[gone:])


_EMPTY = Series()


def _stepped(series: Series, one: WindowSum, out: Parts, into: Parts, now: datetime | None) -> Series:
    if out != into:
        series = add_to(series, (*[(bucket, -amount) for bucket, amount in out], *into) if out else into)
    return pruned(series, one, now) if series.at else series


def _adds_the_same(before: Ordered, after: Ordered) -> bool:
    """All that a sum may read of an order is as it was."""
    was, now = before.entry, after.entry
    return (
        before.counted is after.counted
        and before.amount == after.amount
        and before.units == after.units
        and was.created_at == now.created_at
        and was.archived is now.archived
        and was.channel == now.channel
        and was.refunds == now.refunds
        and was.lines == now.lines
    )
