"""What happened: a snapshot compared with the state it meets gives the triggers, each at most once per cause.

Which rules they wake is in `entries.py`; a cause is an order, a line, a refund, a change of status or an event's id.
"""

from collections.abc import Callable, Iterator, Sequence
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
    before, after = applied.before, applied.after
    known, seen = (False, 0) if before is None else (was_placed(before), before.seen)
    look = _Look(before, after, applied.lines, snapshot, was_placed(after), known, seen)
    found: list[Occurrence] = []
    for watch in _watches(wanted):
        found += watch(look)
    return found


def past_triggers(
    id: str, entry: Entry, wanted: frozenset[str] | None = None, lines: tuple[Line, ...] | None = None
) -> Iterator[Occurrence]:
    """What an order of the ledger once triggered, as far as the ledger tells: when a status was reached it does not.

    `wanted`: what somebody waits for, None: all. `lines`: the order's, where they are open already.
    """
    lines = decode_lines(entry.lines) if lines is None else lines
    for trigger, occurred in _PAST.items():
        if wanted is None or trigger in wanted:
            yield from occurred(id, entry, lines)


class _Look(Struct, frozen=True):
    """An order as a snapshot shows it, and as it was known. `before` None: first sight.

    `placed`, `known`: it was placed, now or earlier, and it was so before. `seen`: in which statuses before.
    """

    before: Entry | None
    after: Entry
    lines: tuple[Line, ...]
    snapshot: OrderSnapshot
    placed: bool
    known: bool
    seen: int


def _placed(look: _Look) -> Sequence[Occurrence]:
    if look.known or not look.placed:
        return ()
    return (Occurrence("order.placed", look.after.created_at, look.after, look.lines, cause=look.snapshot.order_id),)


def _ordered(look: _Look) -> Sequence[Occurrence]:
    lines = look.lines if look.placed else ()
    if look.known:
        lines = _new_lines(look, lines, line_mark, tuple)
    if not lines:
        return ()
    return (Occurrence("product.ordered", look.after.created_at, look.after, lines, cause=look.snapshot.order_id),)


def _backordered(look: _Look) -> Sequence[Occurrence]:
    late = _late(look.lines) if look.placed else ()
    if late and look.known:
        late = _new_lines(look, late, backorder_mark, _late)
    if not late:
        return ()
    snapshot = look.snapshot
    cause = _of_lines(snapshot.order_id, late)
    return (Occurrence("order.backordered", snapshot.modified_at, look.after, late, cause=cause),)


def _new_lines(
    look: _Look,
    lines: tuple[Line, ...],
    mark: Callable[[Line], str],
    marked: Callable[[tuple[Line, ...]], tuple[Line, ...]],
) -> tuple[Line, ...]:
    """Those whose mark the order never had before; `marked`: those of an order's lines that have one."""
    before = look.before
    if before is None or look.after.lines == before.lines:
        return ()
    known = set(map(mark, marked(decode_lines(before.lines)))).union(before.gone)
    return tuple([line for line in lines if mark(line) not in known])


def _late(lines: tuple[Line, ...]) -> tuple[Line, ...]:
    return tuple([line for line in lines if line.backordered])


def _status_changes(look: _Look) -> Sequence[Occurrence]:
    """The change a notice told of, unless that status was seen already, then the change between two reads."""
    found: list[Occurrence] = []
    status = None if look.before is None else look.before.status
    told = look.snapshot.status_change
    if told is not None and told.previous != told.new and not look.seen & status_bit(told.new):
        found.append(_changed(look, told.previous, told.new))
        status = told.new
    if status is not None and status != look.after.status:
        found.append(_changed(look, status, look.after.status))
    return found


def _changed(look: _Look, from_: OrderStatus, to: OrderStatus) -> Occurrence:
    at = look.snapshot.modified_at
    cause = f"{look.snapshot.order_id}:{from_}:{to}:{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return Occurrence("order.status_changed", at, look.after, look.lines, from_, to, cause)


