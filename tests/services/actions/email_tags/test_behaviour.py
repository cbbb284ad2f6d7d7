"""What the tags of every platform do, end to end: real Kafka, the platform's simulator over HTTP."""

from typing import Any, cast

import pytest

from headrace.contracts.actions import DesiredContact, Platform
from services.actions.email_tags.platforms import PLATFORMS
from tests.services.actions.email_tags.conftest import Start
from tests.services.consumer_harness import STORE, Bench, eventually


@pytest.fixture(params=sorted(PLATFORMS))
def platform(request: pytest.FixtureRequest) -> Platform:
    """Each there is."""
    return cast("Platform", request.param)


ON_ONE = pytest.mark.parametrize(
    "platform",
    [name if name == "mailchimp" else pytest.param(name, marks=pytest.mark.slow) for name in sorted(PLATFORMS)],
)
"""For what all share (`kind`, `accounts`): what the platforms' own code has to do for it, other tests here show too."""


async def settled(bench: Bench, platform: Platform) -> None:
    """Until the consumer has done all there is."""
    await bench.settled(f"actions.email-tags.{platform}", "actions.email-tags", "actions.contact")


async def contact(bench: Bench, platform: Platform, email: str) -> Any:
    """What the platform has at an address, None for nobody."""
    return (await bench.truth())["platforms"][platform].get(email)


def buyer(bench: Bench, customer: str, email: str) -> DesiredContact:
    """Somebody who subscribed: some platforms take no others in."""
    return bench.contact(customer, email, subscribed=True)


async def test_tags__new_address__moves_them(bench: Bench, platform: Platform, start: Start) -> None:
    customer = f"{STORE}:1"
    async with start():
        await bench.publish(buyer(bench, customer, "old@example.com"), bench.tags(customer, "VIP", platform=platform))
        await settled(bench, platform)
        await bench.publish(buyer(bench, customer, "new@example.com"))
        await settled(bench, platform)
    assert (await contact(bench, platform, "new@example.com"))["tags"] == ["VIP"]
    assert (await contact(bench, platform, "old@example.com"))["tags"] == []


@ON_ONE
async def test_tags__contact_deleted_or_without_address__tags_come_off(
    bench: Bench, platform: Platform, start: Start
) -> None:
    """The contact's last word is newer than the tags' and must not swallow what has to be taken off."""
    one, two = f"{STORE}:1", f"{STORE}:2"
    async with start():
        await bench.publish(buyer(bench, one, "one@example.com"), bench.tags(one, "VIP", platform=platform))
        await settled(bench, platform)
        await bench.publish(
            bench.tags(one, absent=["VIP"], platform=platform), bench.contact(one, None), bench.contact(two, None)
        )
        await settled(bench, platform)
    assert (await contact(bench, platform, "one@example.com"))["tags"] == []
    assert {"skipped"} == {o["result"] for o in await bench.outcomes() if o["customer"] == two}


@ON_ONE
async def test_tags__two_customers_of_one_address__a_tag_stays_while_one_wants_it(
    bench: Bench, platform: Platform, start: Start
) -> None:
    """As a guest and the customer the guest became."""
    one, guest, email = f"{STORE}:1", f"{STORE}:guest-ab", "both@example.com"
    async with start():
        await bench.publish(buyer(bench, one, email), bench.tags(one, "VIP", "UK", platform=platform))
        await bench.publish(
            buyer(bench, guest, "Both@Example.com"), bench.tags(guest, "VIP", "Returner", platform=platform)
        )
        await settled(bench, platform)
        await bench.publish(bench.tags(one, "UK", absent=["VIP"], platform=platform))
        await settled(bench, platform)
        assert (await contact(bench, platform, email))["tags"] == ["Returner", "UK", "VIP"]
        await bench.publish(buyer(bench, guest, "other@example.com"))
        await settled(bench, platform)
    assert (await contact(bench, platform, email))["tags"] == ["UK"]
    assert (await contact(bench, platform, "other@example.com"))["tags"] == ["Returner", "VIP"]


