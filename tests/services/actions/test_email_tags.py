"""Mailchimp tags: what is pure, and end to end with consent."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from headrace.consumer import Applied, Target, Task
from headrace.runtime.process import Running
from services.actions.bootstrap import main_of
from services.actions.email_tags import known_tags, left_behind, target_of
from services.actions.settings import EmailTagsSettings
from tests.services.consumer_harness import STORE, Bench, in_process

GROUP, TOPICS = "actions.email-tags.mailchimp", ("actions.email-tags", "actions.contact")
MEMBERS = "PUT /lists/{list_id}/members/{id}"
Start = Callable[[], AbstractAsyncContextManager[Running]]


@pytest.fixture
def start(bench: Bench, tmp_path: Path) -> Start:
    """Starts the consumer; its ledger stays from one start to the next."""

    @asynccontextmanager
    async def run() -> AsyncIterator[Running]:
        settings = EmailTagsSettings(**bench.environment, database_url=SecretStr(f"sqlite:///{tmp_path / 'ledger.db'}"))
        async with in_process(lambda running: main_of(["email-tags"])(settings, running)) as running:
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


async def test_tags__new_address__moves_them(bench: Bench, start: Start) -> None:
    customer = f"{STORE}:1"
    async with start():
        await bench.publish(bench.contact(customer, "old@example.com"), bench.tags(customer, "VIP"))
        await bench.settled(GROUP, *TOPICS)
        await bench.publish(bench.contact(customer, "new@example.com"))
        await bench.settled(GROUP, *TOPICS)
    assert (await member(bench, "new@example.com"))["tags"] == ["VIP"]
    assert (await member(bench, "old@example.com"))["tags"] == []


async def test_tags__contact_deleted_or_without_address__tags_come_off(bench: Bench, start: Start) -> None:
    """The contact's last word is newer than the tags' and must not swallow what has to be taken off."""
    one, two = f"{STORE}:1", f"{STORE}:2"
    async with start():
        await bench.publish(bench.contact(one, "one@example.com"), bench.tags(one, "VIP"))
        await bench.settled(GROUP, *TOPICS)
        await bench.publish(bench.tags(one, absent=["VIP"]), bench.contact(one, None), bench.contact(two, None))
        await bench.settled(GROUP, *TOPICS)
    assert (await member(bench, "one@example.com"))["tags"] == []
    assert {"skipped"} == {o["result"] for o in await bench.outcomes() if o["customer"] == two}


async def test_tags__two_customers_of_one_address__a_tag_stays_while_one_wants_it(bench: Bench, start: Start) -> None:
    """As a guest and the customer the guest became."""
    one, guest, email = f"{STORE}:1", f"{STORE}:guest-ab", "both@example.com"
    async with start():
        await bench.publish(bench.contact(one, email), bench.tags(one, "VIP", "UK"))
        await bench.publish(bench.contact(guest, "Both@Example.com"), bench.tags(guest, "VIP", "Returner"))
        await bench.settled(GROUP, *TOPICS)
        await bench.publish(bench.tags(one, "UK", absent=["VIP"]))
        await bench.settled(GROUP, *TOPICS)
        assert (await member(bench, email))["tags"] == ["Returner", "UK", "VIP"]
        await bench.publish(bench.contact(guest, "other@example.com"))
        await bench.settled(GROUP, *TOPICS)
    assert (await member(bench, email))["tags"] == ["UK"]
    assert (await member(bench, "other@example.com"))["tags"] == ["Returner", "VIP"]


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


CONTACT = ((1, 5, 0), {"email": "a@x.example", "subscribed": None})
TAGS = ((1, 4, 0), {"present": ["VIP"], "absent": []})


@pytest.mark.parametrize(
    ("contact", "tags", "reason"),
    [
        (None, TAGS, "no_contact_yet"),
        (CONTACT, None, "no_tags"),
        (CONTACT, ((1, 4, 0), {"present": [], "absent": []}), "no_tags"),
    ],
)
def test_target_of__incomplete__is_skipped(contact: Any, tags: Any, reason: str) -> None:
    target = target_of(contact, tags)
    assert target.skip is not None
    assert target.skip.reason == reason


def test_target_of__no_email_any_more__nothing_anywhere() -> None:
    target = target_of(((1, 5, 0), {}), TAGS)
    assert (target.skip, target.value) == (None, {"email": "", "tags": []})


def test_target_of__both__has_the_newer_version() -> None:
    target = target_of(CONTACT, TAGS)
    assert (target.version, target.value) == ((1, 5, 0), {"email": "a@x.example", "tags": ["VIP"]})


def task(applied: Applied) -> Task:
    return Task("s:1", Target((1, 9, 0), {"email": "new", "tags": ["B"]}, extra={"absent": []}), applied)


def test_known_tags__only_when_certain_and_same_address() -> None:
    assert known_tags(task(Applied((1, 1, 0), {"email": "new", "tags": ["A"]}))) == ["A"]
    assert known_tags(task(Applied())) is None
    assert known_tags(task(Applied((1, 1, 0), {"email": "old", "tags": ["A"]}))) is None
    assert known_tags(task(Applied((1, 1, 0), {"email": "new", "tags": ["A"]}, {"email": "new", "tags": []}))) is None


def test_left_behind__former_addresses__with_what_may_be_there() -> None:
    applied = Applied((1, 1, 0), {"email": "old", "tags": ["A"]}, {"email": "old", "tags": ["B"]}, (1, 2, 0))
    assert left_behind(task(applied)) == {"old": ["A", "B"]}
    assert left_behind(task(Applied((1, 1, 0), {"email": "new", "tags": ["A"]}))) == {}
