"""Where a customer's orders are kept: the hot ledger in the state record, and pages of one order each.

What an order says and adds up to is decided elsewhere; by it, no result may depend on where an order lies.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from headrace.segmentation import cold as colds
from headrace.segmentation import pages as paging
from headrace.segmentation.codec import StateUnreadable, decode_entry, encode_entry, encode_page, page_content
from headrace.segmentation.ledger import NEVER, CountedSpend
from headrace.segmentation.pages import NOTHING_WRITTEN, ORDER, Overlay, Pages, Written, order_page
from headrace.segmentation.state import Cold, Entry, State, Totals
from headrace.segmentation.totals import Contribution, Summing, Sums, contribution, extremes_of
from headrace.segmentation.visits import by_days

SETTLED: Final = frozenset({"completed", "shipped", "refunded", "cancelled", "declined"})
"""Statuses after which little is expected to happen to an order: it goes to its page first."""


class Kept(Struct, frozen=True):
    """Where the orders are after one of them changed."""

    ledger: dict[str, bytes]
    cold: Cold
    pages: Written


class OrderChange(Struct, frozen=True):
    """An order as it is now, with what it contributed before (None: first sight) and contributes now."""

    order_id: str
    entry: Entry
    old: Contribution | None
    new: Contribution


def find(state: State, order_id: str, pages: Pages) -> Entry | None:
    """The order, if it is known. Raises `StateUnreadable`."""
    hot = state.ledger.get(order_id)
    if hot is not None:
        return decode_entry(hot)
    page = pages.read(order_page(order_id)) if state.cold.orders else None
    return None if page is None else decode_entry(page_content(page))


def keep(state: State, change: OrderChange, pages: Pages, spend: CountedSpend) -> Kept:
    """Put an order where it belongs: a cold one stays on its page, a large one goes there, the rest is hot."""
    order_id, body, ledger = change.order_id, encode_entry(change.entry), state.ledger
    is_hot, limits = order_id in ledger, paging.LIMITS
    if change.old is not None and not is_hot:
        return _keep_cold(state, change, encode_page(body), pages, spend)
    if len(body) > limits.order_bytes:
        if is_hot:
            ledger = {other: known for other, known in ledger.items() if other != order_id}
        return Kept(ledger, colds.put(state.cold, change.new), {order_page(order_id): encode_page(body)})
    ledger = {**ledger, order_id: body}
    if _size(ledger) <= limits.ledger_bytes:
        return Kept(ledger, state.cold, NOTHING_WRITTEN)
    return _make_room(ledger, state.cold, spend)


def extremes(kept: Kept, spend: CountedSpend) -> Totals:
    """The extremes among all orders, hot ones looked at one by one."""
    return extremes_of((contribution(decode_entry(body), spend) for body in kept.ledger.values()), kept.cold)


def sum_up(state: State, summing: Summing, pages: Pages, now: datetime | None = None) -> State:
    """The state with the accumulators that these rules ask for. Looks at every order, unless it has them already.

    `now`: what has left its window by then is not added up.
    """
    if state.summed == summing.digest:
        return state
    sums = Sums(summing, now)
    for body in state.ledger.values():
        sums.add(decode_entry(body))
    cold = colds.cold_of(sums.add(entry) for _, entry in _cold_orders(pages))
    totals = sums.totals
    if totals.newest == NEVER:  # there are marks of orders that left, and nothing else
        totals = replace(totals, newest=None)
    return replace(
        state,
        totals=totals,
        purchased=sums.purchased,
        windows=sums.windows,
        visits=by_days(state.visits, summing.zone),
        cold=cold,
        summed=summing.digest,
    )


def oldest_first(state: State, pages: Pages) -> Iterator[tuple[str, Entry]]:
    """Every order with its id, one at a time; two of one moment by their ids."""
    made = [(decode_entry(body).created_at, order_id) for order_id, body in state.ledger.items()]
    made += [(entry.created_at, order_id) for order_id, entry in _cold_orders(pages)]
    for _, order_id in sorted(made):
        hot = state.ledger.get(order_id)
        yield order_id, _on_page(pages, order_page(order_id)) if hot is None else decode_entry(hot)


def every_order(state: State, pages: Pages) -> Iterator[tuple[str, Entry]]:
    """Every order with its id, in no order."""
    yield from ((order_id, decode_entry(body)) for order_id, body in state.ledger.items())
    yield from _cold_orders(pages) if state.cold.orders else ()


def _keep_cold(state: State, change: OrderChange, page: bytes, pages: Pages, spend: CountedSpend) -> Kept:
    assert change.old is not None
    written = {order_page(change.order_id): page}
    cold = colds.change(state.cold, change.old, change.new)
    if cold is None:
        entries = _cold_orders(Overlay(pages, written))
        cold = colds.cold_of(contribution(entry, spend) for _, entry in entries)
    return Kept(state.ledger, cold, written)


def _make_room(ledger: dict[str, bytes], cold: Cold, spend: CountedSpend) -> Kept:
    """Move orders to pages until some room is free: settled ones first, then the oldest."""
    rest, written, size = ledger.copy(), dict[str, bytes | None](), _size(ledger)
    for _, _, order_id, entry in sorted(_by_turn(order_id, body) for order_id, body in ledger.items()):
        if size <= paging.LIMITS.ledger_kept_bytes:
            break
        body = rest.pop(order_id)
        size -= len(order_id) + len(body)
        written[order_page(order_id)] = encode_page(body)
        cold = colds.put(cold, contribution(entry, spend))
    return Kept(rest, cold, written)


def _by_turn(order_id: str, body: bytes) -> tuple[bool, datetime, str, Entry]:
    entry = decode_entry(body)
    return not entry.archived and entry.status not in SETTLED, entry.created_at, order_id, entry


def _size(ledger: dict[str, bytes]) -> int:
    return sum(map(len, ledger.values())) + sum(map(len, ledger))


def _cold_orders(pages: Pages) -> Iterator[tuple[str, Entry]]:
    for name in pages.orders():
        yield name.removeprefix(ORDER), _on_page(pages, name)


def _on_page(pages: Pages, name: str) -> Entry:
    page = pages.read(name)
    if page is None:
        raise StateUnreadable("a page is missing")
    return decode_entry(page_content(page))
