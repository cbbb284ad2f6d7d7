"""What a customer's events say, all of them read anew each time: account, orders, sums, what one event brought.

Only facts: nothing of rules but the declared spend.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from headrace.contracts.events import (
    CustomerDeleted,
    CustomerPersonal,
    CustomerSnapshot,
    Event,
    EventData,
    OrderLine,
    OrderRemoved,
    OrderSnapshot,
    Refund,
)
from headrace.rules.model import Spend

Orders = dict[str, list[tuple[str, OrderSnapshot]]]


@dataclass(frozen=True)
class Arrived:
    """An event as it came, with the store's time then (None: before the first clock)."""

    event: Event
    now: datetime | None

    @property
    def revision(self) -> str:
        return self.event.envelope.headracerevision or ""


@dataclass(frozen=True)
class Happening:
    """Something that can wake rules: of which order, about which lines."""

    trigger: str
    fact_at: datetime
    order: OrderSnapshot | None = None
    lines: tuple[OrderLine, ...] = ()
    from_: str | None = None
    to: str | None = None
    cause: str = ""
    data: EventData | None = None
    """The event itself, where it is no snapshot."""
    rule: str | None = None
    """The one rule it is for, where time sets off one alone."""


@dataclass
class Facts:
    """Read from all events up to a moment, in the order they came."""

    arrived: list[Arrived]
    guest: bool
    customers: list[tuple[str, CustomerSnapshot]] = field(default_factory=list)
    """Snapshots of the account that were newer than all before, with their revisions."""
    orders: Orders = field(default_factory=dict)
    """Of each order the snapshots that were newer than all before."""
    gone: dict[str, str] = field(default_factory=dict)
    """Orders that became another customer's, with the revision since when."""
    deleted: bool = False

    @property
    def customer(self) -> CustomerSnapshot | None:
        return self.customers[-1][1] if self.customers else None

    @property
    def newest_orders(self) -> dict[str, OrderSnapshot]:
        """Every order as it is now."""
        return {order_id: seen[-1][1] for order_id, seen in self.orders.items()}


def read_facts(arrived: list[Arrived], *, guest: bool) -> Facts:
    """Of everything that came."""
    facts = Facts(arrived, guest)
    for one in arrived:
        data = one.event.data
        if isinstance(data, CustomerDeleted):
            return Facts(arrived, guest, deleted=True)
        if isinstance(data, CustomerSnapshot) and (not facts.customers or one.revision > facts.customers[-1][0]):
            facts.customers.append((one.revision, data))
        if isinstance(data, OrderRemoved):
            _remove(facts, data.order_id, one.revision)
        if isinstance(data, OrderSnapshot) and one.revision > facts.gone.get(data.order_id, ""):
            seen = facts.orders.setdefault(data.order_id, [])
            if not seen or one.revision > seen[-1][0]:
                seen.append((one.revision, data))
    return facts


def _remove(facts: Facts, order_id: str, revision: str) -> None:
    """Unless a newer snapshot says that it is here."""
    seen = [each for each, _ in facts.orders.get(order_id, ())]
    if revision >= max(seen, default="") and revision > facts.gone.get(order_id, ""):
        facts.gone[order_id] = revision
        facts.orders.pop(order_id, None)


def brings_news(arrived: list[Arrived]) -> bool:
    """Whether the newest event says anything that those before it did not make old."""
    *before, newest = arrived
    data, kind = newest.event.data, newest.event.envelope.type
    if isinstance(data, CustomerSnapshot):
        known = [one.revision for one in before if isinstance(one.event.data, CustomerSnapshot)]
    elif isinstance(data, OrderSnapshot | OrderRemoved):
        told = [one for one in before if getattr(one.event.data, "order_id", "") == data.order_id]
        known = [one.revision for one in told if isinstance(one.event.data, OrderRemoved)]
        snapshots = [one.revision for one in told if isinstance(one.event.data, OrderSnapshot)]
        if isinstance(data, OrderRemoved):  # it undoes a snapshot of its own revision
            return all(newest.revision >= each for each in snapshots) and all(newest.revision > each for each in known)
        known += snapshots
    elif isinstance(data, CustomerDeleted):
        return True
    else:
        assert kind
        return all(newest.event.envelope.id != one.event.envelope.id for one in before)
    return not known or newest.revision > max(known)


