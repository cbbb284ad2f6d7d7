"""What the newest event made happen: read off everything known before it, each cause at most once for ever."""

from collections.abc import Iterable, Iterator
from datetime import UTC
from typing import get_args

from headrace.contracts.events import (
    CartEvent,
    CustomerPersonal,
    CustomerSnapshot,
    CustomEvent,
    OrderLine,
    OrderSnapshot,
    OrderStatus,
    Refund,
    RefundRequested,
)
from tests.reference.facts import Arrived, Facts, Happening, read_facts
from tests.reference.words import address_of

STATUSES: tuple[str, ...] = get_args(OrderStatus)
PAID = {
    *("shipped", "partially_shipped", "awaiting_pickup", "awaiting_shipment", "completed", "awaiting_fulfillment"),
    "partially_refunded",
}
CANCELLED = {"cancelled", "declined"}


def happenings(arrived: list[Arrived], *, guest: bool) -> list[Happening]:
    """Of the newest event, which brings news; in the order in which they happen in a shop."""
    newest = arrived[-1]
    before, data, envelope = read_facts(arrived[:-1], guest=guest), newest.event.data, newest.event.envelope
    match data:
        case CustomerSnapshot():
            return list(_of_account(before, data, newest.revision))
        case OrderSnapshot():
            return list(_of_order([order for _, order in before.orders.get(data.order_id, [])], data))
        case CartEvent(lines=lines):
            return [Happening(envelope.type, envelope.time, None, lines, cause=envelope.id, data=data)]
        case RefundRequested(order_id=order_id):
            order = before.newest_orders.get(order_id)
            lines = order.lines if order else ()
            return [Happening(envelope.type, envelope.time, order, lines, cause=envelope.id, data=data)]
        case CustomEvent():
            return [Happening(envelope.type, envelope.time, cause=envelope.id, data=data)]
    return []


def past_happenings(facts: Facts, order_id: str) -> list[Happening]:
    """What an order brought once, as far as one can still tell from how it stands today."""
    seen = [order for _, order in facts.orders[order_id]]
    order, known = seen[-1], _statuses(seen)
    made, lines = order.created_at, order.lines
    found: list[Happening] = []
    if _was_placed(seen):
        found.append(Happening("order.placed", made, order, lines, cause=order_id))
        found.append(Happening("product.ordered", made, order, lines, cause=order_id))
        late = tuple(line for line in lines if line.backordered)
        found += [Happening("order.backordered", made, order, late, cause=_of_lines(order_id, late))] if late else []
    found += [
        Happening("order.reached", made, order, lines, to=status, cause=order_id)
        for status in STATUSES
        if status in known
    ]
    found += [Happening("order.paid", made, order, lines, cause=order_id)] if known & PAID else []
    found += [Happening("order.cancelled", made, order, lines, cause=order_id)] if known & CANCELLED else []
    return found + [_refunded(order, refund) for refund in _sorted(order.refunds)]


def _sorted(refunds: Iterable[Refund]) -> list[Refund]:
    return sorted(refunds, key=lambda refund: (refund.created_at, refund.id))


def _refunded(order: OrderSnapshot, refund: Refund) -> Happening:
    cause = f"{order.order_id}:{refund.id}"
    return Happening("order.refunded", refund.created_at, order, order.lines, cause=cause)


def _of_lines(order_id: str, lines: Iterable[OrderLine]) -> str:
    return f"{order_id}:{'+'.join(line.id for line in lines)}"


def _of_account(before: Facts, now: CustomerSnapshot, revision: str) -> Iterator[Happening]:
    known = before.customer
    if known is None:
        yield Happening("customer.created", now.created_at, cause="created")
    elif _account_facts(known) != _account_facts(now):
        yield Happening("customer.updated", now.modified_at, cause=revision)
        if _consents(known) != _consents(now):
            yield Happening("subscriber.changed", now.modified_at, cause=revision)


def _consents(customer: CustomerSnapshot) -> tuple[bool | None, set[str]]:
    """The newsletter, and the other purposes granted: what is not named is refused."""
    return customer.subscribed, {purpose for purpose, granted in customer.consents.items() if granted}


def _account_facts(customer: CustomerSnapshot) -> tuple[object, ...]:
    """What the merchant's rules could react to: not the group, which is mostly our own doing."""
    who = customer.personal or CustomerPersonal()
    return (
        (who.email, who.first_name, who.last_name, who.phone, who.birthday, who.form),
        customer.store_credit,
        customer.consents,
        customer.email_domain,
        customer.company,
        customer.subscribed,
        tuple(map(address_of, customer.addresses)),
    )


def _statuses(seen: list[OrderSnapshot]) -> set[str]:
    """All statuses the order was ever known to be in."""
    told = [change for order in seen if (change := order.status_change) is not None]
    return {order.status for order in seen} | {name for change in told for name in (change.previous, change.new)}


def _was_placed(seen: list[OrderSnapshot]) -> bool:
    return bool(_statuses(seen) - {"incomplete"})


def _of_order(before: list[OrderSnapshot], now: OrderSnapshot) -> Iterator[Happening]:
    order_id, at = now.order_id, now.modified_at
    if _was_placed([*before, now]):
        if not _was_placed(before):
            yield Happening("order.placed", now.created_at, now, now.lines, cause=order_id)
        placed = [order for number, order in enumerate(before) if _was_placed(before[: number + 1])]
        known = {line.id for order in placed for line in order.lines}
        lines = tuple(line for line in now.lines if line.id not in known)
        if lines:
            yield Happening("product.ordered", now.created_at, now, lines, cause=order_id)
        known = {line.id for order in placed for line in order.lines if line.backordered}
        late = tuple(line for line in now.lines if line.backordered and line.id not in known)
        if late:
            yield Happening("order.backordered", at, now, late, cause=_of_lines(order_id, late))
    yield from _status_changes(before, now)
    was, statuses = _statuses(before), _statuses([*before, now])
    for status in STATUSES:
        if status in statuses - was:
            yield Happening("order.reached", at, now, now.lines, to=status, cause=order_id)
    for trigger, several in (("order.paid", PAID), ("order.cancelled", CANCELLED)):
        if statuses & several and not was & several:
            yield Happening(trigger, at, now, now.lines, cause=order_id)
    known = {refund.id for order in before for refund in order.refunds}
    yield from (_refunded(now, refund) for refund in _sorted(now.refunds) if refund.id not in known)


def _status_changes(before: list[OrderSnapshot], now: OrderSnapshot) -> Iterator[Happening]:
    """First the change that a notice told of, unless that status was known before; then the one between two reads."""
    status = before[-1].status if before else None
    told = now.status_change
    if told is not None and told.previous != told.new and told.new not in _statuses(before):
        yield _changed(now, told.previous, told.new)
        status = told.new
    if status is not None and status != now.status:
        yield _changed(now, status, now.status)


def _changed(now: OrderSnapshot, from_: str, to: str) -> Happening:
    at = now.modified_at
    cause = f"{now.order_id}:{from_}:{to}:{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return Happening("order.status_changed", at, now, now.lines, from_, to, cause)
