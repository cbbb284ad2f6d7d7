"""What happened: a snapshot compared with the state it meets gives the triggers, each at most once per cause.

Which rules they wake is in `compiled.py`; a cause is an order, a line, a refund or a change of status.
"""

from collections.abc import Iterator
from datetime import datetime

from msgspec import Struct

from headrace.contracts.events import OrderSnapshot, OrderStatus
from headrace.segmentation.codec import decode_lines
from headrace.segmentation.ledger import Applied, line_mark, refund_mark, status_bit, was_placed
from headrace.segmentation.profile import same_facts
from headrace.segmentation.state import Entry, Line, Profile


class Occurrence(Struct, frozen=True):
    """A trigger that fired. `fact_at`: when it happened in the store; `lines`: those the trigger is about."""

    trigger: str
    fact_at: datetime
    order: Entry | None = None
    lines: tuple[Line, ...] = ()
    from_: OrderStatus | None = None
    to: OrderStatus | None = None


def customer_triggers(before: Profile | None, after: Profile) -> tuple[Occurrence, ...]:
    """customer.created at the first sight, customer.updated when a fact changed."""
    if before is None:
        return (Occurrence("customer.created", after.created_at),)
    if same_facts(before, after):
        return ()
    return (Occurrence("customer.updated", after.modified_at),)


def order_triggers(applied: Applied, snapshot: OrderSnapshot) -> tuple[Occurrence, ...]:
    """In the order they happen in a shop: placed, its products, changes of status, refunds."""
    return (*_placed(applied), *_status_changes(applied, snapshot), *_refunds(applied))


def past_triggers(entry: Entry) -> Iterator[Occurrence]:
    """What an order of the ledger once triggered, as far as the ledger tells."""
    lines = decode_lines(entry.lines)
    if was_placed(entry):
        yield Occurrence("order.placed", entry.created_at, entry, lines)
        yield Occurrence("product.ordered", entry.created_at, entry, lines)
    for refund in entry.refunds:
        yield Occurrence("order.refunded", refund.created_at, entry, lines)


def _placed(applied: Applied) -> Iterator[Occurrence]:
    before, after = applied.before, applied.after
    if not was_placed(after):
        return
    if before is None or not was_placed(before):
        yield Occurrence("order.placed", after.created_at, after, applied.lines)
        yield Occurrence("product.ordered", after.created_at, after, applied.lines)
    elif after.lines != before.lines:
        known = {line_mark(line) for line in decode_lines(before.lines)} | set(before.gone)
        added = tuple(line for line in applied.lines if line_mark(line) not in known)
        if added:
            yield Occurrence("product.ordered", after.created_at, after, added)


def _status_changes(applied: Applied, snapshot: OrderSnapshot) -> Iterator[Occurrence]:
    """The change a notice told of, unless that status was seen already, then the change between two reads."""
    after = applied.after
    status = None if applied.before is None else applied.before.status
    seen = 0 if applied.before is None else applied.before.seen
    told = snapshot.status_change
    if told is not None and told.previous != told.new and not seen & status_bit(told.new):
        yield _changed(applied, snapshot, told.previous, told.new)
        status = told.new
    if status is not None and status != after.status:
        yield _changed(applied, snapshot, status, after.status)


def _changed(applied: Applied, snapshot: OrderSnapshot, from_: OrderStatus, to: OrderStatus) -> Occurrence:
    return Occurrence("order.status_changed", snapshot.modified_at, applied.after, applied.lines, from_, to)


def _refunds(applied: Applied) -> Iterator[Occurrence]:
    before, after = applied.before, applied.after
    if not after.refunds or (before is not None and before.refunds == after.refunds):
        return
    known = set() if before is None else {refund_mark(refund) for refund in before.refunds} | set(before.gone)
    for refund in after.refunds:
        if refund_mark(refund) not in known:
            yield Occurrence("order.refunded", refund.created_at, after, applied.lines)
