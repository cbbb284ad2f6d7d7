"""A store that only posts its own events: receive, clock and evaluator, without any vendor's settings."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from headrace.contracts.events import Clock
from headrace.contracts.topics import ACTIONS_ATTRIBUTES, ACTIONS_GROUP
from headrace.rules.load import Source, load_texts
from headrace.runtime.process import FatalError, Running
from headrace.runtime.settings import ServiceSettings
from services.ingest.bootstrap import run_receive
from services.ingest.own_clock import run_clock
from services.ingest.settings import ClockSettings, ReceiveSettings
from tests.services.evaluator.service import activation, evaluator, publish, publish_rules, read, until
from tests.services.ingest.shop import Shop, free_port, open_shop, ready

pytestmark = pytest.mark.timeout(120)
RULES = """
store: {timezone: UTC, currency: GBP}
groups: [{name: Gold}]
group_order: [Gold]
segments:
  - {id: gold, who: {customer.spend: {from: 5}}, group: Gold}
  - {id: lately, who: {customer.last_order_at: {within_last: 36 hours}}, attributes: {seen: lately}}
"""


@asynccontextmanager
async def _process(work: Coroutine[Any, Any, None], running: Running) -> AsyncIterator[None]:
    """Beside the block, and ended as SIGTERM would."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        running.stopping.set()
        await task


def _iso(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


async def _newest(settings: ServiceSettings, name: str, field: str) -> Any:
    found = await read(settings, name)
    return found[-1][1][field] if found else None


async def test_own_store__posts_a_customer_and_an_order__in_the_group_and_time_goes_on(
    topics_created: ServiceSettings, tmp_path: Path
) -> None:
    rule_set = load_texts([Source("rules.yaml", RULES)]).rule_set
    assert rule_set is not None
    await publish_rules(topics_created, rule_set, 1)
    await publish(topics_created, activation(rule_set, 1))
    kept, port = topics_created.model_dump(), free_port()
    settings: dict[str, Any] = {**kept, "hash_key": "hk", "api_key": "key", "port": port, "own_snapshots": True}
    receive, clock = Running(), Running()
    made = datetime.now(UTC) - timedelta(hours=36) + timedelta(seconds=8)
    async with (
        _process(run_receive([ReceiveSettings(**settings)], receive), receive),
        _process(run_clock(ClockSettings(**kept, pass_every_s=0.5, settle_s=1), clock), clock),
        evaluator(topics_created, tmp_path),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers={"X-Api-Key": "key"}) as http,
    ):
        await ready(receive, clock)
        changed = {"created_at": _iso(made), "modified_at": _iso(made)}
        customer = {"customer_id": "42", **changed}
        amounts = {"total": 510, "subtotal": 510, "total_excluding_tax": 425, "currency": "GBP"}
        order = {"order_id": "A-1", "status": "completed", **amounts, **changed}
        for kind, payload in (("customer.snapshot", customer), ("order.snapshot", order), ("custom.visit", {})):
            reply = await http.post("/v1/events", json={"type": kind, "customer": "42", "payload": payload})
            assert reply.status_code == 202, reply.text

        async def is_gold() -> bool:
            return bool(await _newest(topics_created, ACTIONS_GROUP, "value") == "Gold")

        async def is_of_late() -> bool:
            return bool(await _newest(topics_created, ACTIONS_ATTRIBUTES, "present") == {"seen": ["lately"]})

        async def is_no_longer() -> bool:
            return bool(await _newest(topics_created, ACTIONS_ATTRIBUTES, "present") == {})

        await until("the group", is_gold)
        await until("the segment", is_of_late)
        await until("the 36 hours to pass", is_no_longer)
        reply = await http.post(f"/webhooks/bigcommerce/{topics_created.store}", json={"scope": "store/order/updated"})
        assert (reply.status_code, reply.json()["error"]["code"]) == (401, "no_secret")


async def test_clock__store_with_a_feed__refuses_to_run(topics_created: ServiceSettings) -> None:
    async with open_shop(topics_created, speed=20) as shop:
        feed = shop.feed()
        await ready(feed)
        await shop.stop(feed)
    with pytest.raises(FatalError, match="store_has_a_feed"):
        await run_clock(ClockSettings(**topics_created.model_dump()), Running())


async def test_clock__started_again__never_goes_back(topics_created: ServiceSettings) -> None:
    for _ in range(2):
        running = Running()
        settings = ClockSettings(**topics_created.model_dump(), pass_every_s=0.05, settle_s=0)
        async with _process(run_clock(settings, running), running):
            await ready(running)
            await until("a clock", lambda: _has_clock(topics_created))
    async with open_shop(topics_created) as shop:
        clocks = await _clocks(shop)
    assert clocks == sorted(clocks)


async def _has_clock(settings: ServiceSettings) -> bool:
    async with open_shop(settings) as shop:
        return len(await _clocks(shop)) > 3


async def _clocks(shop: Shop) -> list[datetime]:
    """Of the partition that has the first of them."""
    events = await shop.events()
    found = [event.data.now for event in events if isinstance(event.data, Clock)]
    return found[: len(found) // 3]
