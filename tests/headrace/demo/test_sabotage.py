"""Each way to spoil a run touches exactly one customer, and one for whom it shows."""

from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import pytest

from headrace.demo.log_fold import LogFold
from headrace.demo.oracle import expect
from headrace.demo.sabotage import NoVictimError, double_refund, drop_event, stale_group
from headrace.demo.scenario import Scenario, operations

ShopMaker = Callable[..., Scenario]


def test_drop_event__order_that_lifts_a_customer__is_never_played(small: ShopMaker) -> None:
    scenario = small((7, [("22064", 1, 100)]), (8, [("22064", 1, 100_000)]), (8, [("22064", 1, 100)]))
    spoiled = drop_event(scenario)
    played = [op["order"]["id"] for op in spoiled.play() if op["op"] == "order.create"]
    assert (spoiled.customer, played) == (8, [100, 102])
    assert spoiled.scenario is scenario


def test_drop_event__nobody_known__says_so(small: ShopMaker) -> None:
    with pytest.raises(NoVictimError):
        drop_event(small((0, [("22064", 1, 100)])))


def test_double_refund__refund_that_demotes_twice__is_played_twice(small: ShopMaker) -> None:
    scenario = small((7, [("22064", 10, 100)]), (8, [("22064", 11, 10_000)]), (0, 1), (1, 1), (7, [("20725", 1, 1)]))
    spoiled = double_refund(scenario)
    played = [op["order_id"] for op in spoiled.play() if op["op"] == "refund.create"]
    assert (spoiled.customer, played) == (8, [100, 101, 101])


def test_double_refund__no_refund_matters__a_customer_is_added(small: ShopMaker) -> None:
    scenario = small((7, [("22064", 10, 100)]), (0, 1))
    spoiled = double_refund(scenario)
    refunds = [op["order_id"] for op in spoiled.play() if op["op"] == "refund.create"]
    assert refunds == [100, 101, 101]
    assert spoiled.customer in spoiled.scenario.customers
    assert spoiled.customer not in scenario.customers
    assert (
        expect(spoiled.scenario, LogFold(), store="s", now=datetime(2011, 1, 1, tzinfo=UTC))
        .customers[spoiled.customer]
        .group
        == "Gold"
    )
    assert len(list(operations(spoiled.scenario))) == len(list(spoiled.play())) - 1


async def test_stale_group__first_grouped_customer__gets_another_group() -> None:
    calls: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        calls.append(request)
        if request.method == "GET":
            return httpx.Response(200, json=[{"id": 4, "name": "Silver"}, {"id": 5, "name": "Bijou"}])
        return httpx.Response(200, json={"data": []})

    truth = {"customers": {"6": {"group": ""}, "7": {"group": "Silver"}}}
    transport = httpx.MockTransport(answer)
    async with httpx.AsyncClient(transport=transport, base_url="http://store.test") as client:
        assert await stale_group(client, truth, store="s", token="t") == 7
    assert calls[1].url.path == "/stores/s/v3/customers"
    assert calls[1].content == b'[{"id":7,"customer_group_id":5}]'
    assert calls[1].headers["X-Auth-Token"] == "t"


async def test_stale_group__nobody_grouped__says_so() -> None:
    async with httpx.AsyncClient() as client:
        with pytest.raises(NoVictimError):
            await stale_group(client, {"customers": {}}, store="s", token="t")
