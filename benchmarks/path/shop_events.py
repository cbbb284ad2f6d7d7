"""A real shop's orders, refunds and customers as the records that ingest writes, in copies with people of their own.

The numbers are the shop's (`headrace.demo.shop`), the people are made up; nothing here is sent.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from typing import Final

from benchmarks.engine.workload import PARTITIONS, Record
from headrace.contracts.events import (
    CUSTOMER_SNAPSHOT,
    ORDER_SNAPSHOT,
    Address,
    CustomerPersonal,
    CustomerSnapshot,
    OrderLine,
    OrderPersonal,
    OrderSnapshot,
    OrderStatus,
    RefundLine,
    encode_event,
    revision,
)
from headrace.contracts.events import Refund as WireRefund
from headrace.contracts.topics import partition_of
from headrace.demo.catalogue import brand, category
from headrace.demo.people import Person
from headrace.demo.scenario import Scenario
from headrace.demo.shop import Order, Refund

STORE: Final = "bench"
_CURRENCY: Final = "GBP"


def shop_records(scenario: Scenario, copies: int) -> Iterator[Record]:
    """Everything that happened, in order; each moment comes once for every copy."""
    writers = [_Copy(scenario, number) for number in range(copies)]
    for event in scenario.shop.events:
        for writer in writers:
            yield from writer.refunded(event) if isinstance(event, Refund) else writer.ordered(event)


class _Copy:
    """One shop among the copies: its customers and orders have numbers of their own."""

    def __init__(self, scenario: Scenario, number: int) -> None:
        self._scenario = scenario
        self._number = number
        self._orders: dict[int, Order] = {}
        self._refunds: dict[int, list[WireRefund]] = {}
        self._known: set[int] = set()
        self._writes = 0

    def ordered(self, order: Order) -> Iterator[Record]:
        """A customer is written before the first order."""
        self._orders[order.id] = order
        person = self._scenario.buyer(order)
        if order.customer and order.customer not in self._known:
            self._known.add(order.customer)
            customer = _customer(person, self._own(order.customer), order.at)
            yield self._record(customer, CUSTOMER_SNAPSHOT, order, order.at)
        yield self._order(order, "awaiting_fulfillment", order.at)

    def refunded(self, refund: Refund) -> Iterator[Record]:
        """The order again, with all of its refunds."""
        done = self._refunds.setdefault(refund.order_id, [])
        lines = tuple(
            RefundLine(line_id=str(item.line), quantity=item.quantity, amount=item.amount_minor)
            for item in refund.items
        )
        identity = f"{self._own(refund.order_id)}-{len(done)}"
        done.append(WireRefund(id=identity, created_at=refund.at, amount=refund.amount_minor, lines=lines))
        status: OrderStatus = "refunded" if refund.whole else "partially_refunded"
        yield self._order(self._orders[refund.order_id], status, refund.at)

    def _own(self, number: int) -> str:
        return f"{number}-{self._number}"

    def _order(self, order: Order, status: OrderStatus, at: datetime) -> Record:
        person, total = self._scenario.buyer(order), order.total_minor
        snapshot = OrderSnapshot(
            order_id=self._own(order.id),
            status=status,
            created_at=order.at,
            modified_at=at,
            currency=_CURRENCY,
            total=total,
            subtotal=total,
            total_excluding_tax=total,
            lines=_lines(self._scenario, order),
            refunds=tuple(self._refunds.get(order.id, ())),
            billing_address=_address(person),
            personal=OrderPersonal(email=person.email, first_name=person.first_name, last_name=person.last_name),
        )
        return self._record(snapshot, ORDER_SNAPSHOT, order, at)

    def _record(self, data: CustomerSnapshot | OrderSnapshot, kind: str, order: Order, at: datetime) -> Record:
        self._writes += 1
        owner = self._own(order.customer) if order.customer else f"guest-{self._own(order.id)}"
        subject = f"{STORE}:{owner}"
        value = encode_event(
            data,
            type=kind,
            id=f"{kind}:{self._number}:{self._writes}",
            store=STORE,
            subject=subject,
            time=at,
            origin="live",
            revision=revision(at, at + timedelta(milliseconds=self._writes)),
        )
        key = subject.encode()
        return Record(_partition(key), key, value, int(at.timestamp() * 1000))


def _customer(person: Person, identity: str, at: datetime) -> CustomerSnapshot:
    address = _address(person)
    return CustomerSnapshot(
        customer_id=identity,
        created_at=at,
        modified_at=at,
        company=person.company,
        email_domain=person.email_domain,
        subscribed=person.subscribed,
        addresses=(address,) if address else (),
        personal=CustomerPersonal(
            email=person.email, first_name=person.first_name, last_name=person.last_name, phone=person.phone
        ),
    )


def _lines(scenario: Scenario, order: Order) -> tuple[OrderLine, ...]:
    return tuple(
        OrderLine(
            id=str(number),
            product_id=line.sku,
            quantity=line.quantity,
            price=line.price_minor,
            total=line.quantity * line.price_minor,
            name=scenario.shop.names.get(line.sku) or f"{brand(line.sku)} {line.sku}",
            sku=line.sku,
            brand=brand(line.sku),
            categories=(category(line.sku),),
        )
        for number, line in enumerate(order.lines)
    )


def _address(person: Person) -> Address | None:
    country = person.country
    if country is None:
        return None
    return Address(country_code=country.code, country=country.name, city=person.city, postcode=person.postcode)


@cache
def _partition(key: bytes) -> int:
    return partition_of(key, PARTITIONS)
