"""The demo's shop (`headrace.demo.shop`) as the snapshots that ingest writes: customers, orders, refunds.

Which of them are written when, and under which numbers, is each benchmark's own.
"""

from datetime import datetime
from typing import Final

from headrace.contracts.events import (
    Address,
    CustomerPersonal,
    CustomerSnapshot,
    OrderLine,
    OrderPersonal,
    OrderSnapshot,
    Refund,
    RefundLine,
)
from headrace.demo.catalogue import brand, category
from headrace.demo.people import Person
from headrace.demo.scenario import Scenario
from headrace.demo.shop import Order
from headrace.demo.shop import Refund as TakenBack

CURRENCY: Final = "GBP"


def customer_of(person: Person, customer_id: str, at: datetime) -> CustomerSnapshot:
    """As of their registration."""
    address = _address(person)
    return CustomerSnapshot(
        customer_id=customer_id,
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


def order_of(scenario: Scenario, order: Order, order_id: str) -> OrderSnapshot:
    """As it was placed."""
    person, total = scenario.buyer(order), order.total_minor
    return OrderSnapshot(
        order_id=order_id,
        status="awaiting_fulfillment",
        created_at=order.at,
        modified_at=order.at,
        currency=CURRENCY,
        total=total,
        subtotal=total,
        total_excluding_tax=total,
        lines=_lines(scenario, order),
        billing_address=_address(person),
        personal=OrderPersonal(email=person.email, first_name=person.first_name, last_name=person.last_name),
    )


def refund_of(taken: TakenBack, refund_id: str) -> Refund:
    """One of an order's refunds."""
    lines = tuple(
        RefundLine(line_id=str(item.line), quantity=item.quantity, amount=item.amount_minor) for item in taken.items
    )
    return Refund(id=refund_id, created_at=taken.at, amount=taken.amount_minor, lines=lines)


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
