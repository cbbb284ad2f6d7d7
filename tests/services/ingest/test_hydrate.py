"""Notices become events: everything once it is true, the customer first, inside the quota, and nothing lost."""

import asyncio
from typing import Any

import msgspec
import pytest

from headrace.contracts import topics
from headrace.contracts.actions import DeadLetter
from headrace.contracts.events import CART_ABANDONED, CART_CONVERTED, CUSTOMER_DELETED, CartEvent, Event
from headrace.runtime.kafka import make_producer, read_to_end, topic
from headrace.runtime.settings import ServiceSettings
from services.ingest.vendor_troubles import UNAUTHORIZED
from tests.services.ingest.shop import (
    Shop,
    customer,
    newest_customers,
    newest_orders,
    open_shop,
    order,
    ready,
    strangers,
)

pytestmark = pytest.mark.timeout(120)
REFUND = {"op": "refund.create", "order_id": 100, "items": [{"line": 0, "quantity": 1, "amount": "2.55"}]}


def _statuses(events: list[Event]) -> dict[str, str]:
    return {key: snapshot.status for key, snapshot in newest_orders(events).items()}


def _reads(calls: dict[str, Any]) -> int:
    return sum(count for route, count in calls["by_route"].items() if route.startswith("GET") and "hooks" not in route)


async def _running(shop: Shop, **changes: Any) -> None:
    await ready(shop.receive())
    await ready(shop.hydrate(**changes))


async def test_hydrate__an_order_and_its_refund__customer_first_then_the_whole_order(
    topics_created: ServiceSettings,
) -> None:
    async with open_shop(topics_created, speed=20, webhook_header=None) as shop:
        await _running(shop)
        await shop.operate(customer(7, subscribed=True), order(100, 7), order(101, 0, email="Guest@Example.org"))
        await shop.until(lambda events: set(_statuses(events)) == {"100", "101"})
        await shop.operate(REFUND)
        events = await shop.until(lambda events: _statuses(events).get("100") == "partially_refunded")
    assert strangers(events) == []
    refunded = newest_orders(events)["100"]
    assert (refunded.total, [refund.amount for refund in refunded.refunds]) == (510, [255])
    assert refunded.lines[0].categories == ("Kitchen",)
    seven = newest_customers(events)["7"]
    assert (seven.subscribed, seven.group, seven.addresses[0].country_code) == (True, "", "GB")
    guest = next(event.envelope for event in events if event.envelope.id.startswith("order.snapshot:101"))
    assert guest.subject.startswith("teststore:guest-")
    assert "guest@" not in guest.subject.lower()


async def test_hydrate__many_orders_duplicated_and_reordered__few_reads_no_429_all_there(
    topics_created: ServiceSettings,
) -> None:
    options: dict[str, Any] = {"speed": 60, "duplicates": 0.1, "reorders": 0.2, "other_app_share": 0.4}
    async with open_shop(topics_created, **options) as shop:
        await _running(shop)
        await shop.operate(*(customer(number) for number in range(1, 41)))
        for start in range(0, 600, 50):
            await shop.operate(*(order(1000 + number, number % 41) for number in range(start, start + 50)))
        events = await shop.until(lambda events: len(_statuses(events)) == 600)
        calls = await shop.calls()
    assert set(_statuses(events).values()) == {"awaiting_fulfillment"}
    assert strangers(events) == []
    assert calls["status_429"] == 0
    assert _reads(calls) <= 1.3 * 600


async def test_hydrate__orders_one_at_a_time_as_fast_as_they_come__still_few_reads(
    topics_created: ServiceSettings,
) -> None:
    """Every order brings a customer never seen before."""
    async with open_shop(topics_created, speed=10) as shop:
        await _running(shop)
        for number in range(1, 301):
            await shop.operate(customer(number), order(1000 + number, number))
        await shop.until(lambda events: len(_statuses(events)) == 300)
        calls = await shop.calls()
    assert calls["status_429"] == 0
    assert _reads(calls) <= 1.3 * 300


async def test_hydrate__read_lags_behind_the_notice__reads_again(topics_created: ServiceSettings) -> None:
    async with open_shop(topics_created, speed=10, read_lag_s=8) as shop:
        await _running(shop, reread_delays_s=(0.3, 0.5, 1.0))
        await shop.operate(customer(7), order(100, 7))
        await shop.until(lambda events: _statuses(events) == {"100": "awaiting_fulfillment"})


async def test_hydrate__two_changes_within_a_second__the_second_is_not_taken_for_the_first(
    topics_created: ServiceSettings,
) -> None:
    async with open_shop(topics_created, speed=0.2) as shop:
        await _running(shop, reread_delays_s=(1.0, 2.0, 5.0))
        await shop.operate(customer(7), order(100, 7))
        await shop.until(lambda events: "100" in _statuses(events))
        await shop.operate({"op": "order.status", "order_id": 100, "status_id": 2})
        await shop.until(lambda events: _statuses(events)["100"] == "shipped")


async def test_hydrate__customer_deleted__said_so(topics_created: ServiceSettings) -> None:
    async with open_shop(topics_created, speed=20) as shop:
        await _running(shop)
        await shop.operate(customer(7))
        await shop.until(lambda events: "7" in newest_customers(events))
        await shop.operate({"op": "customer.delete", "customer_id": 7, "id": 7})
        await shop.until(lambda events: any(event.envelope.type == CUSTOMER_DELETED for event in events))


