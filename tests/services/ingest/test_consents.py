"""An unsubscription at Mailchimp, from the webhook to the customer's snapshot, and what it takes to be asked again."""

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from headrace.contracts.events import Event
from headrace.runtime.settings import ServiceSettings
from tests.services.ingest.shop import Shop, customer, newest_customers, open_shop, ready

pytestmark = pytest.mark.timeout(120)
EMAIL = "c7@example.com"


def _subscribed(events: list[Event]) -> bool | None:
    found = newest_customers(events).get("7")
    return None if found is None else found.subscribed


async def _mailchimp(shop: Shop, kind: str, **data: str) -> None:
    at = datetime.fromisoformat((await shop.clock())["now"])
    fields = {"type": kind, "fired_at": f"{at:%Y-%m-%d %H:%M:%S}", "data[email]": EMAIL.upper(), **data}
    reply = await shop.http.post(
        f"http://127.0.0.1:{shop.port}/webhooks/mailchimp/{shop.kafka.store}?token=t",
        content=urlencode(fields),
        headers={"content-type": "application/x-www-form-urlencoded"},
    )
    assert reply.status_code == 200, reply.text


@pytest.mark.parametrize("feed", [False, True])
async def test_consents__unsubscribed_at_mailchimp__not_subscribed_until_the_store_has_a_newer_yes(
    topics_created: ServiceSettings, feed: bool
) -> None:
    async with open_shop(topics_created, speed=30) as shop:
        processes = [shop.receive(mailchimp_webhook_token="t"), shop.hydrate()]
        processes += [shop.feed(settle_s=2)] if feed else []
        await ready(*processes)
        await shop.operate(customer(7, subscribed=True))
        await shop.until(lambda events: _subscribed(events) is True)
        await _mailchimp(shop, "unsubscribe", **{"data[action]": "unsub"})
        await shop.until(lambda events: _subscribed(events) is False)
        await shop.operate(_changed(company="Acme"))
        events = await shop.until(lambda events: newest_customers(events)["7"].company == "Acme")
        assert _subscribed(events) is False
        await _a_minute_passes(shop)
        await shop.operate(_changed(subscribed=False))
        await shop.operate(_changed(subscribed=True))
        await shop.until(lambda events: _subscribed(events) is True)


async def test_consents__unsubscribed_before_there_was_an_account__the_account_is_not_subscribed(
    topics_created: ServiceSettings,
) -> None:
    async with open_shop(topics_created, speed=30) as shop:
        await ready(shop.receive(mailchimp_webhook_token="t"), shop.hydrate())
        await shop.operate({"op": "subscriber.create", "email": EMAIL})
        await _a_minute_passes(shop)
        await _mailchimp(shop, "unsubscribe")
        await shop.operate(customer(7))
        await shop.until(lambda events: _subscribed(events) is False)


async def _a_minute_passes(shop: Shop) -> None:
    now = datetime.fromisoformat((await shop.clock())["now"])
    await shop.clock(advance_to=(now + timedelta(minutes=1)).isoformat())


def _changed(**fields: Any) -> dict[str, Any]:
    return {"op": "customer.update", "customer": {"id": 7, **fields}}
