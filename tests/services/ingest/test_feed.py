"""Feed: what webhooks missed is found, the past comes in once, and the clock never runs ahead of what is published."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from headrace.contracts import topics
from headrace.contracts.actions import DeadLetter
from headrace.contracts.events import Clock, CustomerSnapshot, Event
from headrace.runtime.kafka import read_to_end, topic
from headrace.runtime.settings import ServiceSettings
from services.ingest.backlog import Place, read_record
from services.ingest.feed import Pace
from tests.services.ingest.shop import customer, newest_customers, newest_orders, open_shop, order, ready, strangers

pytestmark = pytest.mark.timeout(120)
START = datetime(2026, 1, 1, tzinfo=UTC)
LATER = {"op": "order.status", "order_id": 1003, "status_id": 2}


def _clocks(events: list[Event]) -> list[datetime]:
    return [event.data.now for event in events if isinstance(event.data, Clock)]


def _origins(events: list[Event], kind: str) -> set[str]:
    return {event.envelope.headraceorigin for event in events if event.envelope.type == kind}


async def test_feed__no_webhook_ever_came__changes_are_found_and_the_clock_follows(
    topics_created: ServiceSettings,
) -> None:
    async with open_shop(topics_created, speed=60) as shop:
        process = shop.feed()
        await ready(process)
        await shop.until(lambda events: bool(_clocks(events)))
        await shop.operate(*(customer(number) for number in range(1, 6)))
        await shop.operate(*(order(1000 + number, number % 6) for number in range(30)))
        await shop.operate(LATER, {"op": "refund.create", "order_id": 1001, "items": [{"line": 0, "quantity": 1}]})
        done = datetime.fromisoformat((await shop.clock())["now"])
        events = await shop.until(lambda events: max(_clocks(events), default=done) > done)
    orders = newest_orders(events)
    assert len(orders) == 30
    assert orders["1003"].status == "shipped"
    assert [refund.amount for refund in orders["1001"].refunds] == [255]
    assert strangers(events) == []
    assert _origins(events, "order.snapshot") == {"reconcile"}
    assert set(newest_customers(events)) == {str(number) for number in range(1, 6)}


async def test_feed__the_stores_date_jumps__no_clock_before_the_orders_it_passes(
    topics_created: ServiceSettings,
) -> None:
    """Each jump of minutes brings orders; when a partition's clock stands after one, the order stands before it."""
    async with open_shop(topics_created, speed=60) as shop:
        await ready(shop.feed())
        await shop.operate(customer(1))
        for hour in range(1, 9):
            at = f"2026-01-01T0{hour}:10:00Z"
            await shop.operate(*({**order(1000 + hour * 10 + each, 1), "at": at} for each in range(5)))
        end = datetime.fromisoformat("2026-01-01T08:20:00+00:00")
        await shop.clock(advance_to="2026-01-01T09:00:00Z")
        events = await shop.until(lambda events: max(_clocks(events), default=end) > end)
    assert len(newest_orders(events)) == 40
    mine = [event for event in events if event.envelope.subject in ("teststore:1", "~")]
    assert _ahead_of(mine) == []


def _ahead_of(events: list[Event]) -> list[str]:
    """Orders of the one customer that stand behind a clock which had already passed them, in their partition."""
    first = next(index for index, event in enumerate(events) if event.envelope.subject == "teststore:1")
    last = max(index for index, event in enumerate(events) if event.envelope.subject == "teststore:1")
    clock: datetime | None = None
    found: list[str] = []
    for event in events[first : last + 1]:
        if isinstance(event.data, Clock):
            clock = event.data.now
        elif clock is not None and event.envelope.time < clock and event.envelope.type == "order.snapshot":
            found.append(event.envelope.id)
    return found


async def test_feed__store_with_a_past__backfill_brings_it_once_then_changes(topics_created: ServiceSettings) -> None:
    async with open_shop(topics_created, speed=60) as shop:
        await shop.operate(*(customer(number) for number in range(1, 301)))
        await shop.operate(*(order(1000 + number, number % 301) for number in range(600)))
        process = shop.feed(backfill=True)
        await ready(process)
        await shop.until(lambda events: len(newest_orders(events)) == 600)
        await shop.operate({"op": "order.status", "order_id": 1003, "status_id": 2})
        events = await shop.until(lambda events: newest_orders(events)["1003"].status == "shipped")
        backfilled = [event for event in events if event.envelope.headraceorigin == "backfill"]
        await shop.stop(process)
        again = shop.feed(backfill=True)
        await ready(again)
        done = datetime.fromisoformat((await shop.clock())["now"])
        later = await shop.until(lambda events: max(_clocks(events), default=done) > done)
    assert len(newest_customers(backfilled)) == 300
    assert strangers(events) == []
    assert len(backfilled) == sum(event.envelope.headraceorigin == "backfill" for event in later)


