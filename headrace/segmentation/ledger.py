"""An order's entry: a snapshot applied by its revision, and what of the order counts.

What a change triggers is in `triggers.py`, what orders add up to in `totals.py`, where they are kept in `orders.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from itertools import starmap
from operator import attrgetter
from typing import Final, get_args

from msgspec import Struct
from msgspec.structs import astuple

from headrace.contracts.events import OrderLine, OrderSnapshot, OrderStatus
from headrace.rules.model import Spend
from headrace.segmentation.codec import decode_lines, encode_lines
from headrace.segmentation.state import Entry, Line, Refunded

NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""When the mark of an order "was made" that became another customer's."""
_BITS: Final[dict[str, int]] = {status: 1 << number for number, status in enumerate(get_args(OrderStatus))}
_INCOMPLETE: Final = _BITS["incomplete"]
_QUANTITY: Final = attrgetter("quantity")


@dataclass(frozen=True, slots=True)
class CountedSpend:
    """The declared spend, ready to ask."""

    statuses: frozenset[str]
    subtract_refunds: bool
    value: Callable[[Entry], int]
    """Minor units of an order by the declared amount, before refunds."""


class Applied(Struct, frozen=True):
    """An order's entry before (None: first sight) and after a snapshot, with its lines when they are known."""

    before: Entry | None
    after: Entry
    lines: tuple[Line, ...]


def counted_spend(spend: Spend) -> CountedSpend:
    """Compile the declared spend."""
    return CountedSpend(frozenset(spend.count_statuses), spend.refunds == "subtract", _value(spend))


def _value(spend: Spend) -> Callable[[Entry], int]:
    """The declared amount; without shipping and what was paid with store credit, where it says so, never below 0."""
    amount, shipping = _AMOUNTS[spend.amount]
    if spend.store_credit == "include":
        if spend.shipping == "include" or shipping is None:
            return amount
        return lambda entry: max(0, amount(entry) - shipping(entry))
    if spend.shipping == "include" or shipping is None:
        return lambda entry: max(0, amount(entry) - entry.store_credit)
    return lambda entry: max(0, amount(entry) - shipping(entry) - entry.store_credit)


_AMOUNTS: Final[dict[str, tuple[Callable[[Entry], int], Callable[[Entry], int] | None]]] = {
    "total": (attrgetter("total"), attrgetter("shipping")),
    "subtotal": (attrgetter("subtotal"), None),
    "total_excluding_tax": (attrgetter("total_excluding_tax"), attrgetter("shipping_excluding_tax")),
}
"""The amount, and the shipping that is within it."""


def status_bit(status: str) -> int:
    """The bit of a status in `Entry.seen`."""
    return _BITS[status]


@lru_cache(maxsize=1024)
def statuses_of(seen: int) -> tuple[OrderStatus, ...]:
    """The statuses of these bits."""
    return tuple([status for status in get_args(OrderStatus) if seen & _BITS[status]])


def was_placed(entry: Entry) -> bool:
    """The order was at some time seen in another status than incomplete."""
    return bool(entry.seen & ~_INCOMPLETE)


def apply_order(before: Entry | None, snapshot: OrderSnapshot, revision: str) -> Applied | None:
    """The entry after this snapshot; None if the snapshot is not newer than what is known."""
    if before is not None and revision <= before.revision:
        return None
    lines = lines_of(snapshot.lines)
    encoded = encode_lines(lines)
    refunds = _refunds(snapshot) if snapshot.refunds else ()
    after = Entry(  # by position: sixteen fields by name would cost more than all else here but the lines
        revision,
        snapshot.status,
        snapshot.created_at,
        snapshot.total,
        snapshot.subtotal,
        snapshot.total_excluding_tax,
        sum(map(_QUANTITY, lines)),  # units
        encoded,
        refunds,
        snapshot.archived,
        _seen(before, snapshot),
        () if before is None else _gone(before, lines, encoded, refunds),
        snapshot.channel_id,
        snapshot.shipping,
        snapshot.store_credit,
        snapshot.shipping_excluding_tax,
    )
    if before is not None and not before.seen and was_taken_out(before):
        before = None  # it had left the customer and is back: seen for the first time
    return Applied(before, after, lines)


def was_taken_out(entry: Entry) -> bool:
    """Nothing but a mark of an order that became another customer's: every snapshot leaves the status it was seen in.

    Orders kept by releases that did not note statuses have none either, and they are not archived by a mark.
    """
    return not entry.seen and entry.archived and not entry.total


def lines_of(lines: tuple[OrderLine, ...]) -> tuple[Line, ...]:
    """Lines of an order or a cart as they are kept: the same fields, in the same order."""
    return tuple(starmap(Line, map(astuple, lines)))


def counts(entry: Entry, spend: CountedSpend) -> bool:
    """The order is one of those "spend" is about."""
    return not entry.archived and entry.status in spend.statuses


def order_value(entry: Entry, spend: CountedSpend) -> int:
    """Minor units of the order by the declared amount, before refunds."""
    return spend.value(entry)


def backordered(entry: Entry) -> int:
    """Units of the order that were not in stock."""
    return sum(line.backordered for line in decode_lines(entry.lines))


def _refunds(snapshot: OrderSnapshot) -> tuple[Refunded, ...]:
    return tuple(
        Refunded(refund.id, refund.created_at, refund.amount, sum(line.quantity for line in refund.lines))
        for refund in sorted(snapshot.refunds, key=lambda refund: (refund.created_at, refund.id))
    )


def _seen(before: Entry | None, snapshot: OrderSnapshot) -> int:
    seen = (0 if before is None else before.seen) | _BITS[snapshot.status]
    if (change := snapshot.status_change) is not None:
        seen |= _BITS[change.previous] | _BITS[change.new]
    return seen


def _gone(before: Entry, lines: tuple[Line, ...], encoded: bytes, refunds: tuple[Refunded, ...]) -> tuple[str, ...]:
    """Ids that were once in the order and no longer are: their triggers must not fire again if they return."""
    gone = set(before.gone)
    if encoded != before.lines and was_placed(before):  # before that, no line has triggered anything
        was = decode_lines(before.lines)
        gone |= {line_mark(line) for line in was} - {line_mark(line) for line in lines}
        gone |= {backorder_mark(line) for line in was if line.backordered} - {
            backorder_mark(line) for line in lines if line.backordered
        }
    if refunds != before.refunds:
        gone |= {refund_mark(refund) for refund in before.refunds} - {refund_mark(refund) for refund in refunds}
    return tuple(sorted(gone)) if gone else ()


def line_mark(line: Line) -> str:
    """How `Entry.gone` names a line."""
    return f"line:{line.id}"


def backorder_mark(line: Line) -> str:
    """How `Entry.gone` names a line that was on backorder and no longer is."""
    return f"backordered:{line.id}"


def refund_mark(refund: Refunded) -> str:
    """How `Entry.gone` names a refund."""
    return f"refund:{refund.id}"
