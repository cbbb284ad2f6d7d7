"""SendGrid alone: who may become a contact, lists, rows that a job leaves out, nothing written twice."""

import pytest

from headrace.simulators.sendgrid import Contact, SendGrid
from tests.services.actions.email_tags.conftest import Start
from tests.services.actions.email_tags.test_behaviour import buyer, contact, settled
from tests.services.consumer_harness import STORE, Bench, Desired


@pytest.fixture
def platform() -> str:
    return "sendgrid"


def account_of(bench: Bench) -> SendGrid:
    account = bench.simulator.vendors["sendgrid"]
    assert isinstance(account, SendGrid)
    return account


async def test_tags__no_consent__nobody_is_made_but_whoever_is_there_is_tagged(
    bench: Bench, platform: str, start: Start
) -> None:
    account_of(bench).contacts["there@example.com"] = Contact(
        "c1", "there@example.com", identifiers={"external_id": "7"}
    )
    one, two = f"{STORE}:1", f"{STORE}:2"
    async with start():
        await bench.publish(bench.contact(one, "new@example.com"), bench.tags(one, "VIP", platform="sendgrid"))
        await bench.publish(bench.contact(two, "there@example.com"), bench.tags(two, "VIP", platform="sendgrid"))
        await settled(bench, "sendgrid")
        assert await contact(bench, "sendgrid", "new@example.com") is None
        assert (await contact(bench, "sendgrid", "there@example.com"))["tags"] == ["VIP"]
        assert "no_consent" in {outcome.get("reason") for outcome in await bench.outcomes()}
        await bench.publish(buyer(bench, one, "new@example.com"))
        await settled(bench, "sendgrid")
    assert (await contact(bench, "sendgrid", "new@example.com"))["tags"] == ["VIP"]


async def test_lists__are_made_joined_and_left(bench: Bench, platform: str, start: Start) -> None:
    one, two = f"{STORE}:1", f"{STORE}:2"
    async with start():
        for customer in (one, two):
            tags = bench.tags(customer, "VIP", lists=["Summer", "Winter"], platform="sendgrid")
            await bench.publish(buyer(bench, customer, f"{customer[-1]}@example.com"), tags)
        await settled(bench, "sendgrid")
        assert (await contact(bench, "sendgrid", "1@example.com"))["lists"] == ["Summer", "Winter"]
        left = bench.tags(one, absent=["VIP"], lists=["Winter"], lists_absent=["Summer"], platform="sendgrid")
        await bench.publish(left)
        await settled(bench, "sendgrid")
    assert await contact(bench, "sendgrid", "1@example.com") == {"tags": [], "lists": ["Winter"]}
    assert await contact(bench, "sendgrid", "2@example.com") == {"tags": ["VIP"], "lists": ["Summer", "Winter"]}


async def test_tags__many__one_job_and_none_for_who_has_them_already(bench: Bench, platform: str, start: Start) -> None:
    records: list[Desired] = []
    for number in range(1, 61):
        records.append(buyer(bench, f"{STORE}:{number}", f"{number}@example.com"))
        records.append(bench.tags(f"{STORE}:{number}", "VIP", platform="sendgrid"))
    await bench.publish(*records)
    async with start():
        await settled(bench, "sendgrid")
    assert {tuple(row["tags"]) for row in (await bench.truth())["platforms"]["sendgrid"].values()} == {("VIP",)}
    assert (await bench.calls())["by_route"]["PUT /v3/marketing/contacts"] <= 3


async def test_tags__an_address_the_job_leaves_out__is_refused_and_the_others_are_tagged(
    bench: Bench, platform: str, start: Start
) -> None:
    one, two = f"{STORE}:1", f"{STORE}:2"
    await bench.publish(
        buyer(bench, one, "no address"),
        bench.tags(one, "VIP", platform="sendgrid"),
        buyer(bench, two, "ok@example.com"),
        bench.tags(two, "VIP", platform="sendgrid"),
    )
    async with start():
        await settled(bench, "sendgrid")
    assert (await contact(bench, "sendgrid", "ok@example.com"))["tags"] == ["VIP"]
    assert {outcome["customer"] for outcome in await bench.outcomes() if outcome["result"] == "refused"} == {one}
