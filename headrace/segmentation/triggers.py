"""What happened: a snapshot compared with the state it meets gives the triggers, each at most once per cause.

Which rules they wake is in `entries.py`; a cause is an order, a line, a refund, a change of status or an event's id.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from msgspec import Struct

from headrace.contracts.events import CartEvent, CustomEvent, OrderSnapshot, OrderStatus, RefundRequested
from headrace.segmentation.codec import decode_lines
from headrace.segmentation.ledger import (
    Applied,
    backorder_mark,
    line_mark,
    refund_mark,
    status_bit,
    statuses_of,
    was_placed,
)
from headrace.segmentation.profile import same_consents, same_facts
from headrace.segmentation.state import Entry, Line, Profile

PAID: Final = (
    "shipped",
    "partially_shipped",
    "awaiting_pickup",
    "awaiting_shipment",
    "completed",
    "awaiting_fulfillment",
    "partially_refunded",
)
"""Statuses in which money was taken. What the vendor's own overview calls paid, and what only such an order becomes."""
CANCELLED: Final = ("cancelled", "declined")
Happened = CartEvent | RefundRequested | CustomEvent
"""Events that are no snapshots, and that rules may read."""


class Occurrence(Struct, frozen=True):
    """A trigger that fired. `fact_at`: when it happened in the store; `lines`: those the trigger is about.

    `to`: the status that was changed into, or reached; of `group.changed` the group, "" for none. `cause`: what it is
    done for, the same for ever: an order's id, `order:line` of back orders, `order:refund`, `order:from:to:time` of a
    change of status, the id of an event.
    `event`: the event itself, where it is no snapshot.
    """

    trigger: str
    fact_at: datetime
    order: Entry | None = None
    lines: tuple[Line, ...] = ()
    from_: str | None = None
    to: str | None = None
    cause: str = ""
    event: Happened | None = None
    rule: str | None = None
    """The one rule it is for, where time sets off one alone."""


def customer_triggers(before: Profile | None, after: Profile) -> tuple[Occurrence, ...]:
    """customer.created at the first sight, customer.updated when a fact changed, and subscriber.changed beside it."""
    if before is None:
        return (Occurrence("customer.created", after.created_at, cause="created"),)
    if same_facts(before, after):
        return ()
    updated = Occurrence("customer.updated", after.modified_at, cause=after.revision)
    if same_consents(before, after):
        return (updated,)
    return updated, Occurrence("subscriber.changed", after.modified_at, cause=after.revision)


def order_triggers(applied: Applied, snapshot: OrderSnapshot, wanted: frozenset[str] | None = None) -> list[Occurrence]:
    """In the order they happen in a shop: placed, its products, changes of status, refunds. `wanted` None: all."""
    return [occurrence for watch in _watches(wanted) for occurrence in watch(applied, snapshot)]


def past_triggers(
    id: str, entry: Entry, wanted: frozenset[str] | None = None, lines: tuple[Line, ...] | None = None
) -> Iterator[Occurrence]:
    """What an order of the ledger once triggered, as far as the ledger tells: when a status was reached it does not.

    `wanted`: what somebody waits for, None: all. `lines`: the order's, where they are open already.
    """
    lines, made = decode_lines(entry.lines) if lines is None else lines, entry.created_at
    wanted = _PAST if wanted is None else wanted
    if was_placed(entry):
        if "order.placed" in wanted:
            yield Occurrence("order.placed", made, entry, lines, cause=id)
        if lines and "product.ordered" in wanted:
            yield Occurrence("product.ordered", made, entry, lines, cause=id)
        if "order.backordered" in wanted and (late := tuple(line for line in lines if line.backordered)):
            yield Occurrence("order.backordered", made, entry, late, cause=_of_lines(id, late))
    for status in statuses_of(entry.seen) if "order.reached" in wanted else ():
        yield Occurrence("order.reached", made, entry, lines, to=status, cause=id)
    if entry.seen & _PAID_BITS and "order.paid" in wanted:
        yield Occurrence("order.paid", made, entry, lines, cause=id)
    if entry.seen & _CANCELLED_BITS and "order.cancelled" in wanted:
        yield Occurrence("order.cancelled", made, entry, lines, cause=id)
    for refund in entry.refunds if "order.refunded" in wanted else ():
        yield Occurrence("order.refunded", refund.created_at, entry, lines, cause=f"{id}:{refund.id}")


def _placed(applied: Applied, snapshot: OrderSnapshot) -> Iterator[Occurrence]:
    if _is_new(applied):
        after = applied.after
        yield Occurrence("order.placed", after.created_at, after, applied.lines, cause=snapshot.order_id)


def _ordered(applied: Applied, snapshot: OrderSnapshot) -> Iterator[Occurrence]:
    before, after = applied.before, applied.after
    lines = applied.lines
    if not _is_new(applied):
        if before is None or not was_placed(after) or after.lines == before.lines:
            return
        known = {line_mark(line) for line in decode_lines(before.lines)} | set(before.gone)
        lines = tuple(line for line in applied.lines if line_mark(line) not in known)
    if lines:
        yield Occurrence("product.ordered", after.created_at, after, lines, cause=snapshot.order_id)


