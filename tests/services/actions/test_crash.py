"""SIGKILL between the vendor's answer and the commit: the newest value in the end, and never an unchanged write."""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

from tests.services.consumer_harness import Bench, eventually

GROUP, TOPIC = "actions.group", "actions.group"


async def start_process(bench: Bench, database: Path) -> asyncio.subprocess.Process:
    """`python -m services.actions group` as a child."""
    names = ("kafka_bootstrap_servers", "topic_prefix", "store", "bigcommerce_url")
    given: dict[str, Any] = {name: bench.environment[name] for name in names}
    given |= {
        "bigcommerce_token": "token",
        "bigcommerce_quota_share": 1.0,
        "quota_weight": 1.0,
        "vendor_deadline_s": 1.0,
        "database_url": f"sqlite:///{database}",
    }
    environment = os.environ | {f"HEADRACE_{name.upper()}": str(value) for name, value in given.items()}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.actions", "group", env=environment, stderr=asyncio.subprocess.DEVNULL
    )


async def test_group__killed_after_the_answer__converges_without_an_unchanged_write(
    bench: Bench, tmp_path: Path
) -> None:
    """The write is carried out, its answer held back, and the process killed while it waits for it."""
    customers = await bench.make_customers(30, "Gold", "Silver")
    await bench.fault({"method": "PUT", "path": "/v3/customers"}, {"delay_s": 0.9, "after": True}, times=3)
    await bench.publish(*(bench.group(customer, "Gold") for customer in customers))
    first = await start_process(bench, tmp_path / "ledger.db")
    try:

        async def written() -> bool:
            return bool((await bench.calls())["group_writes"]["calls"] == 3)

        await eventually(written, what="three writes")
    finally:
        first.send_signal(signal.SIGKILL)
        await first.wait()
    await bench.publish(*(bench.group(customer, "Silver", observed="") for customer in customers[:5]))
    second = await start_process(bench, tmp_path / "ledger.db")
    try:
        await bench.settled(GROUP, TOPIC)
    finally:
        second.terminate()
    async with asyncio.timeout(10):
        assert await second.wait() == 0
    truth = (await bench.truth())["customers"]
    assert [truth[str(number)]["group"] for number in range(1, 31)] == ["Silver"] * 5 + ["Gold"] * 25
    writes = (await bench.calls())["group_writes"]
    assert writes == {"calls": 4, "customers": 35, "unchanged": 0}


async def test_group__second_replica_on_sqlite__is_refused(bench: Bench, tmp_path: Path) -> None:
    first = await start_process(bench, tmp_path / "ledger.db")
    try:
        lock = tmp_path / "ledger.db.group.lock"

        async def locked() -> bool:
            return await asyncio.to_thread(lock.exists)

        await eventually(locked, what="the lock")
        second = await start_process(bench, tmp_path / "ledger.db")
        async with asyncio.timeout(20):
            assert await second.wait() == 3
    finally:
        first.terminate()
        async with asyncio.timeout(10):
            assert await first.wait() == 0
