"""A customer's orders opened once, for whoever adds them up and then goes over them: a plan does, for every customer.

It comes to what `orders.sum_up` comes to. Who has orders on pages is left to that, which has one of them in memory.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from msgspec.structs import replace

from headrace.segmentation import orders
from headrace.segmentation.codec import decode_entry, decode_lines
from headrace.segmentation.pages import NO_PAGES, Pages
from headrace.segmentation.state import Cold, Entry, Line, Purchased, Series, State, Totals
from headrace.segmentation.totals import Contribution, Summing, contribution, ordered
from headrace.segmentation.visits import by_days
from headrace.segmentation.windows import no_windows, step_windows


class Opened:
    """The orders of a state, in its order. They are opened when first asked for, and then kept."""

    __slots__ = ("_entries", "_lines", "pages", "state")

    def __init__(self, state: State, pages: Pages) -> None:
        self.state = state
        self.pages = pages
        self._entries: list[Entry] | None = None
        self._lines: list[tuple[Line, ...]] | None = None

    def of(self, state: State) -> "Opened":
        """The same orders, of a state that was decided since."""
        found = Opened(state, self.pages)
        found._entries, found._lines = self._entries, self._lines
        return found

    @property
    def paged(self) -> bool:
        """Whether some orders are on pages; these are not opened here."""
        return self.pages is not NO_PAGES and (bool(self.state.cold.orders) or any(True for _ in self.pages.orders()))

    @property
    def entries(self) -> list[Entry]:
        """Those in the state."""
        if self._entries is None:
            self._entries = [decode_entry(body) for body in self.state.ledger.values()]
        return self._entries

    @property
    def lines(self) -> list[tuple[Line, ...]]:
        """Of each of the entries."""
        if self._lines is None:
            self._lines = [decode_lines(entry.lines) for entry in self.entries]
        return self._lines


def added_up(opened: Opened, summing: Summing, now: datetime | None) -> State:
    """The state with the accumulators that these rules ask for."""
    state = opened.state
    if state.summed == summing.digest:
        return state
    if opened.paged:
        return orders.sum_up(state, summing, opened.pages, now)
    spend = summing.spend
    parts = [contribution(entry, spend) for entry in opened.entries]
    return replace(
        state,
        totals=_totals(parts) if parts else _NOTHING,
        purchased=_purchased(parts, summing, opened),
        windows=_windows(parts, summing, opened, now) if summing.windows else (),
        visits=by_days(state.visits, summing.zone),
        cold=_NO_COLD,
        summed=summing.digest,
    )


def _totals(parts: Sequence[Contribution]) -> Totals:
    spend = items = refunds = orders = largest = 0
    newest = parts[0].newest
    first: datetime | None = None
    last: datetime | None = None
    for part in parts:
        refunds += part.refunded
        if part.newest > newest:
            newest = part.newest
        if not part.counted:
            continue
        amount, made = part.amount, part.created_at
        orders += 1
        spend += amount
        items += part.units
        if amount > largest:
            largest = amount
        if first is None or last is None:
            first = last = made
        elif made < first:
            first = made
        elif made > last:
            last = made
    return Totals(spend, orders, items, refunds, largest, first, last, newest)


def _purchased(parts: Sequence[Contribution], summing: Summing, opened: Opened) -> Purchased:
    if not summing.tests:
        return _NONE_PURCHASED
    lines = [line for part, several in zip(parts, opened.lines, strict=True) if part.counted for line in several]
    together = tuple(lines)
    return Purchased(len(together), tuple([count(together) for count in summing.tests]))


def _windows(
    parts: Sequence[Contribution], summing: Summing, opened: Opened, now: datetime | None
) -> tuple[Series, ...]:
    known, all_lines = no_windows(summing.windows), opened.lines if summing.tests else (None,) * len(parts)
    for entry, part, lines in zip(opened.entries, parts, all_lines, strict=True):
        known = step_windows(known, summing.windows, None, ordered(entry, part, lines), now)
    return known


_NOTHING: Final = Totals()
_NO_COLD: Final = Cold()
_NONE_PURCHASED: Final = Purchased(0, ())
