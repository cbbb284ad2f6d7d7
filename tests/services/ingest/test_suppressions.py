"""Who Klaviyo mails nothing: asked for page by page, told once, and the customer is not subscribed."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from headrace.contracts.actions import Notice, encode
from headrace.platforms.http import Reply, Request
from headrace.runtime.process import Running
from headrace.runtime.settings import ServiceSettings
from services.ingest.backlog import Place, read_record
from services.ingest.identity import email_hash
from services.ingest.settings import SuppressionSettings
from services.ingest.suppressions import Suppressions, run_suppressions
from services.ingest.words import Word
from tests.services.ingest.shop import customer, newest_customers, open_shop, ready

pytestmark = pytest.mark.timeout(120)
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def profile(number: int, at: datetime, **more: Any) -> dict[str, Any]:
    entry = {"reason": "UNSUBSCRIBE", "timestamp": at.isoformat(), **more}
    name = "list_suppressions" if "list_id" in more else "suppression"
    attributes = {"email": f"c{number}@x.example", "subscriptions": {"email": {"marketing": {name: [entry]}}}}
    return {"type": "profile", "id": str(number), "attributes": attributes}


class Vendor:
    """Profiles in pages of two."""

    def __init__(self, *profiles: dict[str, Any]) -> None:
        self.profiles = list(profiles)

    async def call(self, request: Request) -> Reply:
        begin = int(dict(request.params).get("page[cursor]", 0))
        more = (
            f"https://a.klaviyo.com/api/profiles?page[cursor]={begin + 2}" if begin + 2 < len(self.profiles) else None
        )
        return Reply(200, {}, {"data": self.profiles[begin : begin + 2], "links": {"next": more}}, AT)


def polled(vendor: Vendor) -> tuple[Suppressions, list[Notice]]:
    told: list[Notice] = []

    async def tell(notices: list[Notice]) -> None:
        told.extend(notices)

    return Suppressions(vendor, "s", b"hk", tell), told


async def test_read__pages__told_once_and_the_newest_is_remembered() -> None:
    vendor = Vendor(*(profile(number, AT + timedelta(seconds=number)) for number in range(5)))
    suppressions, told = polled(vendor)
    newest = await suppressions.read(AT)
    assert newest == AT + timedelta(seconds=4)
    assert [notice.resource_id for notice in told] == [email_hash(f"c{number}@x.example", b"hk") for number in range(5)]
    vendor.profiles = vendor.profiles[4:]
    assert await suppressions.read(newest) == newest
    assert len(told) == 5
    assert "x.example" not in told[0].body


async def test_read__a_notice_of_it__says_no_at_its_time() -> None:
    suppressions, told = polled(Vendor(profile(1, AT)))
    await suppressions.read(AT)
    pending = read_record(encode(told[0]), Place(0, 0))
    assert pending.words == [("klaviyo", Word.said(AT, granted=False))]


@pytest.mark.parametrize(
    "odd",
    [
        profile(1, AT, list_id="L"),
        {"type": "profile", "id": "1", "attributes": {"email": None}},
        {"type": "profile", "id": "1", "attributes": {"email": "a@b.example", "subscriptions": []}},
        {"type": "list", "id": "1"},
        profile(1, AT - timedelta(days=1)),
    ],
)
async def test_read__one_list_only_or_odd__not_told(odd: dict[str, Any]) -> None:
    suppressions, told = polled(Vendor(odd))
    assert await suppressions.read(AT) == AT
    assert told == []


async def test_suppressions__unsubscribed_at_klaviyo__the_customer_is_not_subscribed(
    topics_created: ServiceSettings,
) -> None:
    async with open_shop(topics_created, speed=30, klaviyo_key="k") as shop:
        await ready(shop.receive(), shop.hydrate())
        await shop.operate(customer(7, subscribed=True))
        await shop.until(lambda events: "7" in newest_customers(events))
        await shop.operate({"op": "klaviyo.suppress", "email": "c7@example.com"})
        fields: dict[str, Any] = {"hash_key": "hk", "klaviyo_url": shop.klaviyo, "klaviyo_key": "k"}
        fields |= {"klaviyo_quota_share": 1.0, "every_s": 0.2}
        settings, running = SuppressionSettings(**topics_created.model_dump(), **fields), Running()
        task = asyncio.create_task(run_suppressions(settings, running))
        await ready(running)
        await shop.until(lambda events: newest_customers(events)["7"].subscribed is False)
        running.stopping.set()
        await task
