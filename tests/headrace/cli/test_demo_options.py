"""The stores of a demo: the same ids in each, and other people behind them."""

import pytest

from headrace.cli.demo_options import EXTRACT, scenarios_of


def test_scenarios_of__two_stores__half_the_orders_by_others_with_the_same_numbers() -> None:
    first, second = scenarios_of(EXTRACT, 1, "60", 2)
    assert (len(first.shop.orders), len(second.shop.orders)) == (60, 30)
    assert first.shop.events[0].at == second.shop.events[0].at
    orders = list(zip(first.shop.orders, second.shop.orders, strict=False))
    assert [one.id for one, _ in orders] == [other.id for _, other in orders]
    assert not [one.id for one, other in orders if one.customer and one.customer == other.customer]
    shared = first.customers.keys() & second.customers.keys()
    assert len(shared) > 20
    assert not [number for number in shared if first.customers[number] == second.customers[number]]


@pytest.mark.parametrize("stores", [1, 3])
def test_scenarios_of__every_store__has_one_and_the_first_is_always_the_same(stores: int) -> None:
    found = scenarios_of(EXTRACT, 1, "1", stores)
    assert [len(scenario.shop.orders) for scenario in found] == [1] * stores
    assert found[0] == scenarios_of(EXTRACT, 1, "1", 1)[0]
