"""Operations: what people do in the store."""

from datetime import timedelta
from typing import Any

import pytest

from headrace.simulators.operations import Made, OperationRefused, apply_operation
from headrace.simulators.world import World
from tests.headrace.simulators.harness import START

CUSTOMER = {
    "id": 12346,
    "email": "ann@x.example",
    "first_name": "Ann",
    "last_name": "Lee",
    "company": "Acme",
    "phone": "1",
    "group": "Gold",
    "addresses": [{"address1": "1 Way", "city": "Leeds", "state": "", "postcode": "L1", "country": "United Kingdom",
                   "country_code": "GB"}],
    "subscribed": True,
}  # fmt: skip
ORDER = {"id": 7, "customer_id": 12346, "email": "ann@x.example", "lines": [{"product_id": 1, "quantity": 2, "price": "2.55"}]}  # noqa: E501  # fmt: skip


def _apply(world: World, *entries: dict[str, Any]) -> Made:
    made = Made()
    for entry in entries:
        apply_operation(world, entry, made)
    return made


def test_operations__a_customer_s_life__is_applied(world: World) -> None:
    made = _apply(
        world,
        {"op": "group.create", "group": {"name": "Gold"}},
        {"op": "customer.create", "customer": CUSTOMER},
        {"op": "order.create", "order": ORDER},
        {
            "op": "refund.create",
            "order_id": 7,
            "items": [{"line": 0, "quantity": 1, "amount": "2.55"}],
            "status_id": 14,
        },
        {"op": "order.status", "order_id": 7, "status_id": 10},
        {"op": "order.archive", "order_id": 7},
        {"op": "customer.update", "customer": {"id": 12346, "company": "Bcme", "group": "", "subscribed": False}},
    )
    assert (made.applied, made.groups, made.orders) == (7, {"Gold": 1}, {"7": {"lines": [1]}})
    customer, order = world.people.customers.now(12346), world.trade.orders.now(7)
    subscriber = world.people.subscriber_by_email("ann@x.example")
    assert customer is not None
    assert order is not None
    assert subscriber is not None
    assert (customer.company, customer.group_id, customer.addresses[0].city) == ("Bcme", 0, "Leeds")
    assert (order.status_id, order.archived, len(order.refunds)) == (10, True, 1)
    assert subscriber.consents == ()


def test_operations__at__moves_the_date_forward_only(world: World) -> None:
    later = START + timedelta(days=2)
    _apply(
        world,
        {"op": "order.create", "at": later.isoformat(), "order": {**ORDER, "customer_id": 0}},
        {"op": "order.status", "at": START.isoformat(), "order_id": 7, "status_id": 10},
    )
    order = world.trade.orders.now(7)
    assert order is not None
    assert (order.created, order.modified) == (later, later)


def test_operations__guest_order__keeps_its_email(world: World) -> None:
    _apply(world, {"op": "order.create", "order": {**ORDER, "customer_id": 0}})
    order = world.trade.orders.now(7)
    assert order is not None
    assert (order.customer_id, order.billing.email) == (0, "ann@x.example")


def test_operations__person_unsubscribes_by_mail__is_a_member_status(world: World) -> None:
    _apply(world, {"op": "member.status", "email": "ann@x.example", "status": "unsubscribed"})
    member = world.audience.by_email("ann@x.example")
    assert member is not None
    assert member.status == "unsubscribed"


def test_operations__subscriber_created__has_consent(world: World) -> None:
    _apply(world, {"op": "subscriber.create", "subscriber": {"email": "b@x.example"}})
    subscriber = world.people.subscriber_by_email("b@x.example")
    assert subscriber is not None
    assert subscriber.consents == ("marketing_newsletter",)


@pytest.mark.parametrize(
    "entry",
    [
        {"op": "order.explode"},
        {"op": "order.create"},
        {"op": "order.status", "order_id": 99, "status_id": 1},
        {"op": "customer.create", "customer": {"email": "a@x.example", "group": "Nowhere"}},
        {"op": "customer.delete", "customer_id": 9},
        {"op": "order.archive", "at": "yesterday", "order_id": 1},
    ],
)
def test_operations__nonsense__is_refused(world: World, entry: dict[str, Any]) -> None:
    with pytest.raises(OperationRefused):
        _apply(world, entry)