async def test_hydrate__notices_that_are_none_or_point_nowhere__neighbours_unaffected(
    topics_created: ServiceSettings,
) -> None:
    producer = make_producer(topics_created)
    await producer.start()
    await producer.send_and_wait(topic(topics_created, topics.NOTICES), b"\x00 nonsense", key=b"x")
    await producer.stop()
    async with open_shop(topics_created, speed=20) as shop:
        await _running(shop, reread_delays_s=(0.1,))
        await shop.operate(customer(7), order(100, 7))
        await shop.until(lambda events: "100" in _statuses(events))
    letters = await read_to_end(topics_created, topic(topics_created, topics.DEAD_LETTERS))
    assert [record.key for record in letters] == [b"x"]
    letter = msgspec.json.decode(letters[0].value or b"", type=DeadLetter)
    assert (letter.reason, letter.value, letter.service) == ("undecodable", b"\x00 nonsense", "hydrate")


async def test_hydrate__killed_at_work__its_successor_loses_nothing(topics_created: ServiceSettings) -> None:
    async with open_shop(topics_created, speed=60) as shop:
        await ready(shop.receive())
        first = shop.hydrate()
        await ready(first)
        await shop.operate(customer(1))
        for start in range(0, 200, 20):
            await shop.operate(*(order(1000 + number, 1) for number in range(start, start + 20)))
            if start == 80:
                await shop.kill(first)
        await ready(shop.hydrate())
        await shop.until(lambda events: len(_statuses(events)) == 200, deadline_s=60)


async def test_hydrate__vendor_fails_for_a_while__goes_on_where_it_stood(topics_created: ServiceSettings) -> None:
    async with open_shop(topics_created, speed=60) as shop:
        await _running(shop)
        faults = [
            {"match": {"method": "GET", "path": "/v2/orders"}, "reply": {"status": status}} for status in (500, 429)
        ]
        await shop.faults(*({**fault, "times": 2} for fault in faults))
        await shop.operate(customer(7), order(100, 7))
        await shop.until(lambda events: _statuses(events) == {"100": "awaiting_fulfillment"})


async def test_hydrate__credentials_refused__not_ready_until_they_are_right(topics_created: ServiceSettings) -> None:
    async with open_shop(topics_created, speed=60) as shop:
        await ready(shop.receive())
        process = shop.hydrate(unauthorized_retry_s=0.2)
        await ready(process)
        fault = {"match": {"method": "GET", "path": "/v2/orders"}, "reply": {"status": 401, "body": {"title": "no"}}}
        await shop.faults({**fault, "times": 5})
        await shop.operate(customer(7), order(100, 7))
        async with asyncio.timeout(20):
            while UNAUTHORIZED not in process.health.reasons:
                await asyncio.sleep(0.01)
        await shop.until(lambda events: "100" in _statuses(events))
        await ready(process)


async def test_hydrate__store_not_found__notices_wait_and_are_no_dead_letters(topics_created: ServiceSettings) -> None:
    """As with a mistyped address: what is wrong is not the notice."""
    async with open_shop(topics_created, speed=60) as shop:
        await ready(shop.receive())
        process = shop.hydrate()
        await ready(process)
        await shop.faults({"match": {"method": "GET", "path": "/v2/orders"}, "reply": {"status": 404}, "times": 1})
        await shop.operate(order(100, 0))
        await shop.until(lambda events: "100" in _statuses(events))
    assert await read_to_end(topics_created, topic(topics_created, topics.DEAD_LETTERS)) == []


async def test_hydrate__carts_and_what_customers_declared__events_behind_their_customer(
    topics_created: ServiceSettings,
) -> None:
    mug = {"product_id": 5, "name": "Mug", "brand": "Bijou", "categories": ["Kitchen"], "quantity": 2, "price": "2.55"}
    late = {**mug, "product_id": 6, "availability": "preorder"}
    cart_id = "09346904-4175-44fd-be53-f7e598531b6c"
    declared = {"store_credit": "43.15", "form_fields": {"Gender": "Female", "Birthday": "1990-05-17"}}
    async with open_shop(topics_created, speed=20, webhook_header=None) as shop:
        await _running(shop)
        first = customer(7, subscribed=True)
        first["customer"] |= {**declared, "consents": ["abandoned_cart"]}
        await shop.operate(first, {"op": "cart.abandon", "cart": {"id": cart_id, "customer_id": 7, "lines": [mug]}})
        await shop.until(lambda events: any(each.envelope.type == CART_ABANDONED for each in events))
        bought = {
            "id": 100,
            "customer_id": 7,
            "email": "c7@x.example",
            "lines": [late],
            "shipping": "3",
            "channel_id": 2,
        }
        await shop.operate({"op": "cart.convert", "cart_id": cart_id, "order": bought})
        events = await shop.until(
            lambda events: any(each.envelope.type == CART_CONVERTED for each in events) and bool(newest_orders(events))
        )
    assert strangers(events) == []
    seven, order_ = newest_customers(events)["7"], newest_orders(events)["100"]
    assert (seven.store_credit, seven.consents) == (4315, {"abandoned_cart": True})
    assert seven.personal is not None
    assert (seven.personal.birthday, seven.personal.form["gender"]) == ("1990-05-17", "Female")
    assert (order_.total, order_.shipping, order_.channel_id) == (810, 300, 2)
    assert order_.lines[0].backordered == 2
    left, became = (
        next(each.data for each in events if each.envelope.type == kind) for kind in (CART_ABANDONED, CART_CONVERTED)
    )
    assert isinstance(left, CartEvent)
    assert isinstance(became, CartEvent)
    assert (left.total, left.lines[0].brand, left.lines[0].categories) == (510, "Bijou", ("Kitchen",))
    assert (became.cart_id, became.total) == (cart_id, 810)
