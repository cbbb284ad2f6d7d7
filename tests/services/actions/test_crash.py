"""SIGKILL between the vendor's answer and the commit, and a worker that freezes with its call on the wire.

The newest value in the end, no customer back to an older one for good, and never an unchanged write.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.services.actions.sinks import ATTRIBUTES, GROUPS, Sink
from tests.services.consumer_harness import Bench, bench_of, eventually


async def start_process(
    bench: Bench, database_url: str, sink: Sink = GROUPS, **fields: Any
) -> asyncio.subprocess.Process:
    """`python -m services.actions group`, or another sink's, as a child."""
    names = ("kafka_bootstrap_servers", "topic_prefix", "store", "bigcommerce_url")
    given: dict[str, Any] = {name: bench.environment[name] for name in names}
    given |= {
        "bigcommerce_token": "token",
        "bigcommerce_quota_share": 1.0,
        "quota_weight": 1.0,
        "vendor_deadline_s": 1.0,
        "database_url": database_url,
        "port": 0,
    }
    environment = os.environ | {f"HEADRACE_{name.upper()}": str(value) for name, value in (given | fields).items()}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", *sink.command, env=environment, stderr=asyncio.subprocess.DEVNULL
    )


@pytest.mark.parametrize(
    "sink", [GROUPS, pytest.param(ATTRIBUTES, marks=pytest.mark.slow)], ids=lambda sink: getattr(sink, "name", None)
)
async def test_actions__killed_after_the_answer__converges_without_an_unchanged_write(
    bench: Bench, tmp_path: Path, sink: Sink
) -> None:
    """The write is carried out, its answer held back, and the process killed while it waits for it."""
    customers, ledger = await sink.prepare(bench, 30), f"sqlite:///{tmp_path / 'ledger.db'}"
    seen = sink.watch(bench)
    await bench.fault(sink.match, {"delay_s": 0.9, "after": True}, times=3)
    await bench.publish(*(record for customer in customers for record in sink.desire(bench, customer, 1)))
    first = await start_process(bench, ledger, sink)
    try:

        async def written() -> bool:
            return seen.writes == 30

        await eventually(written, what="three writes")
    finally:
        first.send_signal(signal.SIGKILL)
        await first.wait()
    await bench.publish(*(record for customer in customers[:5] for record in sink.desire(bench, customer, 2)))
    second = await start_process(bench, ledger, sink)
    try:
        await sink.settled(bench)
    finally:
        second.terminate()
    async with asyncio.timeout(10):
        assert await second.wait() == 0
    assert seen.steps == {customer: [1, 2] if customer in customers[:5] else [1] for customer in customers}


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
async def test_group__frozen_with_its_call_on_the_wire__the_next_owner_has_the_last_word(
    topics_created: Any, database_url: str
) -> None:
    """The call arrives after the next owner took over: that one waits for its end before it writes the newest."""
    loop = asyncio.get_running_loop()
    async with bench_of(topics_created) as bench:
        customers = await GROUPS.prepare(bench, 5)
        seen = GROUPS.watch(bench)
        await bench.fault(GROUPS.match, {"delay_s": 9.5})
        first = await start_process(bench, database_url, vendor_deadline_s=6)
        try:
            await bench.publish(*(record for customer in customers for record in GROUPS.desire(bench, customer, 1)))

            async def on_the_wire() -> bool:
                return bool((await bench.sim("/faults"))["waiting"] == 0)

            await eventually(on_the_wire, what="the first call")
            first.send_signal(signal.SIGSTOP)
            frozen_at = loop.time()
            await bench.publish(*(record for customer in customers for record in GROUPS.desire(bench, customer, 2)))
            second = await start_process(bench, database_url, vendor_deadline_s=6)
            try:

                async def newest() -> bool:
                    return all(seen.steps.get(customer, [0])[-1] == 2 for customer in customers)

                await eventually(newest, what="the newest value", deadline_s=60)
                assert loop.time() - frozen_at < 60
                assert seen.steps == {key: [1, 2] for key in customers}, "the late call, then the newest"
                first.send_signal(signal.SIGCONT)
                await GROUPS.settled(bench)
                assert seen.steps == {key: [1, 2] for key in customers}, "who comes back does nothing"
            finally:
                second.terminate()
                await second.wait()
        finally:
            first.send_signal(signal.SIGCONT)
            first.terminate()
            await first.wait()


async def test_group__second_replica_on_sqlite__is_refused(bench: Bench, tmp_path: Path) -> None:
    ledger = f"sqlite:///{tmp_path / 'ledger.db'}"
    first = await start_process(bench, ledger)
    try:
        lock = tmp_path / "ledger.db.group.lock"

        async def locked() -> bool:
            return await asyncio.to_thread(lock.exists)

        await eventually(locked, what="the lock")
        second = await start_process(bench, ledger)
        async with asyncio.timeout(20):
            assert await second.wait() == 3
    finally:
        first.terminate()
        async with asyncio.timeout(10):
            assert await first.wait() == 0
