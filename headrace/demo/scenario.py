"""A shop's history as the ordered operations of the simulator's `POST /_sim/orders`.

Which goods and people there are comes from the neighbours; how the operations are sent is in `player.py`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from headrace.demo import people
from headrace.demo.catalogue import brand, category
from headrace.demo.people import Person
from headrace.demo.shop import Order, Refund, Shop, read_shop

Operation = dict[str, Any]
CURRENCY: Final = "GBP"
AWAITING_FULFILLMENT: Final = 11
PARTIALLY_REFUNDED: Final = 14
REFUNDED: Final = 4
GROUPS: Final = ("Wholesale", "Platinum", "Gold", "Bulk buyers", "Bijou", "Silver")
"""The store's customer groups when the demo begins; also the demo rule set's `group_order`, highest first."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """The shop with its people: `customers` by number, `guests` by order id."""

    seed: int
    shop: Shop
    customers: dict[int, Person]
    guests: dict[int, Person]

    def buyer(self, order: Order) -> Person:
        """Who placed the order."""
        return self.customers[order.customer] if order.customer else self.guests[order.id]


def load_scenario(path: Path, *, seed: int, orders: int | None = None, places: int = 0) -> Scenario:
    """Read the file and make up its people. Raises ShopError (see `table.py`).

    `places`: how far customer numbers are moved on, for another store with the same ids (see `moved_on`).
    """
    return make_scenario(moved_on(read_shop(path, orders=orders), places), seed=seed)


def moved_on(shop: Shop, places: int) -> Shop:
    """The same orders, each by the customer who is so many places further in the list of all numbers."""
    numbers = sorted({order.customer for order in shop.orders if order.customer})
    if not places or not numbers:
        return shop
    places %= len(numbers)
    another = dict(zip(numbers, [*numbers[places:], *numbers[:places]], strict=True)) | {0: 0}
    events = (
        replace(event, customer=another[event.customer]) if isinstance(event, Order) else event for event in shop.events
    )
    return replace(shop, events=tuple(events))


def make_scenario(shop: Shop, *, seed: int) -> Scenario:
    """People for a shop; a customer's country is that of the first order, as the file sometimes changes it."""
    customers: dict[int, Person] = {}
    guests: dict[int, Person] = {}
    for order in shop.orders:
        if not order.customer:
            guests[order.id] = people.guest(order.invoice, order.country, seed=seed)
        elif order.customer not in customers:
            customers[order.customer] = people.customer(order.customer, order.country, seed=seed)
    return Scenario(seed, shop, customers, guests)


def group_operations(at: datetime) -> list[Operation]:
    """The groups a store has before the first order."""
    return [{"at": at.isoformat(), "op": "group.create", "group": {"name": name}} for name in GROUPS]


def operations(scenario: Scenario) -> Iterator[Operation]:
    """Everything that happened, in order; a customer is created just before the first order, at its time."""
    products: dict[str, int] = {}
    known: set[int] = set()
    for event in scenario.shop.events:
        if isinstance(event, Refund):
            yield _refund(event)
            continue
        person = scenario.buyer(event)
        if person.customer and person.customer not in known:
            known.add(person.customer)
            yield _create(person, event.at)
        yield _order(event, person, products, scenario.shop.names)


def _create(person: Person, at: datetime) -> Operation:
    address = _address(person)
    return {
        "at": at.isoformat(),
        "op": "customer.create",
        "customer": {
            "id": person.customer,
            "email": person.email,
            "first_name": person.first_name,
            "last_name": person.last_name,
            "company": person.company,
            "phone": person.phone,
            "group": "",
            "addresses": [address] if address else [],
            "subscribed": person.subscribed,
        },
    }


def _order(order: Order, person: Person, products: dict[str, int], names: dict[str, str]) -> Operation:
    lines = [
        {
            "product_id": products.setdefault(line.sku, len(products) + 1),
            "name": names.get(line.sku) or f"{brand(line.sku)} {line.sku}",
            "sku": line.sku,
            "brand": brand(line.sku),
            "categories": [category(line.sku)],
            "quantity": line.quantity,
            "price": pounds(line.price_minor),
        }
        for line in order.lines
    ]
    return {
        "at": order.at.isoformat(),
        "op": "order.create",
        "order": {
            "id": order.id,
            "customer_id": order.customer,
            "email": person.email,
            "status_id": AWAITING_FULFILLMENT,
            "currency": CURRENCY,
            "lines": lines,
            "billing_address": {
                "first_name": person.first_name,
                "last_name": person.last_name,
                "email": person.email,
                **_address(person),
            },
        },
    }


def _refund(refund: Refund) -> Operation:
    """`amount` is for all units of the item together."""
    return {
        "at": refund.at.isoformat(),
        "op": "refund.create",
        "order_id": refund.order_id,
        "items": [
            {"line": item.line, "quantity": item.quantity, "amount": pounds(item.amount_minor)} for item in refund.items
        ],
        "status_id": REFUNDED if refund.whole else PARTIALLY_REFUNDED,
    }


def _address(person: Person) -> dict[str, str]:
    if person.country is None:
        return {}
    return {
        "address1": person.street,
        "city": person.city,
        "state": "",
        "postcode": person.postcode,
        "country": person.country.name,
        "country_code": person.country.code,
    }


def pounds(minor: int) -> str:
    """`255` is "2.55"."""
    return f"{minor // 100}.{minor % 100:02d}"
