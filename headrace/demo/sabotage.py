"""Three ways to break a demo run on purpose, each at one customer, so that the verification can be seen to catch it.

The scenario the verification computes from stays whole; only what is played, or the store, is spoiled.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import httpx

from headrace.demo import people
from headrace.demo.log_fold import Latched
from headrace.demo.oracle import counted_amounts, expected_group, is_wholesale
from headrace.demo.scenario import GROUPS, Operation, Scenario, operations
from headrace.demo.shop import Line, Order, Refund, RefundItem

Sabotage = Literal["drop-event", "stale-group", "double-refund"]

_PLANTED: Final = Line("21730", 220, 500)
"""1,100.00 GBP: Gold from 1,000.00."""
_PLANTED_REFUND: Final = RefundItem(0, 15, 7500)
"""75.00 GBP: once leaves Gold, twice does not."""


class NoVictimError(Exception):
    """The scenario has no order that could be spoiled; play more orders."""


@dataclass(frozen=True, slots=True)
class Spoiled:
    """`scenario` is what must be verified against; `play()` gives the spoiled operations; `customer` must differ."""

    customer: int
    scenario: Scenario
    play: Callable[[], Iterator[Operation]]


def drop_event(scenario: Scenario) -> Spoiled:
    """One order is never played: where possible one without which its customer is in a lower group."""
    refunded = {refund.order_id for refund in scenario.shop.refunds}
    droppable = [order for order in scenario.shop.orders if order.customer and order.id not in refunded]
    if not droppable:
        raise NoVictimError("no order of a known customer to drop")
    counted = counted_amounts(scenario)
    spent = _spent(scenario, counted)
    victim = next((order for order in droppable if _matters(scenario, spent, order, counted[order.id])), droppable[-1])

    def play() -> Iterator[Operation]:
        return (op for op in operations(scenario) if op["op"] != "order.create" or op["order"]["id"] != victim.id)

    return Spoiled(victim.customer, scenario, play)


def double_refund(scenario: Scenario) -> Spoiled:
    """One refund is played twice. Where none of the shop's would move its customer, one that does is added."""
    scenario, order, refund = _refund_that_matters(scenario) or _plant(scenario)

    def play() -> Iterator[Operation]:
        awaited = _place(scenario, refund)
        for op in operations(scenario):
            yield op
            if op["op"] == "refund.create":
                if awaited == 0:
                    yield op
                awaited -= 1

    return Spoiled(order.customer, scenario, play)


async def stale_group(client: httpx.AsyncClient, truth: Mapping[str, Any], *, store: str, token: str) -> int:
    """Write another group to the first grouped customer, straight into the store; gives the customer's number.

    `client` has the simulated store's base URL. Raises NoVictimError, and httpx.HTTPError for a refused call.
    """
    victim = next(((number, end["group"]) for number, end in truth["customers"].items() if end["group"]), None)
    if victim is None:
        raise NoVictimError("no customer has a group")
    number, group = victim
    wrong = next(name for name in reversed(GROUPS) if name != group)
    headers = {"X-Auth-Token": token, "Accept": "application/json"}
    groups = (await client.get(f"/stores/{store}/v2/customer_groups", headers=headers)).raise_for_status().json()
    wrong_id = next(row["id"] for row in groups if row["name"] == wrong)
    body = [{"id": int(number), "customer_group_id": wrong_id}]
    (await client.put(f"/stores/{store}/v3/customers", json=body, headers=headers)).raise_for_status()
    return int(number)


def _spent(scenario: Scenario, counted: Mapping[int, int]) -> Counter[int]:
    spent: Counter[int] = Counter()
    for order in scenario.shop.orders:
        spent[order.customer] += counted[order.id]
    return spent


def _matters(scenario: Scenario, spent: Mapping[int, int], order: Order, less_minor: int) -> bool:
    """Whether the customer's group by spend is another one when so much less was spent."""
    person, nothing = scenario.customers[order.customer], Latched()
    before = spent[order.customer]
    return expected_group(person, before, nothing) != expected_group(person, before - less_minor, nothing)


def _refund_that_matters(scenario: Scenario) -> tuple[Scenario, Order, Refund] | None:
    orders = {order.id: order for order in scenario.shop.orders}
    taken: Counter[tuple[int, int]] = Counter()
    for refund in scenario.shop.refunds:
        for item in refund.items:
            taken[refund.order_id, item.line] += item.quantity
    spent = _spent(scenario, counted_amounts(scenario))
    whole = {refund.order_id for refund in scenario.shop.refunds if refund.whole}
    for refund in scenario.shop.refunds:
        order = orders[refund.order_id]
        if refund.order_id in whole or not _room_for_twice(order, refund, taken):
            continue
        if _matters(scenario, spent, order, refund.amount_minor):
            return scenario, order, refund
    return None


def _room_for_twice(order: Order, refund: Refund, taken: Mapping[tuple[int, int], int]) -> bool:
    return all(taken[order.id, item.line] + item.quantity <= order.lines[item.line].quantity for item in refund.items)


def _plant(scenario: Scenario) -> tuple[Scenario, Order, Refund]:
    """The scenario with one more customer at its end."""
    last = scenario.shop.orders[-1]
    number = max(scenario.customers, default=0) + 1
    person = people.customer(number, "United Kingdom", seed=scenario.seed)
    while is_wholesale(person.email_domain):
        number += 1
        person = people.customer(number, "United Kingdom", seed=scenario.seed)
    at = scenario.shop.events[-1].at
    order = Order(last.id + 1, "planted", at, number, "United Kingdom", (_PLANTED,))
    refund = Refund(order.id, "planted", at, (_PLANTED_REFUND,), whole=False)
    shop = replace(scenario.shop, events=(*scenario.shop.events, order, refund))
    return replace(scenario, shop=shop, customers={**scenario.customers, number: person}), order, refund


def _place(scenario: Scenario, wanted: Refund) -> int:
    """The running number of a refund among the refunds."""
    return next(index for index, refund in enumerate(scenario.shop.refunds) if refund is wanted)
