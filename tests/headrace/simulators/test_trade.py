"""Orders, refunds and the catalogue they fill."""

from typing import Any

import pytest

from headrace.simulators.people import Refused
from headrace.simulators.trade import money
from headrace.simulators.world import World

Events = list[tuple[str, dict[str, Any]]]
LINES = [
    {"product_id": 1, "name": "Mug", "sku": "22423", "brand": "Regency", "categories": ["Kitchen"], "quantity": 3,
     "price": "2.55"},
    {"product_id": 2, "name": "Box", "sku": "90001", "brand": "Bijou", "quantity": 1, "price": "0.10"},
]  # fmt: skip


def _order(world: World, **fields: Any) -> int:
    return world.trade.create_order({"id": 100, "customer_id": 5, "lines": LINES, **fields}).id


def test_money__text__is_exact() -> None:
    assert [money(text) for text in ("2.55", "0.1", 8, "69.8400")] == [25_500, 1_000, 80_000, 698_400]
    with pytest.raises(Refused):
        money("free")


def test_order__placed__flows_from_incomplete(world: World, events: Events) -> None:
    order_id = _order(world)
    status = {"previous_status_id": 0, "new_status_id": 11}
    assert events == [
        ("store/order/created", {"type": "order", "id": order_id}),
        ("store/order/updated", {"type": "order", "id": order_id}),
        ("store/order/statusUpdated", {"type": "order", "id": order_id, "status": status}),
    ]
    order = world.trade.orders.now(order_id)
    assert order is not None
    assert (order.status_id, order.total) == (11, 77_500)


def test_order__same_status_again__emits_nothing(world: World, events: Events) -> None:
    order_id = _order(world)
    events.clear()
    assert not world.trade.set_status(order_id, 11)
    assert events == []


def test_order__with_its_lines__fills_the_catalogue(world: World) -> None:
    _order(world)
    catalogue = world.trade.catalogue
    assert (catalogue.brands, catalogue.categories) == ({"Regency": 1, "Bijou": 2}, {"Kitchen": 1})
    assert catalogue.products[1].category_ids == (1,)


def test_refund__of_a_line__tells_of_refund_and_status(world: World, events: Events) -> None:
    order_id = _order(world)
    events.clear()
    refund = world.trade.refund(order_id, {"items": [{"line": 0, "quantity": 1, "amount": "2.55"}]})
    assert (refund.total, world.trade.refund_by_id(refund.id)) == (25_500, refund)
    scopes = ["store/order/refund/created", "store/order/updated", "store/order/statusUpdated"]
    assert [scope for scope, _ in events] == scopes
    assert events[2][1]["status"]["new_status_id"] == 14


def test_refund__of_everything__is_refunded(world: World, events: Events) -> None:
    order_id = _order(world)
    world.trade.refund(order_id, {"items": [{"line": 0, "quantity": 3}, {"line": 1, "quantity": 1}]})
    assert events[-1][1]["status"]["new_status_id"] == 4


def test_order__archived__stays_and_is_told(world: World, events: Events) -> None:
    order_id = _order(world)
    world.trade.archive(order_id)
    order = world.trade.orders.now(order_id)
    assert order is not None
    assert order.archived
    assert events[-1][0] == "store/order/archived"


def test_order__moved__is_the_other_customers_and_told(world: World, events: Events) -> None:
    order_id = _order(world)
    world.trade.move(order_id, 9)
    order = world.trade.orders.now(order_id)
    assert order is not None
    assert (order.customer_id, world.trade.of_customer[9]) == (9, [order_id])
    assert events[-1] == ("store/order/updated", {"type": "order", "id": order_id})


@pytest.mark.parametrize("fields", [{"status_id": 15}, {"lines": [{"quantity": 1, "price": "x"}]}])
def test_order__nonsense__is_refused(world: World, fields: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        _order(world, **fields)


def test_refund__of_no_line__is_refused(world: World) -> None:
    order_id = _order(world)
    with pytest.raises(Refused, match="line 9"):
        world.trade.refund(order_id, {"items": [{"line": 9, "quantity": 1}]})