def _backordered(applied: Applied, snapshot: OrderSnapshot) -> Iterator[Occurrence]:
    before, after = applied.before, applied.after
    late = tuple([line for line in applied.lines if line.backordered])
    if not late or not was_placed(after):
        return
    if before is not None and was_placed(before):
        if after.lines == before.lines:
            return
        known = {backorder_mark(line) for line in decode_lines(before.lines) if line.backordered} | set(before.gone)
        late = tuple(line for line in late if backorder_mark(line) not in known)
    if late:
        yield Occurrence(
            "order.backordered", snapshot.modified_at, after, late, cause=_of_lines(snapshot.order_id, late)
        )


def _status_changes(applied: Applied, snapshot: OrderSnapshot) -> Iterator[Occurrence]:
    """The change a notice told of, unless that status was seen already, then the change between two reads."""
    after = applied.after
    status = None if applied.before is None else applied.before.status
    seen = _seen_before(applied)
    told = snapshot.status_change
    if told is not None and told.previous != told.new and not seen & status_bit(told.new):
        yield _changed(applied, snapshot, told.previous, told.new)
        status = told.new
    if status is not None and status != after.status:
        yield _changed(applied, snapshot, status, after.status)


def _changed(applied: Applied, snapshot: OrderSnapshot, from_: OrderStatus, to: OrderStatus) -> Occurrence:
    at = snapshot.modified_at
    cause = f"{snapshot.order_id}:{from_}:{to}:{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return Occurrence("order.status_changed", at, applied.after, applied.lines, from_, to, cause)


def _reached(applied: Applied, snapshot: OrderSnapshot) -> Iterator[Occurrence]:
    for status in statuses_of(applied.after.seen & ~_seen_before(applied)):
        yield Occurrence(
            "order.reached", snapshot.modified_at, applied.after, applied.lines, to=status, cause=snapshot.order_id
        )


def _paid(applied: Applied, snapshot: OrderSnapshot) -> Iterator[Occurrence]:
    if applied.after.seen & _PAID_BITS and not _seen_before(applied) & _PAID_BITS:
        yield Occurrence("order.paid", snapshot.modified_at, applied.after, applied.lines, cause=snapshot.order_id)


def _cancelled(applied: Applied, snapshot: OrderSnapshot) -> Iterator[Occurrence]:
    if applied.after.seen & _CANCELLED_BITS and not _seen_before(applied) & _CANCELLED_BITS:
        yield Occurrence("order.cancelled", snapshot.modified_at, applied.after, applied.lines, cause=snapshot.order_id)


def _refunds(applied: Applied, snapshot: OrderSnapshot) -> Iterator[Occurrence]:
    before, after = applied.before, applied.after
    if not after.refunds or (before is not None and before.refunds == after.refunds):
        return
    known = set() if before is None else {refund_mark(refund) for refund in before.refunds} | set(before.gone)
    for refund in after.refunds:
        if refund_mark(refund) not in known:
            cause = f"{snapshot.order_id}:{refund.id}"
            yield Occurrence("order.refunded", refund.created_at, after, applied.lines, cause=cause)


def _is_new(applied: Applied) -> bool:
    """Placed now, and not before."""
    return was_placed(applied.after) and (applied.before is None or not was_placed(applied.before))


def _seen_before(applied: Applied) -> int:
    return 0 if applied.before is None else applied.before.seen


def _of_lines(order_id: str, lines: tuple[Line, ...]) -> str:
    return f"{order_id}:{'+'.join([line.id for line in lines])}"


def _bits(statuses: tuple[str, ...]) -> int:
    return sum(map(status_bit, statuses))


_PAST: Final = frozenset(
    {
        "order.placed",
        "product.ordered",
        "order.backordered",
        "order.reached",
        "order.paid",
        "order.cancelled",
        "order.refunded",
    }
)
_PAID_BITS: Final = _bits(PAID)
_CANCELLED_BITS: Final = _bits(CANCELLED)
Watch = Callable[[Applied, OrderSnapshot], Iterator[Occurrence]]
_ORDER_WATCHES: Final[dict[str, Watch]] = {
    "order.placed": _placed,
    "product.ordered": _ordered,
    "order.backordered": _backordered,
    "order.status_changed": _status_changes,
    "order.reached": _reached,
    "order.paid": _paid,
    "order.cancelled": _cancelled,
    "order.refunded": _refunds,
}


@lru_cache(maxsize=256)
def _watches(wanted: frozenset[str] | None) -> tuple[Watch, ...]:
    """Only what a rule waits for is looked for."""
    return tuple(watch for name, watch in _ORDER_WATCHES.items() if wanted is None or name in wanted)