# -- the account -----------------------------------------------------------------------------------------------------
def person(facts: Facts) -> CustomerPersonal:
    """Names and addresses; a guest's are those of the newest order that has any."""
    if facts.guest:
        told = guest_order(facts)
        if told is None or told.personal is None:
            return CustomerPersonal()
        who = told.personal
        return CustomerPersonal(email=who.email, first_name=who.first_name, last_name=who.last_name)
    return (facts.customer.personal if facts.customer else None) or CustomerPersonal()


def guest_order(facts: Facts) -> OrderSnapshot | None:
    """The order a guest's facts are read from: the newest revision with an e-mail, then the largest id."""
    told = [
        (revision, order.order_id, order)
        for seen in facts.orders.values()
        for revision, order in seen
        if order.personal is not None and order.personal.email is not None
    ]
    return max(told, key=lambda one: one[:2])[2] if told else None


def account_made(facts: Facts) -> datetime | None:
    """A guest has no account."""
    return None if facts.customer is None else facts.customer.created_at


def profile_changed_at(facts: Facts) -> datetime | None:
    """When the store changed the account last."""
    if facts.guest:
        told = guest_order(facts)
        return None if told is None else told.modified_at
    return None if facts.customer is None else facts.customer.modified_at


# -- what orders amount to -------------------------------------------------------------------------------------------
def counts(order: OrderSnapshot, spend: Spend) -> bool:
    """It is one of the orders that "spend" is about."""
    return not order.archived and order.status in spend.count_statuses


def value_of(order: OrderSnapshot, spend: Spend) -> int:
    """What the order amounts to by the declared spend, before refunds."""
    within = {"total": order.shipping, "total_excluding_tax": order.shipping_excluding_tax, "subtotal": 0}
    amounts = {"total": order.total, "total_excluding_tax": order.total_excluding_tax, "subtotal": order.subtotal}
    less = within[spend.amount] if spend.shipping == "exclude" else 0
    less += order.store_credit if spend.store_credit == "exclude" else 0
    return max(0, amounts[spend.amount] - less)


def kept_of(order: OrderSnapshot, spend: Spend) -> int:
    """What is left of it after refunds; never less than nothing."""
    back = sum(refund.amount for refund in order.refunds) if spend.refunds == "subtract" else 0
    return max(0, value_of(order, spend) - back)


def units_of(order: OrderSnapshot) -> int:
    return sum(line.quantity for line in order.lines)


def kept_units(order: OrderSnapshot, spend: Spend) -> int:
    back = sum(map(refunded_units, order.refunds)) if spend.refunds == "subtract" else 0
    return max(0, units_of(order) - back)


def refunded_units(refund: Refund) -> int:
    return sum(line.quantity for line in refund.lines)


def counted(orders: dict[str, OrderSnapshot], spend: Spend) -> list[OrderSnapshot]:
    return [order for order in orders.values() if counts(order, spend)]


def refunds_of(orders: dict[str, OrderSnapshot]) -> Iterator[Refund]:
    """All money given back, on orders that are not archived."""
    for order in orders.values():
        if not order.archived:
            yield from order.refunds


def newest_order_fact(orders: dict[str, OrderSnapshot]) -> datetime | None:
    """When anything about any order happened last."""
    times = [order.created_at for order in orders.values()]
    times += [refund.created_at for order in orders.values() for refund in order.refunds]
    return max(times, default=None)


def first_order_at(orders: dict[str, OrderSnapshot], spend: Spend) -> datetime | None:
    return min((order.created_at for order in counted(orders, spend)), default=None)


def last_order_at(orders: dict[str, OrderSnapshot], spend: Spend) -> datetime | None:
    return max((order.created_at for order in counted(orders, spend)), default=None)


# -- visits ----------------------------------------------------------------------------------------------------------
def visits(facts: Facts) -> list[datetime]:
    """When the customer came to the shop; a visit told twice is one."""
    told = {
        one.event.envelope.id: one.event.envelope.time
        for one in facts.arrived
        if one.event.envelope.type == "custom.visit"
    }
    return list(told.values())
