"""A shop small enough to work out by hand."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from headrace.demo.scenario import Scenario, make_scenario
from headrace.demo.shop import Counts, Line, Order, Refund, RefundItem, Shop

DAY = timedelta(days=1)
BEGIN = datetime(2010, 1, 4, 9, tzinfo=UTC)
COUNTS = Counts(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, {})

ShopMaker = Callable[..., Scenario]


@pytest.fixture
def small() -> ShopMaker:
    """`small((customer, [(sku, quantity, pence), ...]), (order index, units of line 0), ...)` in time order.

    A pair whose second part is a list is an order, else a refund of units of the order's first line.
    """

    def make(*events: tuple[int, list[tuple[str, int, int]] | int], country: str = "United Kingdom") -> Scenario:
        orders: list[Order] = []
        taken: dict[int, int] = {}
        made: list[Order | Refund] = []
        for step, (number, what) in enumerate(events):
            at = BEGIN + step * DAY
            if isinstance(what, list):
                lines = tuple(Line(*line) for line in what)
                orders.append(Order(100 + len(orders), str(step), at, number, country, lines))
                made.append(orders[-1])
                continue
            order = orders[number]
            taken[number] = taken.get(number, 0) + what
            item = RefundItem(0, what, what * order.lines[0].price_minor)
            made.append(Refund(order.id, f"C{step}", at, (item,), taken[number] == order.units))
        return make_scenario(Shop(tuple(made), {}, COUNTS), seed=3)

    return make
