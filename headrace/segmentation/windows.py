"""Sums by moments, kept in step with the orders one at a time: what each adds where, and what has left the window.

Which sums the rules ask for, and how they are read, is in `conditions/window.py`.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from msgspec import Struct

from headrace.segmentation.codec import decode_lines
from headrace.segmentation.state import Entry, Line, Series


class Ordered(Struct, gc=False):
    """An order as windowed sums read it: whether it counts, its minor units and its units after refunds."""

    entry: Entry
    counted: bool
    amount: int
    units: int
    lines: tuple[Line, ...] | None = None
    """None: nobody has asked for them yet."""

    def opened(self) -> tuple[Line, ...]:
        """Its lines, opened once, and only if somebody asks."""
        if self.lines is None:
            self.lines = decode_lines(self.entry.lines)
        return self.lines


Bucket = Callable[[datetime], int | None]
"""Where in a window a moment lies; None: outside."""
Amount = Callable[[Ordered], int]
Left = Callable[[int, datetime], bool]
"""Whether a bucket has left a window for good."""
Parts = list[tuple[int, int]]
"""What one order adds: bucket, amount."""


@dataclass(frozen=True, slots=True)
class WindowSum:
    """One windowed aggregate, of orders by when they were made or `of_refunds` by when those were.

    `amount`: what an order adds that counts; of refunds, 1 where those of the order are added. `left` None: never.
    """

    amount: Amount
    of_refunds: bool
    bucket: Bucket
    left: Left | None

    def parts(self, one: Ordered) -> Parts:
        """What an order adds."""
        if self.of_refunds:
            return _refunded(one, self.bucket) if self.amount(one) else []
        amount = self.amount(one) if one.counted else 0
        bucket = self.bucket(one.entry.created_at) if amount else None
        return [] if bucket is None else [(bucket, amount)]


class WindowSums(tuple[WindowSum, ...]):
    """The windowed sums that rules ask for, in their order, and by place what a step asks of several at once.

    `of_orders`, `of_refunds`: where their buckets are found, and what is added there. `moving`: those that buckets
    leave.
    """

    def __init__(self, sums: Iterable[WindowSum] = ()) -> None:
        """Of these, which the tuple holds already."""
        self.of_orders: Final = _by_bucket([(place, one) for place, one in enumerate(self) if not one.of_refunds])
        self.of_refunds: Final = _by_bucket([(place, one) for place, one in enumerate(self) if one.of_refunds])
        self.moving: Final = tuple((place, one.left) for place, one in enumerate(self) if one.left is not None)


def _by_bucket(sums: list[tuple[int, WindowSum]]) -> tuple[tuple[Bucket, tuple[tuple[int, Amount], ...]], ...]:
    """Those that find their buckets alike stand together, so that an order's is found once."""
    return tuple(
        (bucket, tuple((place, one.amount) for place, one in sums if one.bucket is bucket))
        for bucket in dict.fromkeys(one.bucket for _, one in sums)
    )


NO_SUMS: Final = WindowSums()


def step_windows(
    known: tuple[Series, ...],
    sums: WindowSums,
    before: Ordered | None,
    after: Ordered,
    now: datetime | None,
) -> tuple[Series, ...]:
    """The sums after an order changed from `before` (None: it is new); what left its window by `now` is dropped."""
    if not sums:
        return known
    if before is not None:
        if _adds_the_same(before, after):
            return known
        if before.entry.lines == after.entry.lines:
            before.lines = after.lines
    stepped = list(known)
    out, into = before if before is not None and before.counted else None, after if after.counted else None
    _step_orders(stepped, sums, out, into)
    if after.entry.refunds or (before is not None and before.entry.refunds):
        _step_refunds(stepped, sums, before, after)
    if now is not None:
        for place, left in sums.moving:
            at = stepped[place].at
            if at and left(at[0], now):
                stepped[place] = _without_left(stepped[place], left, now)
    return tuple(stepped)


def no_windows(sums: WindowSums) -> tuple[Series, ...]:
    """Nothing added up yet."""
    return (_EMPTY,) * len(sums)


def add_to(series: Series, more: Iterable[tuple[int, int]]) -> Series:
    """With these amounts; a bucket that comes to nothing goes."""
    for bucket, amount in more:
        series = _with(series, bucket, amount)
    return series


_EMPTY: Final = Series()


def _step_orders(stepped: list[Series], sums: WindowSums, out: Ordered | None, into: Ordered | None) -> None:
    """From what an order added to what it adds; None: it did not count, or does not."""
    if into is None:
        if out is None:
            return
        made = out.entry.created_at
    else:
        made = into.entry.created_at
        if out is not None and out.entry.created_at != made:
            _step_orders(stepped, sums, out, None)
            out = None
    for bucket_of, amounts in sums.of_orders:
        bucket = bucket_of(made)
        if bucket is None:
            continue
        for place, amount_of in amounts:
            amount = 0 if into is None else amount_of(into)
            if out is not None:
                amount -= amount_of(out)
            if amount:
                stepped[place] = _with(stepped[place], bucket, amount)


def _step_refunds(stepped: list[Series], sums: WindowSums, before: Ordered | None, after: Ordered) -> None:
    for bucket_of, amounts in sums.of_refunds:
        gone, come = [] if before is None else _refunded(before, bucket_of), _refunded(after, bucket_of)
        for place, amount_of in amounts:
            out = gone if gone and before is not None and amount_of(before) else []
            into = come if come and amount_of(after) else []
            if out != into:
                stepped[place] = add_to(stepped[place], [*[(bucket, -amount) for bucket, amount in out], *into])


def _with(series: Series, bucket: int, amount: int) -> Series:
    """With one more amount; most come at the end."""
    at, amounts = series.at, series.amounts
    if not at:
        return Series((bucket,), (amount,))
    if bucket > at[-1]:
        return Series((*at, bucket), (*amounts, amount))
    place = bisect_left(at, bucket)
    if at[place] != bucket:
        return Series((*at[:place], bucket, *at[place:]), (*amounts[:place], amount, *amounts[place:]))
    if total := amounts[place] + amount:
        return Series(at, (*amounts[:place], total, *amounts[place + 1 :]))
    return Series(at[:place] + at[place + 1 :], amounts[:place] + amounts[place + 1 :]) if len(at) > 1 else _EMPTY


def _without_left(series: Series, left: Left, now: datetime) -> Series:
    gone = next((index for index, bucket in enumerate(series.at) if not left(bucket, now)), len(series.at))
    return Series(series.at[gone:], series.amounts[gone:])


def _refunded(one: Ordered, bucket_of: Bucket) -> Parts:
    if one.entry.archived:
        return []
    return [
        (bucket, refund.amount)
        for refund in one.entry.refunds
        if refund.amount and (bucket := bucket_of(refund.created_at)) is not None
    ]


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
