"""SIGKILL while the platform still does what it took in: the end is what was wanted last."""

import asyncio
import signal
from pathlib import Path
from typing import Any, Final

import pytest

from headrace.contracts.actions import Platform
from headrace.simulators.omnisend import Omnisend
from headrace.simulators.sendgrid import SendGrid
from tests.services.actions.email_tags.test_behaviour import buyer, contact, settled
from tests.services.actions.email_tags.test_order import SINKS
from tests.services.actions.test_crash import start_process
from tests.services.consumer_harness import STORE, Bench, eventually

ROUTES: Final = {"sendgrid": "PUT /v3/marketing/contacts", "omnisend": "POST /contacts/tags"}


@pytest.mark.slow  # what the killed one had begun is waited out
@pytest.mark.parametrize("platform", ["omnisend", "sendgrid"])
async def test_tags__killed_between_two_calls__end_as_last_said(
    bench: Bench, tmp_path: Path, platform: Platform
) -> None:
    sink = next(sink for sink in SINKS if sink.match["vendor"] == platform)
    account, one = bench.simulator.vendors[platform], f"{STORE}:1"
    assert isinstance(account, Omnisend | SendGrid)
    fields: dict[str, Any] = {
        f"{platform}_url": bench.environment[f"{platform}_url"],
        f"{platform}_key": f"{platform}-key",
    }
    ledger = f"sqlite:///{tmp_path / 'ledger.db'}"

    async def calls() -> int:
        return int((await bench.calls())["by_route"].get(ROUTES[platform], 0))

    first = await start_process(bench, ledger, sink, **fields)
    try:
        await bench.publish(buyer(bench, one, "a@x.example"), bench.tags(one, "Old", platform=platform))
        await settled(bench, platform)
        before = await calls()
        account.delay_s = 3.0
        await bench.publish(bench.tags(one, "VIP", absent=["Old"], platform=platform), buyer(bench, one, "b@x.example"))

        async def taken_in() -> bool:
            return await calls() > before

        await eventually(taken_in, what="a call that is taken in")
    finally:
        first.send_signal(signal.SIGKILL)
        await first.wait()
    await bench.publish(bench.tags(one, "Old", absent=["VIP"], platform=platform), buyer(bench, one, "a@x.example"))
    account.delay_s = 0.1
    second = await start_process(bench, ledger, sink, **fields)
    try:
        await bench.settled(sink.group, *sink.topics, deadline_s=70)
    finally:
        second.terminate()
        await second.wait()
    await asyncio.sleep(account.delay_s)
    assert (await contact(bench, platform, "a@x.example"))["tags"] == ["Old"]
    assert ((await contact(bench, platform, "b@x.example")) or {"tags": []})["tags"] == []
    assert await bench.dead_letters() == []
