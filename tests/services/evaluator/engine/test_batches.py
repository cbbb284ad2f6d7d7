"""What a poll is handed on as, what a rewind does to it, and how Kafka is asked for the next one."""

import asyncio
from collections.abc import Collection
from types import SimpleNamespace
from typing import Any, cast

import pytest
from faust.types import TP

from headrace.runtime.health import Health
from services.evaluator.engine.batches import BatchConsumer, Load
from services.evaluator.engine.core import Engine
from services.evaluator.engine.membership import Member
from tests.services.evaluator.engine.counting import Counting
from tests.services.evaluator.engine.faust_consumer import Thread, consumer_of
from tests.services.evaluator.engine.stand_ins import Log, Record

SOURCE = "t.events"


class Logs(Thread):
    """Partitions in memory: a poll brings up to `share` records of each, from where it was sought to."""

    def __init__(self, *ends: int, share: int = 3) -> None:
        super().__init__()
        self._ends = ends
        self._share = share
        self.at = [0] * len(ends)
        self.fetcher = SimpleNamespace(_fetch_min_bytes=1, _fetch_max_wait_ms=1_500)
        self.polled: list[Any] = []

    def assignment(self) -> set[TP]:
        return {TP(SOURCE, number) for number in range(len(self._ends))}

    async def getmany(self, active: set[TP], timeout: float) -> Any:
        for event in self.polled:
            event()
        return {tp: records for tp in sorted(active) if (records := self._next(tp.partition))}

    def _next(self, number: int) -> list[Record]:
        start = self.at[number]
        self.at[number] = min(start + self._share, self._ends[number])
        return [Record(offset) for offset in range(start, self.at[number])]

    async def seek_wait(self, partitions: dict[TP, int]) -> None:
        for tp, offset in partitions.items():
            self.at[tp.partition] = offset

    def _ensure_consumer(self) -> Any:
        return SimpleNamespace(_fetcher=self.fetcher)


def over(logs: Logs) -> BatchConsumer:
    consumer = consumer_of(SOURCE, logs)
    consumer._set_active_tps(logs.assignment())
    return consumer


async def poll(consumer: BatchConsumer) -> list[tuple[TP, int, Load]]:
    """Each message's place and what it carries."""
    return [(tp, message.offset, cast("Load", message.value)) async for tp, message in consumer.getmany(timeout=1.0)]


def carried(load: Load) -> dict[int, list[int]]:
    return {number: [record.offset for record in chunk.records] for number, chunk in load}


async def test_getmany__no_more_than_a_chunk_holds__all_partitions_in_one_message_at_the_place_of_the_first() -> None:
    ((tp, offset, load),) = await poll(over(Logs(3, 9, 2)))
    assert carried(load) == {0: [0, 1, 2], 1: [0, 1, 2], 2: [0, 1]}
    assert (tp, offset) == (TP(SOURCE, 0), 2)


async def test_getmany__more_than_a_chunk_holds__a_chunk_each_in_turn() -> None:
    consumer = over(Logs(7, 3, share=7))
    consumer.chunk_records = 4
    messages = await poll(consumer)
    assert [carried(load) for _, _, load in messages] == [{0: [0, 1, 2, 3]}, {1: [0, 1, 2]}, {0: [4, 5, 6]}]
    assert [(tp.partition, offset) for tp, offset, _ in messages] == [(0, 3), (1, 2), (0, 6)]


async def test_getmany__one_partition_rewound_during_the_poll__only_the_others_are_handed_on() -> None:
    logs = Logs(3, 3, 3)
    consumer = over(logs)
    logs.polled = [lambda: consumer.rewind(0, 1)]
    ((tp, _, load),) = await poll(consumer)
    assert carried(load) == {1: [0, 1, 2], 2: [0, 1, 2]}
    assert tp == TP(SOURCE, 1)
    logs.polled = []
    ((_, _, load),) = await poll(consumer)
    assert carried(load) == {0: [1, 2]}


async def test_getmany__all_rewound_during_the_poll__no_message() -> None:
    logs = Logs(3, 3)
    consumer = over(logs)
    logs.polled = [lambda: consumer.rewind(0, 0), lambda: consumer.rewind(1, 0)]
    assert await poll(consumer) == []


async def test_getmany__polls_close_to_each_other__the_next_fetch_gathers_until_nothing_comes() -> None:
    logs = Logs(9, share=3)
    consumer, fetcher = over(logs), logs.fetcher
    await poll(consumer)
    assert (fetcher._fetch_min_bytes, fetcher._fetch_max_wait_ms) == (1, 1_500), "the first record must not wait"
    await poll(consumer)
    assert fetcher._fetch_min_bytes > 100_000
    assert fetcher._fetch_max_wait_ms <= 25, "half of an epoch"
    await poll(consumer)
    await poll(consumer)
    assert (fetcher._fetch_min_bytes, fetcher._fetch_max_wait_ms) == (1, 1_500), "nothing came"


async def committed(engine: Engine, log: Log, wanted: Collection[int]) -> None:
    """Until the marks of the changelog are those."""
    running = asyncio.ensure_future(engine.run())
    try:
        async with asyncio.timeout(5):
            while [partition.applied for partition in log.read(range(len(wanted))).values()] != list(wanted):
                await asyncio.sleep(0.001)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@pytest.mark.parametrize("lost", [0, 1])
async def test_message_of_several_partitions__lost__each_is_read_again_from_its_own_place(lost: int) -> None:
    """Faust drops what belongs to a generation that is over, or lies before what it has handed on, as a whole."""
    consumer, log = over(Logs(12, 9, 12)), Log()
    failures: list[Exception] = []
    engine = Engine(
        fold=Counting("outputs"),
        writer=log,
        reader=log,
        positions=lambda: consumer,
        member=lambda: Member(1, "me"),
        health=Health(),
        fail=failures.append,
    )
    await engine.restore(range(3))
    for number in range(10):
        for _, _, load in await poll(consumer):
            if number != lost:
                for partition, chunk in load:
                    await engine.take(partition, chunk)
    await committed(engine, log, [11, 8, 11])
    states = [record for partition in log.read(range(3)).values() for record in partition.records.values()]
    assert sorted(value[8:] for value in states) == sorted(
        [b'{"n": 12, "sum": 12}', b'{"n": 9, "sum": 9}', b'{"n": 12, "sum": 12}']
    )
    assert not failures
