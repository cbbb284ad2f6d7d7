"""The operations as the simulator takes them."""

from collections.abc import Callable

import pytest

from headrace.demo.scenario import Scenario, group_operations, moved_on, operations, pounds

ShopMaker = Callable[..., Scenario]


def test_operations__first_order__is_preceded_by_its_customer_at_its_time(small: ShopMaker) -> None:
    scenario = small((7, [("22064", 2, 255)]), (7, [("22064", 1, 255)]))
    create, first, second = operations(scenario)
    assert [create["op"], first["op"], second["op"]] == ["customer.create", "order.create", "order.create"]
    assert create["at"] == first["at"] == "2010-01-04T09:00:00+00:00"
    assert create["customer"]["id"] == first["order"]["customer_id"] == 7
    assert create["customer"]["addresses"][0]["country_code"] == "GB"
    assert first["order"]["id"] == 100
    assert first["order"]["status_id"] == 11
    assert first["order"]["lines"] == [
        {
            "product_id": 1,
            "name": "Lantern 22064",
            "sku": "22064",
            "brand": "Lantern",
            "categories": ["Gifts"],
            "quantity": 2,
            "price": "2.55",
        }
    ]
    assert second["order"]["lines"][0]["product_id"] == 1


def test_operations__guest__has_only_an_order_with_an_address(small: ShopMaker) -> None:
    (order,) = operations(small((0, [("22064", 2, 255)])))
    assert order["order"]["customer_id"] == 0
    assert order["order"]["email"].startswith(tuple("abcdefghijklmnopqrstuvwxyz"))
    assert "guest0@" in order["order"]["email"]


def test_operations__no_country__has_no_address(small: ShopMaker) -> None:
    create, order = operations(small((7, [("22064", 2, 255)]), country="Unspecified"))
    assert create["customer"]["addresses"] == []
    assert "country_code" not in order["order"]["billing_address"]


def test_operations__refunds__have_status_14_until_nothing_is_left(small: ShopMaker) -> None:
    *_, part, rest = operations(small((7, [("22064", 3, 255)]), (0, 1), (0, 2)))
    assert part["items"] == [{"line": 0, "quantity": 1, "amount": "2.55"}]
    assert (part["order_id"], part["status_id"]) == (100, 14)
    assert rest["items"] == [{"line": 0, "quantity": 2, "amount": "5.10"}]
    assert rest["status_id"] == 4


def test_operations__asked_twice__are_the_same(small: ShopMaker) -> None:
    scenario = small((7, [("22064", 3, 255)]), (0, [("20725", 1, 100)]), (0, 1))
    assert list(operations(scenario)) == list(operations(scenario))


def test_group_operations__are_the_demo_groups(small: ShopMaker) -> None:
    at = small((7, [("22064", 3, 255)])).shop.events[0].at
    names = [operation["group"]["name"] for operation in group_operations(at)]
    assert names == ["Wholesale", "Platinum", "Gold", "Bulk buyers", "Bijou", "Silver"]


@pytest.mark.parametrize(
    ("minor", "text"), [(0, "0.00"), (5, "0.05"), (99, "0.99"), (100, "1.00"), (123456, "1234.56")]
)
def test_pounds__pence__are_written_with_two_digits(minor: int, text: str) -> None:
    assert pounds(minor) == text


def test_moved_on__another_store__same_ids_and_amounts_of_other_customers(small: ShopMaker) -> None:
    shop = small((7, [("22064", 2, 255)]), (0, [("22064", 1, 255)]), (9, [("22064", 1, 255)]), (0, 1)).shop
    moved = moved_on(shop, 1)
    assert [order.customer for order in moved.orders] == [9, 0, 7]
    assert [(order.id, order.total_minor) for order in moved.orders] == [
        (order.id, order.total_minor) for order in shop.orders
    ]
    assert moved.refunds == shop.refunds
    assert moved_on(shop, 0) == moved_on(shop, 2) == shop
