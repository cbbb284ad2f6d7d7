"""One reading of the topic in a process of its own, by a consumer of the SDK or by aiokafka alone; then a line of JSON.

Run as `python -m benchmarks.consumer.worker bootstrap|raw CUSTOMERS`, where Kafka is by HEADRACE_ settings.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, cast

import uvloop
from aiokafka import TopicPartition

from benchmarks.consumer.workload import customer, newest
from benchmarks.engine.machine import peak_rss_mb
from headrace.consumer import ConsumerSettings, DesiredGroup, DesiredState
from headrace.consumer.run_own import run_own
from headrace.contracts.topics import ACTIONS_GROUP, DEFAULT_PARTITIONS
from headrace.runtime.kafka import make_consumer, topic
from headrace.runtime.logs import configure_logs
from headrace.runtime.process import Running
from headrace.runtime.settings import load_settings

_FETCH_BYTES: Final = 4 * 1024 * 1024
_POLL_RECORDS: Final = 20_000


class Settings(ConsumerSettings):
    """`customers`: how many there are."""

    customers: int


class Groups(DesiredState[Settings]):
    """Keeps everybody's group in a dict, and ends when it has them all."""

    name = "bench-groups"
    about = "group"
    settings = Settings
    batch = 1000
    held: dict[str, str | None] = {}
    running: Running

    async def apply(self, wanted: Sequence[DesiredGroup]) -> None:
        for one in wanted:
            self.held[one.customer] = one.value
        if len(self.held) == self.config.customers:
            self.running.stopping.set()

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        self.held.clear()
        yield


async def bootstrap(settings: Settings) -> dict[str, str | None]:
    """All of `headrace consume`: the group is joined, the ledger written, the position committed, the group left."""
    Groups.running = Running()
    async with asyncio.timeout(300):
        await run_own(Groups, [settings], Groups.running)
    if Groups.running.cause is not None:
        raise Groups.running.cause
    return Groups.held


async def raw(settings: Settings) -> dict[bytes, bytes]:
    """What aiokafka alone takes: `getmany` into a dict."""
    consumer = make_consumer(settings, max_partition_fetch_bytes=_FETCH_BYTES)
    await consumer.start()
    places = [TopicPartition(topic(settings, ACTIONS_GROUP), number) for number in range(DEFAULT_PARTITIONS)]
    consumer.assign(places)
    ends = cast("dict[TopicPartition, int]", await consumer.end_offsets(places))
    await consumer.seek_to_beginning(*places)
    held: dict[bytes, bytes] = {}
    waiting = {at for at in places if ends[at] > 0}
    while waiting:
        for records in (await consumer.getmany(timeout_ms=50, max_records=_POLL_RECORDS)).values():
            for record in records:
                held[record.key] = record.value
        waiting = {at for at in waiting if await consumer.position(at) < ends[at]}
    await consumer.stop()
    return held


async def main(kind: str) -> None:
    """Prints what it took, and how many customers have what is newest."""
    configure_logs("bench", "warning")
    settings = load_settings(Settings)
    began, cpu = time.perf_counter(), time.process_time()
    held: Any = await (bootstrap(settings) if kind == "bootstrap" else raw(settings))
    seconds, cpu_s = time.perf_counter() - began, time.process_time() - cpu
    everybody = range(settings.customers)
    if kind == "bootstrap":
        right = sum(held.get(customer(number)) == newest(number) for number in everybody)
    else:
        right = sum(f'"value":"{newest(number)}"'.encode() in held[customer(number).encode()] for number in everybody)
    said = {"seconds": seconds, "cpu_s": cpu_s, "rss_mb": peak_rss_mb(os.getpid()), "right": right, "held": len(held)}
    sys.stdout.write(json.dumps(said) + "\n")


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1]))