@ON_ONE
async def test_tags__put_and_taken_again_while_the_consumer_is_away__end_as_last_said(
    bench: Bench, platform: Platform, start: Start
) -> None:
    one = f"{STORE}:1"
    async with start():
        await bench.publish(buyer(bench, one, "a@example.com"), bench.tags(one, "Old", "VIP", platform=platform))
        await settled(bench, platform)
    await bench.publish(bench.tags(one, "VIP", absent=["Old"], platform=platform))
    await bench.publish(bench.tags(one, "Gold", "VIP", absent=["Old"], platform=platform))
    async with start():
        await settled(bench, platform)
    assert (await contact(bench, platform, "a@example.com"))["tags"] == ["Gold", "VIP"]


def labels(row: Any) -> set[str]:
    """Tags and lists of a contact: some platforms have no lists of ours, and a list is a tag there."""
    return {*row["tags"], *row.get("lists", ())}


async def test_lists__wanted_and_wanted_no_longer__are_joined_and_left(
    bench: Bench, platform: Platform, start: Start
) -> None:
    one, two = f"{STORE}:1", f"{STORE}:2"
    async with start():
        for customer in (one, two):
            tags = bench.tags(customer, "VIP", lists=["Summer", "Winter"], platform=platform)
            await bench.publish(buyer(bench, customer, f"{customer[-1]}@example.com"), tags)
        await settled(bench, platform)
        assert labels(await contact(bench, platform, "1@example.com")) == {"VIP", "Summer", "Winter"}
        left = bench.tags(one, absent=["VIP"], lists=["Winter"], lists_absent=["Summer"], platform=platform)
        await bench.publish(left)
        await settled(bench, platform)
    assert labels(await contact(bench, platform, "1@example.com")) == {"Winter"}
    assert labels(await contact(bench, platform, "2@example.com")) == {"VIP", "Summer", "Winter"}


async def test_lists__of_the_name_of_a_tag__the_tag_stays_when_it_is_left(
    bench: Bench, platform: Platform, start: Start
) -> None:
    one = f"{STORE}:1"
    async with start():
        tags = bench.tags(one, "VIP", lists=["VIP"], platform=platform)
        await bench.publish(buyer(bench, one, "a@example.com"), tags)
        await settled(bench, platform)
        await bench.publish(bench.tags(one, "VIP", lists_absent=["VIP"], platform=platform))
        await settled(bench, platform)
    row = await contact(bench, platform, "a@example.com")
    assert (row["tags"], [*row.get("lists", ())]) == (["VIP"], [])


@ON_ONE
async def test_tags__of_another_platform__call_nobody(bench: Bench, platform: Platform, start: Start) -> None:
    other: Platform = "omnisend" if platform != "omnisend" else "klaviyo"
    one = f"{STORE}:1"
    async with start():
        await bench.publish(buyer(bench, one, "a@example.com"), bench.tags(one, "VIP", platform=other))
        await settled(bench, platform)
    assert await contact(bench, platform, "a@example.com") is None


async def test_tags__answers_lost_and_servers_failing__converge(bench: Bench, platform: Platform, start: Start) -> None:
    for reply in ({"status": 500}, {"drop": True}, {"drop": True, "after": True}, {"status": 429}, {"status": 503}):
        await bench.fault({"vendor": platform}, reply)
    customers = [f"{STORE}:{number}" for number in range(1, 6)]
    async with start():
        for customer in customers:
            email = f"{customer[-1]}@example.com"
            await bench.publish(buyer(bench, customer, email), bench.tags(customer, "VIP", platform=platform))
        await settled(bench, platform)
    for customer in customers:
        assert (await contact(bench, platform, f"{customer[-1]}@example.com"))["tags"] == ["VIP"]
    assert await bench.dead_letters() == []


async def test_tags__key_refused__the_consumer_waits_and_sets_nothing_aside(
    bench: Bench, platform: Platform, start: Start
) -> None:
    await bench.fault({"vendor": platform}, {"status": 401, "body": {"title": "no"}}, times=None)
    async with start() as running:
        one = f"{STORE}:1"
        await bench.publish(buyer(bench, one, "a@example.com"), bench.tags(one, "VIP", platform=platform))

        async def refused() -> bool:
            return any("credentials refused" in reason for reason in running.health.reasons)

        await eventually(refused, what="the consumer says that its credentials are refused")
    assert await bench.dead_letters() == []
