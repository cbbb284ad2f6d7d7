"""What the newest event made happen: read off everything known before it, each cause at most once for ever."""

from collections.abc import Iterator

from headrace.contracts.events import CustomerPersonal, CustomerSnapshot, OrderSnapshot
from tests.reference.facts import Arrived, Facts, Happening, read_facts
from tests.reference.words import address_of


def happenings(arrived: list[Arrived], *, guest: bool) -> list[Happening]:
    """Of the newest event, which brings news; in the order in which they happen in a shop."""
    before, data = read_facts(arrived[:-1], guest=guest), arrived[-1].event.data
    if isinstance(data, CustomerSnapshot):
        return list(_of_account(before, data))
    if isinstance(data, OrderSnapshot):
        return list(_of_order([order for _, order in before.orders.get(data.order_id, [])], data))
    return []


def past_happenings(facts: Facts, order_id: str) -> list[Happening]:
    """What an order brought once, as far as one can still tell from how it stands today."""
    seen = [order for _, order in facts.orders[order_id]]
    order, found = seen[-1], list[Happening]()
    if _was_placed(seen):
        found += [Happening(name, order.created_at, order, order.lines) for name in ("order.placed", "product.ordered")]
    ordered = sorted(order.refunds, key=lambda refund: (refund.created_at, refund.id))
    found += [Happening("order.refunded", refund.created_at, order, order.lines) for refund in ordered]
    return found


def _of_account(before: Facts, now: CustomerSnapshot) -> Iterator[Happening]:
    known = before.customer
    if known is None:
        yield Happening("customer.created", now.created_at)
    elif _account_facts(known) != _account_facts(now):
        yield Happening("customer.updated", now.modified_at)


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
    if _was_placed([*before, now]):
        if not _was_placed(before):
            yield Happening("order.placed", now.created_at, now, now.lines, cause=now.order_id)
        placed = [order for number, order in enumerate(before) if _was_placed(before[: number + 1])]
        known = {line.id for order in placed for line in order.lines}
        lines = tuple(line for line in now.lines if line.id not in known)
        if lines:
            yield Happening("product.ordered", now.created_at, now, lines, cause=now.order_id)
    yield from _status_changes(before, now)
    known_refunds = {refund.id for order in before for refund in order.refunds}
    for refund in sorted(now.refunds, key=lambda refund: (refund.created_at, refund.id)):
        if refund.id not in known_refunds:
            cause = f"{now.order_id}:{refund.id}"
            yield Happening("order.refunded", refund.created_at, now, now.lines, cause=cause)


def _status_changes(before: list[OrderSnapshot], now: OrderSnapshot) -> Iterator[Happening]:
    """First the change that a notice told of, unless that status was known before; then the one between two reads."""
    status = before[-1].status if before else None
    told = now.status_change
    if told is not None and told.previous != told.new and told.new not in _statuses(before):
        yield Happening("order.status_changed", now.modified_at, now, now.lines, told.previous, told.new, now.order_id)
        status = told.new
    if status is not None and status != now.status:
        yield Happening("order.status_changed", now.modified_at, now, now.lines, status, now.status, now.order_id)
