"""Wishes for a mail platform that were set aside, sent again when the platform takes them."""

from datetime import UTC, datetime

import pytest

from headrace.cli.letter_topic import all_letters
from headrace.cli.resend import resend
from tests.services.actions.email_tags.conftest import Start
from tests.services.actions.email_tags.test_behaviour import buyer, contact, settled
from tests.services.consumer_harness import STORE, Bench

A = "a@x.example"


@pytest.fixture
def platform() -> str:
    return "klaviyo"


async def test_tags__a_list_that_could_not_be_made__is_made_when_the_letter_is_sent_again(
    bench: Bench, start: Start
) -> None:
    """Also though the contact was told anew since: that is newer, and of another topic."""
    one = f"{STORE}:1"
    match = {"vendor": "klaviyo", "method": "POST", "path": "/api/lists"}
    await bench.fault(match, {"status": 429, "headers": {"Retry-After": "40000"}})
    async with start():
        await bench.publish(buyer(bench, one, A), bench.tags(one, "VIP", lists=["Gold"], platform="klaviyo"))
        await settled(bench, "klaviyo")
        assert (await contact(bench, "klaviyo", A))["lists"] == []
        await bench.publish(buyer(bench, one, A))
        await settled(bench, "klaviyo")
        assert (await contact(bench, "klaviyo", A))["lists"] == []
    async with start():  # the next day: it does not ask twice within one
        report = await resend(bench.settings, await all_letters(bench.settings), now=datetime.now(UTC))
        assert report.refused == []
        await settled(bench, "klaviyo")
        row = await contact(bench, "klaviyo", A)
    assert (row["tags"], row["lists"]) == (["VIP"], ["Gold"])
    states = [one.state for one in await all_letters(bench.settings)]
    assert states.count("resent") == len(report.resent)
    assert "open" not in states
