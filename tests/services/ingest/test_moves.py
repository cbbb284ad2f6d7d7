"""Orders that change their owner, from the store to the evaluator's answer: counted once, before and after."""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from headrace.contracts.topics import ACTIONS_ATTRIBUTES, EVENTS
from headrace.platforms.http import Reply, Request
from headrace.rules.load import Source, load_texts
from headrace.runtime.kafka import make_producer, topic
from headrace.runtime.settings import ServiceSettings
from services.ingest.identity import guest_key
from services.ingest.owner_log import OwnerLog
from services.ingest.owners import Owners
from services.ingest.publish import Events, EventWriter, Record
from services.ingest.publisher import Publisher
from services.ingest.reader import Fetched, StoreReader
from services.ingest.snapshots import Snapshots
from tests.services.evaluator.service import activation, evaluator, publish, publish_rules, read, until
from tests.services.ingest.shop import Shop, customer, open_shop, order, ready

pytestmark = pytest.mark.timeout(180)
EMAIL = "jo@example.com"
AT = datetime(2026, 1, 5, tzinfo=UTC)
GUEST = guest_key("teststore", EMAIL, b"hk")
_HAS = "  - {{id: has-{n}, who: {{customer.orders: {{is: {n}}}}}, attributes: {{orders: '{n}'}}}}\n"
_SPENT = "  - {{id: spent-{n}, who: {{customer.spend: {{is: {sum:.2f}}}}}, attributes: {{spent: '{n}'}}}}\n"
RULES = "store: {timezone: UTC, currency: GBP}\nsegments:\n" + "".join(
    line.format(n=count, sum=count * 5.10) for count in range(1, 6) for line in (_HAS, _SPENT)
)
GUESTS_ORDERS = [order(number, 0, email=EMAIL) for number in (100, 101, 102)]
ACCOUNT = customer(7, email="Jo@Example.com")


async def _counted(settings: ServiceSettings) -> dict[str, tuple[str, str]]:
    """How many orders each customer has, and how much was spent as a count of such orders; without those of none."""
    found = {}
    for key, value in await read(settings, ACTIONS_ATTRIBUTES):
        present = value["present"]
        found[(key or b"").decode()] = tuple("".join(present.get(name, ())) for name in ("orders", "spent"))
    return {key: (orders, spent) for key, (orders, spent) in found.items() if orders or spent}


async def _until_counted(shop: Shop, **wanted: int) -> None:
    """`c7=3, guest=1`."""
    keys = {"guest": GUEST}
    expected = {keys.get(name, f"teststore:{name[1:]}"): (str(count),) * 2 for name, count in wanted.items() if count}

    async def holds() -> bool:
        return await _counted(shop.kafka) == expected

    await until(f"{expected}", holds)


async def _rules(settings: ServiceSettings) -> None:
    rule_set = load_texts([Source("rules.yaml", RULES)]).rule_set
    assert rule_set is not None
    await publish_rules(settings, rule_set, 1)
    await publish(settings, activation(rule_set, 1))


@pytest.mark.parametrize(
    "script",
    [
        pytest.param([*GUESTS_ORDERS, "counted", ACCOUNT], id="orders-then-account"),
        pytest.param([ACCOUNT, "counted", *GUESTS_ORDERS], id="account-then-orders"),
        pytest.param([GUESTS_ORDERS[0], ACCOUNT, *GUESTS_ORDERS[1:]], id="at-once"),
        pytest.param([*GUESTS_ORDERS, "counted", "crash", ACCOUNT], id="after-a-crash"),
    ],
)
async def test_moves__guest_with_three_orders_creates_an_account__counted_once_in_any_order(
    topics_created: ServiceSettings, tmp_path: Path, script: list[Any]
) -> None:
    await _rules(topics_created)
    async with (
        open_shop(topics_created, speed=20, duplicates=0.2, reorders=0.5) as shop,
        evaluator(topics_created, tmp_path),
    ):
        await ready(shop.receive())
        hydrate = shop.hydrate()
        await ready(hydrate)
        for step in script:
            if step == "counted":
                await _until_counted(shop, guest=0 if script[0] is ACCOUNT else 3)
            elif step == "crash":
                await shop.kill(hydrate)
                hydrate = shop.hydrate()
            else:
                await shop.operate(step)
        await _until_counted(shop, c7=3)
        await shop.operate(
            {"op": "order.status", "order_id": 101, "status_id": 2}, order(103, 7), order(104, 0, email=EMAIL)
        )
        await _until_counted(shop, c7=5)