async def test_feed__stopped_in_the_middle_of_a_backfill__goes_on_there(topics_created: ServiceSettings) -> None:
    async with open_shop(topics_created, speed=10) as shop:
        await shop.operate(*(customer(number) for number in range(1, 11)))
        await shop.operate(*(order(1000 + number, number % 11) for number in range(1500)))
        fields: dict[str, Any] = {"backfill": True, "quota_weight": 0.02}
        first = shop.feed(**fields)
        await shop.until(lambda events: len(newest_orders(events)) >= 250)
        await shop.kill(first)
        shop.feed(backfill=True)
        events = await shop.until(lambda events: len(newest_orders(events)) == 1500)
    orders = [event for event in events if event.envelope.id.startswith("order.snapshot")]
    assert len(orders) <= 1500 + 250


async def test_feed__consent_changes__the_customer_is_published(topics_created: ServiceSettings) -> None:
    async with open_shop(topics_created, speed=60) as shop:
        await shop.operate(customer(1))
        await ready(shop.feed())
        await shop.until(lambda events: "1" in newest_customers(events))
        await shop.operate(
            {"op": "subscriber.create", "subscriber": {"email": "c1@example.com"}, "email": "c1@example.com"}
        )
        await shop.until(lambda events: newest_customers(events)["1"].subscribed is True)


async def test_feed__consent_changes_while_there_is_no_feed__its_successor_finds_it(
    topics_created: ServiceSettings,
) -> None:
    async with open_shop(topics_created, speed=60) as shop:
        await shop.operate(customer(1))
        first = shop.feed()
        await ready(first)
        await shop.until(lambda events: "1" in newest_customers(events))
        done = datetime.fromisoformat((await shop.clock())["now"])
        await shop.clock(advance_to=(done + timedelta(hours=1)).isoformat())
        await shop.until(lambda events: max(_clocks(events), default=done) > done + timedelta(minutes=50))
        await shop.stop(first)
        await shop.clock(advance_to=(done + timedelta(hours=5)).isoformat())
        email = "c1@example.com"
        await shop.operate({"op": "subscriber.create", "subscriber": {"email": email}, "email": email})
        await shop.clock(advance_to=(done + timedelta(hours=10)).isoformat())
        await ready(shop.feed())
        await shop.until(lambda events: newest_customers(events)["1"].subscribed is True)


async def test_feed__consent_changes__published_again_in_the_next_pass(topics_created: ServiceSettings) -> None:
    """Within the second of a read that came before it, the first one counts as the same."""
    async with open_shop(topics_created, speed=60) as shop:
        await shop.operate(customer(1))
        await ready(shop.feed())
        email = "c1@example.com"
        await shop.until(lambda events: "1" in newest_customers(events))
        await shop.operate({"op": "subscriber.create", "subscriber": {"email": email}, "email": email})
        events = await shop.until(lambda events: len(_told(events)) >= 2)
    assert len(set(_told(events))) == len(_told(events))


def _told(events: list[Event]) -> list[str]:
    """Revisions of the customers' snapshots that tell of a subscription."""
    found = [event for event in events if isinstance(event.data, CustomerSnapshot) and event.data.subscribed]
    return [event.envelope.headracerevision or "" for event in found]


def _second_delay(store_seconds: float, real_seconds: float) -> float:
    pace = Pace(10.0, 10.0)
    pace.delay(100.0, START)
    return pace.delay(100.0 + real_seconds, START + timedelta(seconds=store_seconds))


def test_pace__real_time__every_ten_seconds() -> None:
    assert _second_delay(10, 10) == 10.0


def test_pace__fast_store__in_its_time() -> None:
    assert _second_delay(600, 10) == 10 / 60


def test_pace__very_fast_or_jumping_store__ten_a_second() -> None:
    assert _second_delay(86_400, 0.5) == 0.1


def test_pace__clock_stands_still__as_in_real_time() -> None:
    assert _second_delay(0, 5) == 10.0


async def test_feed__row_it_cannot_read__dead_letter_that_asks_for_it_again(topics_created: ServiceSettings) -> None:
    async with open_shop(topics_created, speed=60) as shop:
        await shop.operate(customer(1), order(100, 1), order(101, 1))
        row = {"id": 102, "customer_id": 0, "status_id": 99, "date_modified": "Wed, 31 Dec 2025 00:00:00 +0000"}
        reply = {"status": 200, "body": [row]}
        await shop.faults({"match": {"method": "GET", "path": "/v2/orders"}, "reply": reply, "times": 1})
        await ready(shop.feed())
        await shop.until(lambda events: set(newest_orders(events)) == {"100", "101"})
    (record,) = await read_to_end(topics_created, topic(topics_created, topics.DEAD_LETTERS))
    letter = msgspec.json.decode(record.value or b"", type=DeadLetter)
    assert (letter.service, letter.reason, letter.detail) == ("feed", "malformed_row", "the order names no currency")
    assert letter.topic == topic(topics_created, topics.NOTICES)
    assert read_record(letter.value, Place(0, 0)).key == ("order", 102)
