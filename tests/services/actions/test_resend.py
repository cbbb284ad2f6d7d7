"""Actions that a vendor refused, sent again: applied, unless a newer one is there."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from headrace.cli.letter_topic import all_letters
from headrace.cli.resend import resend
from headrace.runtime.process import Running
from services.actions.bootstrap import main_of
from services.actions.settings import GroupSettings
from tests.services.consumer_harness import Bench, in_process

GROUP = TOPIC = "actions.group"
Start = Callable[[], AbstractAsyncContextManager[Running]]


@pytest.fixture
def start(bench: Bench, tmp_path: Path) -> Start:
    """Starts the consumer; its ledger stays from one start to the next."""

    @asynccontextmanager
    async def run() -> AsyncIterator[Running]:
        settings = GroupSettings(**bench.environment, database_url=SecretStr(f"sqlite:///{tmp_path / 'ledger.db'}"))
        async with in_process(lambda running: main_of(["group"])([settings], running)) as running:
            yield running

    return run


async def refuse(bench: Bench, times: int) -> None:
    """The store refuses the next writes, for no reason."""
    reply = {"status": 422, "body": {"status": 422, "title": "no"}}
    await bench.fault({"method": "PUT", "path": "/v3/customers"}, reply, times)


async def test_group__refused_and_sent_again__is_applied(bench: Bench, start: Start) -> None:
    (customer,) = await bench.make_customers(1, "Gold")
    await refuse(bench, 1)
    async with start():
        await bench.publish(bench.group(customer, "Gold"))
        await bench.settled(GROUP, TOPIC)
        (letter,) = await all_letters(bench.settings)
        assert (letter.reason, await bench.group_of(1)) == ("vendor_rejected", "")
        assert len((await resend(bench.settings, [letter], now=datetime.now(UTC))).resent) == 1
        await bench.settled(GROUP, TOPIC)
        assert await bench.group_of(1) == "Gold"
    assert [one["result"] for one in await bench.outcomes()] == ["refused", "applied"]
    assert [one.state for one in await all_letters(bench.settings)] == ["resent"]


async def test_group__refused_again__is_a_letter_again_that_knows_it(bench: Bench, start: Start) -> None:
    (customer,) = await bench.make_customers(1, "Gold")
    await refuse(bench, 2)
    async with start():
        await bench.publish(bench.group(customer, "Gold"))
        await bench.settled(GROUP, TOPIC)
        await resend(bench.settings, await all_letters(bench.settings), now=datetime.now(UTC))
        await bench.settled(GROUP, TOPIC)
        first, second = await all_letters(bench.settings)
        assert (first.state, second.state, second.resends) == ("resent", "open", 1)
        await resend(bench.settings, [second], now=datetime.now(UTC))
        await bench.settled(GROUP, TOPIC)
    assert await bench.group_of(1) == "Gold"


async def test_group__a_newer_one_was_applied__the_old_one_stays_where_it_is(bench: Bench, start: Start) -> None:
    (customer,) = await bench.make_customers(1, "Gold", "Silver")
    await refuse(bench, 1)
    async with start():
        await bench.publish(bench.group(customer, "Gold"))
        await bench.settled(GROUP, TOPIC)
        await bench.publish(bench.group(customer, "Silver"))
        await bench.settled(GROUP, TOPIC)
        report = await resend(bench.settings, await all_letters(bench.settings), now=datetime.now(UTC))
        assert (report.resent, len(report.superseded)) == ([], 1)
        await bench.settled(GROUP, TOPIC)
    assert await bench.group_of(1) == "Silver"
    assert [one.state for one in await all_letters(bench.settings)] == ["superseded"]