async def test_moves__staff_moves_an_order__counted_once_with_feed_and_hydrate_at_work(
    topics_created: ServiceSettings, tmp_path: Path
) -> None:
    await _rules(topics_created)
    async with (
        open_shop(topics_created, speed=60, duplicates=0.2, reorders=0.5) as shop,
        evaluator(topics_created, tmp_path),
    ):
        await shop.operate(customer(7), customer(8), order(100, 7), order(101, 7), order(102, 0, email=EMAIL))
        await ready(shop.receive(), shop.hydrate(), shop.feed(backfill=True, settle_s=2))
        await _until_counted(shop, c7=2, guest=1)
        await shop.operate({"op": "order.move", "order_id": 101, "customer_id": 8})
        await _until_counted(shop, c7=1, c8=1, guest=1)
        await shop.operate(
            {"op": "order.move", "order_id": 102, "customer_id": 8},
            {"op": "order.move", "order_id": 101, "customer_id": 7},
        )
        await _until_counted(shop, c7=2, c8=1)


class _Torn:
    """An event writer whose process dies after so many writes."""

    def __init__(self, writer: EventWriter, writes: int) -> None:
        self._writer = writer
        self._left = writes

    async def write(self, records: Iterable[Record]) -> int:
        if not self._left:
            raise ConnectionAbortedError
        self._left -= 1
        return await self._writer.write(records)


@pytest.mark.parametrize("writes", [0, 1])
async def test_moves__a_process_dies_between_the_two_customers__the_next_one_completes_it(
    topics_created: ServiceSettings, tmp_path: Path, writes: int
) -> None:
    """After the removal the order is nobody's, until somebody reads it again."""
    await _rules(topics_created)
    orders = {"100": Fetched(_row(7), AT)}
    async with evaluator(topics_created, tmp_path):
        await _publish(topics_created, orders)
        moved = {"100": Fetched(_row(8), AT + timedelta(seconds=5))}
        with pytest.raises(ConnectionAbortedError):
            await _publish(topics_created, moved, torn_after=writes)
        again = {"100": Fetched(_row(8), AT + timedelta(seconds=9))}
        for _ in range(2):
            await _publish(topics_created, again)
        shop = Shop("", topics_created, httpx.AsyncClient(), 0)
        await _until_counted(shop, c8=1)


async def _publish(settings: ServiceSettings, orders: dict[str, Fetched], torn_after: int | None = None) -> None:
    """What a process does that has just been started, and ends."""
    producer = make_producer(settings)
    await producer.start()
    owners = Owners(settings.store, b"hk")
    owner_log = OwnerLog(settings, producer, owners)
    try:
        await owner_log.catch_up(asyncio.Event())
        reader, writer = StoreReader(_Nothing()), EventWriter(producer, topic(settings, EVENTS))
        snapshots = Snapshots(reader, Events(settings.store), owners)
        rows = {int(number): each for number, each in orders.items()}
        batch = await snapshots.batch(customers={}, orders=rows, origin="live")
        torn = writer if torn_after is None else cast("EventWriter", _Torn(writer, torn_after))
        await Publisher(reader, snapshots, torn, owner_log).write(batch)
    finally:
        await owner_log.close()
        await producer.stop()


class _Nothing:
    """A store without anything but the rows at hand."""

    async def call(self, request: Request) -> Reply:
        return Reply(200, {}, [] if request.path.startswith("/v2") else {"data": [], "meta": {}}, AT)


def _row(customer_id: int) -> dict[str, Any]:
    line = {"id": 1, "product_id": 0, "quantity": 1, "price_inc_tax": "5.10", "total_inc_tax": "5.10"}
    return {
        "id": 100,
        "customer_id": customer_id,
        "status_id": 11,
        "total_inc_tax": "5.10",
        "default_currency_code": "GBP",
        "store_default_currency_code": "GBP",
        "date_modified": f"2026-01-0{customer_id - 6}T00:00:00Z",
        "consignments": {"shipping": [{"line_items": [line]}]},
    }
