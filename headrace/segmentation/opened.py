"""A customer's orders opened once, for whoever adds them up and then goes over them: a plan does, for every customer.

It comes to what `orders.sum_up` comes to. Who has orders on pages is left to that, which has one of them in memory.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, compress
from typing import Final

from msgspec.structs import replace

from headrace.rules.model import Spend
from headrace.segmentation import orders
from headrace.segmentation.codec import decode_entry, decode_lines
from headrace.segmentation.compiled import CompiledRules
from headrace.segmentation.ledger import NEVER, counted_spend, counts
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


@dataclass(frozen=True, slots=True)
class Kept:
    """Of accumulators that were added up by other rules, with this digest: which of them these rules ask for too."""

    digest: str
    totals: bool
    purchased: bool
    windows: bool


def kept_from(old: CompiledRules | None, new: CompiledRules) -> Kept:
    """`old` None: before there were any rules, the default spend is added up."""
    spend = Spend() if old is None else old.rule_set.spend
    digest, lines, windows = ("", [], []) if old is None else _said(old)
    totals = spend == new.rule_set.spend
    counted_alike = counted_spend(spend).statuses == new.spend.statuses
    return Kept(
        digest,
        totals=totals,
        purchased=counted_alike and lines == _said(new)[1],
        windows=totals and windows == _said(new)[2],
    )


def added_up(opened: Opened, summing: Summing, now: datetime | None, kept: Kept | None = None) -> State:
    """The state with the accumulators that these rules ask for."""
    state = opened.state
    if state.summed == summing.digest:
        return state
    if opened.paged:
        return orders.sum_up(state, summing, opened.pages, now)
    known = kept if kept is not None and kept.digest == state.summed else _NOTHING_KEPT
    parts = [] if known.totals and known.windows else [contribution(one, summing.spend) for one in opened.entries]
    return replace(
        state,
        totals=state.totals if known.totals else _totals(parts),
        purchased=state.purchased if known.purchased else _purchased(summing, opened),
        windows=state.windows if known.windows else _windows(parts, summing, opened, now),
        visits=by_days(state.visits, summing.zone),
        cold=_NO_COLD,
        summed=summing.digest,
    )


def _totals(parts: Sequence[Contribution]) -> Totals:
    if not parts:
        return Totals()
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
    # There may be marks of orders that left, and nothing else.
    return Totals(spend, orders, items, refunds, largest, first, last, None if newest == NEVER else newest)


def _purchased(summing: Summing, opened: Opened) -> Purchased:
    if not summing.tests:
        return _NONE_PURCHASED
    counted = [counts(entry, summing.spend) for entry in opened.entries]
    together = tuple(chain.from_iterable(compress(opened.lines, counted)))
    return Purchased(len(together), tuple(summing.of_lines(together)))


def _windows(
    parts: Sequence[Contribution], summing: Summing, opened: Opened, now: datetime | None
) -> tuple[Series, ...]:
    known = no_windows(summing.windows)
    if not known:
        return ()
    all_lines = opened.lines if summing.tests else (None,) * len(parts)
    for entry, part, lines in zip(opened.entries, parts, all_lines, strict=True):
        known = step_windows(known, summing.windows, None, ordered(entry, part, lines), now)
    return known


def _said(rules: CompiledRules) -> tuple[str, list[bytes], list[bytes]]:
    """By which its accumulators are known, and what is counted of lines and windows."""
    return rules.summing.digest, rules.terms.purchased.said, rules.terms.windows.said


_NOTHING_KEPT: Final = Kept("", totals=False, purchased=False, windows=False)
_NO_COLD: Final = Cold()
_NONE_PURCHASED: Final = Purchased(0, ())
