"""A restore of all partitions, ours or a plain reading into dicts: from no connection to the last record in memory.

Run as `python -m benchmarks.engine.restore_worker engine|raw`, told by `asked.py`: `topic` is the changelog.
"""

import asyncio
import sys

import uvloop
from aiokafka import TopicPartition

from benchmarks.engine.asked import Asked, asked
from benchmarks.engine.marks import Marks
from benchmarks.engine.workload import PARTITIONS
from headrace.runtime.kafka import make_consumer
from headrace.runtime.logs import configure_logs
from headrace.runtime.settings import ServiceSettings, load_settings
from services.evaluator.engine.restore import Restorer

_FETCH_BYTES = 4 * 1024 * 1024
_POLL_RECORDS = 20_000


async def with_engine(told: Asked) -> int:
    """The engine's bulk restore; the number of keys."""
    restorer = Restorer(load_settings(ServiceSettings), source=told.output, changelog=told.topic)
    partitions = await restorer.restore(range(PARTITIONS), lambda: True)
    assert partitions is not None
    return sum(len(partition.records) for partition in partitions.values())


async def with_getmany(told: Asked) -> int:
    """What aiokafka alone takes: `getmany` into a dict for each partition, with the engine's fetch sizes."""
    consumer = make_consumer(load_settings(ServiceSettings), max_partition_fetch_bytes=_FETCH_BYTES)
    await consumer.start()
    places = [TopicPartition(told.topic, number) for number in range(PARTITIONS)]
    consumer.assign(places)
    ends = await consumer.end_offsets(places)
    await consumer.seek_to_beginning(*places)
    held: dict[int, dict[bytes, bytes]] = {number: {} for number in range(PARTITIONS)}
    waiting = {at for at in places if ends[at] > 0}
    while waiting:
        for at, records in (await consumer.getmany(timeout_ms=50, max_records=_POLL_RECORDS)).items():
            of_partition = held[at.partition]
            for record in records:
                of_partition[record.key] = record.value
        waiting = {at for at in waiting if await consumer.position(at) < ends[at]}
    await consumer.stop()
    return sum(map(len, held.values()))


async def main(kind: str) -> None:
    """Says "first" and "last"."""
    configure_logs("bench", "warning")
    told = asked()
    marks = Marks(told.events)
    marks.say("first")
    keys = await (with_engine if kind == "engine" else with_getmany)(told)
    marks.say("last", keys)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1]))
