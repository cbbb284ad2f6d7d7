"""Omnisend alone: consent is never touched, one call for many, contacts that are gone from there."""

import pytest

from headrace.simulators.omnisend import Omnisend
from tests.services.actions.email_tags.conftest import Start
from tests.services.actions.email_tags.test_behaviour import settled
from tests.services.consumer_harness import STORE, Bench, Desired


@pytest.fixture
def platform() -> str:
    return "omnisend"


async def test_tags__new_contacts__no_consent_no_welcome_mail_and_one_call_for_all(
    bench: Bench, platform: str, start: Start
) -> None:
    records: list[Desired] = []
    for number in range(1, 41):
        records.append(bench.contact(f"{STORE}:{number}", f"{number}@example.com", subscribed=True))
        records.append(bench.tags(f"{STORE}:{number}", "VIP", platform="omnisend"))
    await bench.publish(*records)
    async with start():
        await settled(bench, "omnisend")
    found = (await bench.truth())["platforms"]["omnisend"]
    assert len(found) == 40
    assert {(row["status"], tuple(row["tags"]), row["welcomed"]) for row in found.values()} == {
        ("nonSubscribed", ("VIP",), 0)
    }
    assert (await bench.calls())["by_route"]["POST /contacts/tags"] <= 5


async def test_tags__contact_gone_from_there__is_made_again(bench: Bench, platform: str, start: Start) -> None:
    one = f"{STORE}:1"
    async with start():
        await bench.publish(bench.contact(one, "a@example.com"), bench.tags(one, "VIP", platform="omnisend"))
        await settled(bench, "omnisend")
        account = bench.simulator.vendors["omnisend"]
        assert isinstance(account, Omnisend)
        account.contacts.clear()
        await bench.publish(bench.tags(one, "Gold", "VIP", platform="omnisend"))
        await settled(bench, "omnisend")
    assert (await bench.truth())["platforms"]["omnisend"]["a@example.com"]["tags"] == ["Gold", "VIP"]


async def test_tags__lists_of_ours__are_tags_there(bench: Bench, platform: str, start: Start) -> None:
    one = f"{STORE}:1"
    async with start():
        tags = bench.tags(one, "VIP", lists=["Summer"], platform="omnisend")
        await bench.publish(bench.contact(one, "a@example.com"), tags)
        await settled(bench, "omnisend")
    assert (await bench.truth())["platforms"]["omnisend"]["a@example.com"]["tags"] == ["Summer", "VIP"]
