"""When hydrate takes notices in and what it commits, tried with a consumer that fails on demand."""

import asyncio
from typing import Any, cast

import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaConnectionError, KafkaError

from headrace.platforms.http import VendorClient
from headrace.runtime.health import Health
from services.ingest.backlog import Backlog, Place
from services.ingest.hydrate import Hydrator
from services.ingest.hydrate_loop import HydrateLoop
from services.ingest.vendor_troubles import Troubles

TOPIC = "t.notices"


def _record(partition: int, offset: int) -> ConsumerRecord[bytes, bytes]:
    return ConsumerRecord(TOPIC, partition, offset, 0, 0, b"k", b"v", None, 1, 1, ())


class Consumer:
    """Two partitions; hands out what it is given, once."""

    def __init__(self) -> None:
        self.waiting: list[ConsumerRecord[bytes, bytes]] = []
        self.ours = {TopicPartition(TOPIC, 0), TopicPartition(TOPIC, 1)}
        self.resting: set[TopicPartition] = set()
        self.committed: dict[int, int] = {}
        self.failures: list[KafkaError] = []

    async def getmany(self, **_: Any) -> dict[TopicPartition, list[ConsumerRecord[bytes, bytes]]]:
        await asyncio.sleep(0)
        found: dict[TopicPartition, list[ConsumerRecord[bytes, bytes]]] = {}
        for record in [each for each in self.waiting if TopicPartition(TOPIC, each.partition) not in self.resting]:
            self.waiting.remove(record)
            found.setdefault(TopicPartition(TOPIC, record.partition), []).append(record)
        return found

    async def commit(self, offsets: dict[TopicPartition, int]) -> None:
        if self.failures:
            raise self.failures.pop()
        assert set(offsets) <= self.ours
        self.committed |= {each.partition: at for each, at in offsets.items()}

    def assignment(self) -> set[TopicPartition]:
        return self.ours

    def subscription(self) -> frozenset[str]:
        return frozenset({TOPIC})

    def partitions_for_topic(self, topic: str) -> set[int]:
        return {0, 1, 2, 3}

    def pause(self, *partitions: TopicPartition) -> None:
        self.resting |= set(partitions)

    def resume(self, *partitions: TopicPartition) -> None:
        self.resting -= set(partitions)

    def paused(self) -> set[TopicPartition]:
        return self.resting


class Work:
    """A hydrator that holds notices until it is allowed to finish them."""

    def __init__(self) -> None:
        self.backlog = Backlog()
        self.held: list[Place] = []
        self.taken = 0
        self.allowed = True

    @property
    def waiting(self) -> int:
        return len(self.held)

    async def take_in(self, records: list[ConsumerRecord[bytes, bytes]]) -> None:
        for record in records:
            self.taken += 1
            self.held.append(Place(record.partition, record.offset))
            self.backlog.see(self.held[-1])

    async def work(self) -> bool:
        await asyncio.sleep(0)
        if not (self.allowed and self.held):
            return False
        self.backlog.finish(self.held)
        self.held = []
        return True

    def lose(self, partitions: list[int]) -> None:
        self.backlog.lose(partitions)


class Client:
    """A client that notes which part of the quota it is told to have."""

    gate = None

    def __init__(self) -> None:
        self.part = -1.0

    def weigh(self, part: float) -> None:
        self.part = part


class Running:
    """The loop as a task over both."""

    def __init__(self, limit: int = 100) -> None:
        self.consumer, self.work, self.stopping = Consumer(), Work(), asyncio.Event()
        self.client = Client()
        self.loop = HydrateLoop(
            cast("Hydrator", self.work),
            cast("AIOKafkaConsumer", self.consumer),
            cast("VendorClient", self.client),
            Troubles(Health(), unauthorized_retry_s=1),
            self.stopping,
            limit,
        )

    async def until(self, *expected: tuple[str, Any]) -> None:
        task = asyncio.create_task(self.loop.run())
        try:
            async with asyncio.timeout(5):
                while any(_seen(self, name) != value for name, value in expected):
                    await asyncio.sleep(0)
        finally:
            self.stopping.set()
            await task


def _seen(running: Running, name: str) -> Any:
    return {"committed": running.consumer.committed, "taken": running.work.taken}[name]


async def test_commit__fails_once__is_told_again_although_nothing_new_comes() -> None:
    running = Running()
    running.consumer.waiting = [_record(0, 7)]
    running.consumer.failures = [KafkaConnectionError()]
    await running.until(("committed", {0: 8}))


async def test_commit__a_partition_was_lost__the_others_are_committed() -> None:
    running = Running()
    running.consumer.waiting = [_record(0, 7), _record(1, 3)]
    running.consumer.ours = {TopicPartition(TOPIC, 1)}
    await running.until(("committed", {1: 4}))


async def test_assigned__partition_comes_back__counted_from_the_committed_offset() -> None:
    running = Running()
    backlog = running.work.backlog
    backlog.see(Place(0, 10))
    await running.loop.on_partitions_assigned([TopicPartition(TOPIC, 0)])
    for offset in (8, 9, 10):
        backlog.see(Place(0, offset))
    backlog.finish([Place(0, 10)])
    assert backlog.committable() == {}
    backlog.finish([Place(0, 8), Place(0, 9)])
    assert backlog.committable() == {0: 11}


async def test_intake__too_much_waits__nothing_more_is_taken_until_there_is_room() -> None:
    running = Running(limit=2)
    running.work.allowed = False
    running.consumer.waiting = [_record(0, offset) for offset in range(2)]
    running.consumer.waiting += [_record(1, 0)]
    task = asyncio.create_task(running.loop.run())
    async with asyncio.timeout(5):
        while running.work.taken < 3:
            await asyncio.sleep(0)
        while not running.consumer.resting:
            await asyncio.sleep(0)
        running.consumer.waiting = [_record(1, 1)]
        for _ in range(50):
            await asyncio.sleep(0)
        assert running.work.taken == 3
        running.work.allowed = True
        while running.consumer.committed != {0: 2, 1: 2}:
            await asyncio.sleep(0)
    running.stopping.set()
    await task


@pytest.mark.parametrize(("partitions", "part"), [((0,), 0.25), ((0, 2), 0.5), ((0, 1, 2, 3), 1.0), ((), 0.0)])
async def test_assigned__some_of_the_partitions__has_that_part_of_the_quota(
    partitions: tuple[int, ...], part: float
) -> None:
    running = Running()
    await running.loop.on_partitions_assigned([TopicPartition(TOPIC, number) for number in partitions])
    assert running.client.part == part
