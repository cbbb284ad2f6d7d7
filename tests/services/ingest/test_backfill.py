"""The store's past, page by page, and what a failure in the middle costs."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

import pytest
from pydantic import SecretStr

from headrace.contracts.progress import Progress, eta_s
from headrace.platforms.bigcommerce import PAGE_LIMIT
from headrace.platforms.errors import Unavailable
from headrace.platforms.http import Reply, Request
from headrace.platforms.store import make_bigcommerce
from headrace.runtime.health import Health
from headrace.runtime.settings import ServiceSettings
from services.ingest.backfill import Backfill
from services.ingest.feed import Feed, Pace
from services.ingest.reader import Fetched, StoreReader
from services.ingest.reconcile import Reconcile
from services.ingest.vendor_troubles import Troubles
from tests.services.ingest.shop import customer, open_shop

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Store:
    """Orders by id; one call fails."""

    def __init__(self, orders: int, *, fails_at: int) -> None:
        self.orders = orders
        self.calls = 0
        self.fails_at = fails_at

    async def call(self, request: Request) -> Reply:
        self.calls += 1
        if self.calls == self.fails_at:
            raise Unavailable(request.route, "500")
        if request.path.startswith("/v3"):
            return Reply(200, {}, {"data": [], "meta": {"pagination": {"total": 3}}}, NOW)
        if request.path == "/v2/orders/count":
            return Reply(200, {}, {"count": self.orders, "statuses": []}, NOW)
        first = int(dict(request.params)["min_id"])
        rows = [{"id": number} for number in range(first, min(self.orders, first + PAGE_LIMIT - 1) + 1)]
        return Reply(200, {}, rows, NOW)


class Run:
    """A feed over it, until the first pass over the changes."""

    def __init__(self, store: Store) -> None:
        self.published: list[int] = []
        self.saved: list[Progress] = []
        self.stopping = asyncio.Event()
        self.feed = Feed(
            Backfill(StoreReader(store), self._publish, self._save),
            cast("Reconcile", self),
            Troubles(Health(), unauthorized_retry_s=0, retry_s=0),
            Pace(10, 10),
            self._save,
            self.stopping,
        )

    async def run_pass(self, since: datetime) -> datetime:
        self.stopping.set()
        return since

    async def _publish(self, customers: dict[int, Fetched], orders: dict[int, Fetched], origin: str) -> None:
        self.published += orders

    async def _save(self, progress: Progress) -> None:
        self.saved.append(progress)


@dataclass(frozen=True)
class _Access:
    store: str
    bigcommerce_url: str
    bigcommerce_token: SecretStr
    bigcommerce_quota_share: float = 1.0


async def test_backfill__a_call_fails_in_the_middle__goes_on_with_that_page() -> None:
    store = Store(4 * PAGE_LIMIT + 7, fails_at=6)
    run = Run(store)
    async with asyncio.timeout(10):
        await run.feed.run(Progress("customers", NOW))
    assert run.published == list(range(1, store.orders + 1))
    assert [each.order_id for each in run.saved] == sorted(each.order_id for each in run.saved)
    assert run.saved[-1].backfilled
    assert {(each.customers_total, each.orders_total) for each in run.saved} == {(3, store.orders)}
    assert [eta_s(each) for each in run.saved[-2:]] == [0.0, 0.0]
    half = next(each for each in run.saved if each.orders)
    left = (store.orders - half.orders) * half.order_seconds / half.orders
    assert eta_s(half) == pytest.approx(left)


async def test_backfill__customers_deleted_while_it_reads__none_of_the_others_is_skipped(
    topics_created: ServiceSettings,
) -> None:
    async with open_shop(topics_created, speed=60) as shop:
        await shop.operate(*(customer(number) for number in range(1, 3 * PAGE_LIMIT + 1)))
        client = make_bigcommerce(_Access(shop.kafka.store, shop.url, SecretStr("token")), 1)
        reader, seen, cursor = StoreReader(client), set[int](), None
        for number in range(1, 100):
            rows, cursor = await reader.customers_after(cursor)
            seen |= {int(each.row["id"]) for each in rows}
            if cursor is None:
                break
            await shop.operate({"op": "customer.delete", "customer_id": number, "id": number})
        await client.aclose()
    assert seen == set(range(1, 3 * PAGE_LIMIT + 1))
