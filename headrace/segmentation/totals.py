"""Accumulators: what the orders add up to, kept in step with them one order at a time.

What one order contributes is decided here, by the declared spend; where the orders are kept is in `orders.py`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from operator import add as plus
from operator import sub as minus
from typing import Final
from zoneinfo import ZoneInfo

from msgspec import Struct

from headrace.segmentation.ledger import CountedSpend, counts
from headrace.segmentation.state import Cold, Entry, Line, Purchased, Series, Totals
from headrace.segmentation.windows import NO_SUMS, Ordered, WindowSums, no_windows, step_windows

LineCount = Callable[[tuple[Line, ...]], int]


@dataclass(frozen=True, slots=True)
class Summing:
    """By what accumulators are added up: the declared spend, and how many lines meet each test that rules make of them.

    `digest`: what `State.summed` must be for its accumulators to be these. `windows`: the windowed sums that rules ask
    for. `zone`: the store's, by whose days visits are counted; None while no rules say it.
    """

    spend: CountedSpend
    tests: tuple[LineCount, ...] = ()
    digest: str = ""
    windows: WindowSums = NO_SUMS
    zone: ZoneInfo | None = None
    counts: Callable[[tuple[Line, ...]], list[int]] | None = None
    """All of `tests` at once, where that is quicker."""

    def of_lines(self, lines: tuple[Line, ...]) -> list[int]:
        """How many of these meet each test."""
        return [count(lines) for count in self.tests] if self.counts is None else self.counts(lines)


class Contribution(Struct, frozen=True):
    """What one order adds; minor units and units after refunds. Only `refunded` and `newest` if it does not count."""

    counted: bool
    amount: int
    units: int
    refunded: int
    created_at: datetime
    newest: datetime


def contribution(entry: Entry, spend: CountedSpend) -> Contribution:
    """Of one order."""
    made, refunds = entry.created_at, entry.refunds
    if not refunds:
        if not counts(entry, spend):
            return Contribution(False, 0, 0, 0, made, made)  # noqa: FBT003  # a field
        return Contribution(True, spend.value(entry), entry.units, 0, made, made)  # noqa: FBT003  # a field
    newest = max([made, *[refund.created_at for refund in refunds]])
    refunded = 0 if entry.archived else sum([refund.amount for refund in refunds])
    if not counts(entry, spend):
        return Contribution(False, 0, 0, refunded, made, newest)  # noqa: FBT003  # a field
    amount, units = spend.value(entry), entry.units
    if spend.subtract_refunds:
        amount = max(0, amount - refunded)
        units = max(0, units - sum([refund.units for refund in refunds]))
    return Contribution(True, amount, units, refunded, made, newest)  # noqa: FBT003  # a field


def ordered(entry: Entry, part: Contribution, lines: tuple[Line, ...] | None = None) -> Ordered:
    """An order, with its lines where they are known, as windowed sums read it."""
    return Ordered(entry, counted=part.counted, amount=part.amount, units=part.units, lines=lines)


def add(totals: Totals, part: Contribution) -> Totals:
    """Totals with one more order's part."""
    largest, first, last, newest = totals.largest, totals.first, totals.last, totals.newest
    if part.counted:
        made = part.created_at
        if part.amount > largest:
            largest = part.amount
        if first is None or made < first:
            first = made
        if last is None or made > last:
            last = made
    if newest is None or part.newest > newest:
        newest = part.newest
    return Totals(
        totals.spend + part.amount,
        totals.orders + part.counted,
        totals.items + part.units,
        totals.refunds + part.refunded,
        largest,
        first,
        last,
        newest,
    )


def step_totals(totals: Totals, old: Contribution | None, new: Contribution, extremes: Callable[[], Totals]) -> Totals:
    """The totals after one order's part changed from `old` (None: it is new).

    `extremes` looks at all orders as they are now, and is asked only when an extreme went.
    """
    if old is None:
        return add(totals, new)
    if old == new:
        return totals
    bounds = extremes() if _gave_way(totals, old, new) else totals
    rest = Totals(
        totals.spend - old.amount,
        totals.orders - old.counted,
        totals.items - old.units,
        totals.refunds - old.refunded,
        bounds.largest,
        bounds.first,
        bounds.last,
        bounds.newest,
    )
    return add(rest, new)


def extremes_of(parts: Iterable[Contribution], cold: Cold) -> Totals:
    """Totals whose extremes are those of some orders and of the cold ones."""
    totals = Totals(
        largest=cold.largest[0] if cold.largest else 0,
        first=cold.first[0] if cold.first else None,
        last=cold.last[0] if cold.last else None,
        newest=cold.newest[0] if cold.newest else None,
    )
    for part in parts:
        totals = add(totals, part)
    return totals


def step_purchased(purchased: Purchased, gone: tuple[Line, ...], come: tuple[Line, ...], summing: Summing) -> Purchased:
    """The count of purchased lines after some went and some came."""
    matches = purchased.matches
    if come:
        matches = tuple(map(plus, matches, summing.of_lines(come)))
    if gone:
        matches = tuple(map(minus, matches, summing.of_lines(gone)))
    return Purchased(purchased.lines - len(gone) + len(come), matches)


def none_purchased(summing: Summing) -> Purchased:
    """No lines yet."""
    return Purchased(0, (0,) * len(summing.tests))


class Sums:
    """Accumulators from the first order on; `now`: what left its window by then need not be kept."""

    __slots__ = ("_now", "_summing", "purchased", "totals", "windows")

    def __init__(self, summing: Summing, now: datetime | None = None) -> None:
        self._summing = summing
        self._now = now
        self.totals: Totals = _NOTHING
        self.purchased: Purchased = none_purchased(summing)
        self.windows: tuple[Series, ...] = no_windows(summing.windows)

    def add(self, entry: Entry) -> Contribution:
        """One more order."""
        part = contribution(entry, self._summing.spend)
        self.totals = add(self.totals, part)
        one = ordered(entry, part)
        if part.counted and self._summing.tests:
            self.purchased = step_purchased(self.purchased, (), one.opened(), self._summing)
        self.windows = step_windows(self.windows, self._summing.windows, None, one, self._now)
        return part


_NOTHING: Final = Totals()


def _gave_way(totals: Totals, old: Contribution, new: Contribution) -> bool:
    """The order held an extreme and holds it no longer."""
    if old.newest == totals.newest and new.newest < old.newest:
        return True
    if not old.counted:
        return False
    if not new.counted:
        return old.amount == totals.largest or old.created_at in (totals.first, totals.last)
    return (
        (old.amount == totals.largest and new.amount < old.amount)
        or (old.created_at == totals.first and new.created_at > old.created_at)
        or (old.created_at == totals.last and new.created_at < old.created_at)
    )
