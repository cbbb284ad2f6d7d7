"""Mailchimp tags, end to end with consent. What every platform does is in `test_behaviour.py`."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from headrace.runtime.process import Running
from services.actions.bootstrap import main_of
from services.actions.settings import MailchimpSettings
from tests.services.consumer_harness import STORE, Bench, in_process

GROUP, TOPICS = "actions.email-tags.mailchimp", ("actions.email-tags", "actions.contact")
MEMBERS = "PUT /lists/{list_id}/members/{id}"
Start = Callable[[], AbstractAsyncContextManager[Running]]


@pytest.fixture
def start(bench: Bench, tmp_path: Path) -> Start:
    """Starts the consumer; its ledger stays from one start to the next."""

    @asynccontextmanager
    async def run() -> AsyncIterator[Running]:
        settings = MailchimpSettings(**bench.environment, database_url=SecretStr(f"sqlite:///{tmp_path / 'ledger.db'}"))
        async with in_process(lambda running: main_of(["email-tags.mailchimp"])([settings], running)) as running:
            yield running

    return run


async def member(bench: Bench, email: str) -> Any:
    return (await bench.truth())["members"].get(email)


async def writes(bench: Bench) -> int:
    """Calls to Mailchimp so far."""
    return sum(count for route, count in (await bench.calls())["by_route"].items() if "/lists/" in route)


async def test_tags__contact_and_tags_in_any_order__make_a_member_by_consent(bench: Bench, start: Start) -> None:
    one, two = f"{STORE}:1", f"{STORE}:2"
    async with start():
        await bench.publish(bench.tags(one, "VIP"))
        await bench.settled(GROUP, *TOPICS)
        assert await writes(bench) == 0
        await bench.publish(bench.contact(one, "One@example.com", subscribed=True))
        await bench.publish(bench.contact(two, "two@example.com"), bench.tags(two, "VIP", "UK"))
        await bench.settled(GROUP, *TOPICS)
    assert await member(bench, "one@example.com") == {"status": "subscribed", "tags": ["VIP"]}
    assert await member(bench, "two@example.com") == {"status": "transactional", "tags": ["UK", "VIP"]}


async def test_tags__only_the_difference__is_written(bench: Bench, start: Start) -> None:
    customer = f"{STORE}:1"
    async with start():
        await bench.publish(bench.contact(customer, "a@example.com"), bench.tags(customer, "VIP", "Old"))
        await bench.settled(GROUP, *TOPICS)
        before = await writes(bench)
        await bench.publish(bench.tags(customer, "VIP", "New", absent=["Old"]))
        await bench.settled(GROUP, *TOPICS)
        assert await writes(bench) == before + 1
        await bench.publish(bench.contact(customer, "a@example.com", subscribed=True))
        await bench.settled(GROUP, *TOPICS)
        assert await writes(bench) == before + 1
    assert await member(bench, "a@example.com") == {"status": "transactional", "tags": ["New", "VIP"]}


async def test_tags__new_address_refused_and_the_old_one_again__tags_are_there(bench: Bench, start: Start) -> None:
    customer = f"{STORE}:1"
    async with start():
        await bench.publish(bench.contact(customer, "good@example.com"), bench.tags(customer, "VIP"))
        await bench.settled(GROUP, *TOPICS)
        problem = {"title": "Invalid Resource", "status": 400, "detail": "x"}
        await bench.fault({"method": "PUT", "path": "/3.0/lists/"}, {"status": 400, "body": problem})
        await bench.fault({"method": "PUT", "path": "/lists/"}, {"status": 400, "body": problem})
        await bench.publish(bench.contact(customer, "bad@example.com"))
        await bench.settled(GROUP, *TOPICS)
        await bench.publish(bench.contact(customer, "good@example.com"))
        await bench.settled(GROUP, *TOPICS)
    assert (await member(bench, "good@example.com"))["tags"] == ["VIP"]


async def test_tags__compliance_state__is_refused(bench: Bench, start: Start) -> None:
    problem = {"title": "Member In Compliance State", "status": 400, "detail": "x"}
    await bench.fault({"method": "PUT", "path": "/lists/"}, {"status": 400, "body": problem})
    await bench.fault({"method": "PUT", "path": "/3.0/lists/"}, {"status": 400, "body": problem})
    async with start():
        await bench.publish(bench.contact(f"{STORE}:1", "x@example.com"), bench.tags(f"{STORE}:1", "VIP"))
        await bench.settled(GROUP, *TOPICS)
    assert {"refused"} <= {one["result"] for one in await bench.outcomes()}
    assert "compliance_state" in {one.get("reason") for one in await bench.outcomes()}
    assert await bench.dead_letters() == []


async def test_tags__answer_lost__converge(bench: Bench, start: Start) -> None:
    await bench.fault({"method": "POST", "vendor": "mailchimp"}, {"drop": True, "after": True})
    async with start():
        await bench.publish(bench.contact(f"{STORE}:1", "x@example.com"), bench.tags(f"{STORE}:1", "VIP"))
        await bench.settled(GROUP, *TOPICS)
    assert (await member(bench, "x@example.com"))["tags"] == ["VIP"]