def _reached(look: _Look) -> Sequence[Occurrence]:
    return [_now("order.reached", look, status) for status in statuses_of(look.after.seen & ~look.seen)]


def _paid(look: _Look) -> Sequence[Occurrence]:
    return (_now("order.paid", look),) if look.after.seen & _PAID_BITS and not look.seen & _PAID_BITS else ()


def _cancelled(look: _Look) -> Sequence[Occurrence]:
    first = look.after.seen & _CANCELLED_BITS and not look.seen & _CANCELLED_BITS
    return (_now("order.cancelled", look),) if first else ()


def _now(trigger: str, look: _Look, to: OrderStatus | None = None) -> Occurrence:
    """What happens to an order once, as far as anybody knows when it last changed."""
    return Occurrence(trigger, look.snapshot.modified_at, look.after, look.lines, None, to, look.snapshot.order_id)


def _refunds(look: _Look) -> Sequence[Occurrence]:
    before, after = look.before, look.after
    if not after.refunds or (before is not None and before.refunds == after.refunds):
        return ()
    known = set() if before is None else {refund_mark(refund) for refund in before.refunds} | set(before.gone)
    order_id, lines = look.snapshot.order_id, look.lines
    return [
        Occurrence("order.refunded", refund.created_at, after, lines, cause=f"{order_id}:{refund.id}")
        for refund in after.refunds
        if refund_mark(refund) not in known
    ]


def _of_lines(order_id: str, lines: tuple[Line, ...]) -> str:
    return f"{order_id}:{'+'.join([line.id for line in lines])}"


def _bits(statuses: tuple[str, ...]) -> int:
    return sum(map(status_bit, statuses))


_PAID_BITS: Final = _bits(PAID)
_CANCELLED_BITS: Final = _bits(CANCELLED)
About = Callable[[Entry, tuple[Line, ...]], tuple[Line, ...] | None]
ONCE: Final[dict[str, About]] = {
    "order.placed": lambda entry, lines: lines if was_placed(entry) else None,
    "product.ordered": lambda entry, lines: lines if lines and was_placed(entry) else None,
    "order.backordered": lambda entry, lines: (_late(lines) or None) if was_placed(entry) else None,
    "order.paid": lambda entry, lines: lines if entry.seen & _PAID_BITS else None,
    "order.cancelled": lambda entry, lines: lines if entry.seen & _CANCELLED_BITS else None,
}
"""What an order of the ledger triggered once, when it was made: the lines that it is about, None: it did not."""
Occurred = Callable[[str, Entry, tuple[Line, ...]], Sequence[Occurrence]]


def _once(trigger: str) -> Occurred:
    about = ONCE[trigger]

    def occurred(id: str, entry: Entry, lines: tuple[Line, ...]) -> Sequence[Occurrence]:
        found = about(entry, lines)
        if found is None:
            return ()
        cause = _of_lines(id, found) if trigger == "order.backordered" else id
        return (Occurrence(trigger, entry.created_at, entry, found, cause=cause),)

    return occurred


def _once_reached(id: str, entry: Entry, lines: tuple[Line, ...]) -> Sequence[Occurrence]:
    made = entry.created_at
    return [Occurrence("order.reached", made, entry, lines, to=status, cause=id) for status in statuses_of(entry.seen)]


def _once_refunded(id: str, entry: Entry, lines: tuple[Line, ...]) -> Sequence[Occurrence]:
    return [
        Occurrence("order.refunded", refund.created_at, entry, lines, cause=f"{id}:{refund.id}")
        for refund in entry.refunds
    ]


_PAST: Final[dict[str, Occurred]] = {
    "order.placed": _once("order.placed"),
    "product.ordered": _once("product.ordered"),
    "order.backordered": _once("order.backordered"),
    "order.reached": _once_reached,
    "order.paid": _once("order.paid"),
    "order.cancelled": _once("order.cancelled"),
    "order.refunded": _once_refunded,
}
Watch = Callable[[_Look], Sequence[Occurrence]]
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
