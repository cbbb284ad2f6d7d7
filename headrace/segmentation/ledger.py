"""An order's entry: a snapshot applied by its revision, and what of the order counts.

What a change triggers is in `triggers.py`, what orders add up to in `totals.py`, where they are kept in `orders.py`.
"""

from dataclasses import dataclass
from typing import Final, Literal, get_args

from msgspec import Struct

from headrace.contracts.events import OrderSnapshot, OrderStatus
from headrace.rules.model import Spend
from headrace.segmentation.codec import decode_lines, encode_lines
from headrace.segmentation.state import Entry, Line, Refunded

_BITS: Final[dict[str, int]] = {status: 1 << number for number, status in enumerate(get_args(OrderStatus))}
_INCOMPLETE: Final = _BITS["incomplete"]


@dataclass(frozen=True, slots=True)
class CountedSpend:
    """The declared spend, ready to ask."""

    statuses: frozenset[str]
    amount: Literal["total", "subtotal", "total_excluding_tax"]
    subtract_refunds: bool


class Applied(Struct, frozen=True):
    """An order's entry before (None: first sight) and after a snapshot, with its lines when they are known."""

    before: Entry | None
    after: Entry
    lines: tuple[Line, ...]


def counted_spend(spend: Spend) -> CountedSpend:
    """Compile the declared spend."""
    return CountedSpend(frozenset(spend.count_statuses), spend.amount, spend.refunds == "subtract")


def status_bit(status: str) -> int:
    """The bit of a status in `Entry.seen`."""
    return _BITS[status]


def was_placed(entry: Entry) -> bool:
    """The order was at some time seen in another status than incomplete."""
    return bool(entry.seen & ~_INCOMPLETE)


def apply_order(before: Entry | None, snapshot: OrderSnapshot, revision: str) -> Applied | None:
    """The entry after this snapshot; None if the snapshot is not newer than what is known."""
    if before is not None and revision <= before.revision:
        return None
    # Lists in place of generators: an order has 18 lines, and this runs for every event.
    lines = tuple(
        [
            Line(
                line.id,
                line.product_id,
                line.quantity,
                line.price,
                line.total,
                line.name,
                line.sku,
                line.brand,
                line.categories,
            )
            for line in snapshot.lines
        ]
    )
    encoded = encode_lines(lines)
    refunds = _refunds(snapshot) if snapshot.refunds else ()
    after = Entry(
        revision=revision,
        status=snapshot.status,
        created_at=snapshot.created_at,
        total=snapshot.total,
        subtotal=snapshot.subtotal,
        total_excluding_tax=snapshot.total_excluding_tax,
        units=sum([line.quantity for line in lines]),
        lines=encoded,
        refunds=refunds,
        archived=snapshot.archived,
        seen=_seen(before, snapshot),
        gone=() if before is None else _gone(before, lines, encoded, refunds),
    )
    return Applied(before, after, lines)


def counts(entry: Entry, spend: CountedSpend) -> bool:
    """The order is one of those "spend" is about."""
    return not entry.archived and entry.status in spend.statuses


def order_value(entry: Entry, spend: CountedSpend) -> int:
    """Minor units of the order by the declared amount, before refunds."""
    if spend.amount == "total":
        return entry.total
    return entry.subtotal if spend.amount == "subtotal" else entry.total_excluding_tax


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
        gone |= {line_mark(line) for line in decode_lines(before.lines)} - {line_mark(line) for line in lines}
    if refunds != before.refunds:
        gone |= {refund_mark(refund) for refund in before.refunds} - {refund_mark(refund) for refund in refunds}
    return tuple(sorted(gone)) if gone else ()


def line_mark(line: Line) -> str:
    """How `Entry.gone` names a line."""
    return f"line:{line.id}"


def refund_mark(refund: Refunded) -> str:
    """How `Entry.gone` names a refund."""
    return f"refund:{refund.id}"
