"""Cures of what Faust and aiokafka do by themselves, on their own classes, as far as no worker is needed to show it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, cast

import faust
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from faust.tables.recovery import Recovery, ServiceStopped
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread
from faust.types import TP

from headrace.runtime.kafka import make_consumer, topic
from headrace.runtime.settings import ServiceSettings
from services.evaluator.engine.batches import BatchConsumer, transport_for
from services.evaluator.engine.cures import Cure
from services.evaluator.engine.table import manager_for
from tests.services.evaluator.engine.counting import SOURCE
from tests.services.evaluator.engine.harness import create_topics, load
from tests.services.evaluator.engine.world import WELL

Scenario = Callable[[ServiceSettings], Awaitable[str]]
PLACE = TP("t.events", 0)


class Thread:
    """Faust's consumer thread as far as it is used here, in this loop, over aiokafka's own consumer."""

    beacon = None

    def __init__(self, fetched: AIOKafkaConsumer | None = None) -> None:
        self._fetched = fetched
        self.consumer: Any = None
        self.time_started = time.monotonic()
        self.commits: list[dict[TP, int]] = []

    async def getmany(self, active: set[TP], timeout: float) -> Any:
        return await self._ensure_consumer()._fetcher.fetched_records(active, timeout=timeout, max_records=100)

    def assignment(self) -> set[TP]:
        return {PLACE}

    async def commit(self, offsets: dict[TP, int]) -> bool:
        self.commits.append(offsets)
        return True

    def verify_event_path(self, now: float, tp: TP) -> None:
        AIOKafkaConsumerThread.verify_event_path(cast("AIOKafkaConsumerThread", self), now, tp)

    def _verify_aiokafka_event_path(self, now: float, tp: TP) -> bool:
        return False  # aiokafka has nothing to complain of

    def _ensure_consumer(self) -> AIOKafkaConsumer:
        assert self._fetched is not None
        return self._fetched


def consumer_of(source: str, thread: Thread) -> BatchConsumer:
    app = faust.App("t", broker="kafka://nowhere")
    transport = transport_for(source, 100)(["kafka://nowhere"], app)

    async def nothing(*_: Any, **__: Any) -> None: ...

    class WithoutThread(transport.Consumer):  # type: ignore[name-defined,misc]  # a class made for this source
        def _new_consumer_thread(self) -> Any:
            thread.consumer = self
            return thread

    consumer = WithoutThread(transport, nothing, nothing, nothing)
    return cast("BatchConsumer", consumer)


async def fetched_with_nothing_active(settings: ServiceSettings) -> str:
    create_topics(settings)
    load(settings, 100)
    source = topic(settings, SOURCE)
    kafka = make_consumer(settings)
    await kafka.start()
    try:
        places = [TopicPartition(source, number) for number in range(4)]
        kafka.assign(places)
        fetched: Any = {}
        while not kafka._fetcher._records:  # until some wait to be taken
            await asyncio.sleep(0.01)
        fetched = await consumer_of(source, Thread(kafka))._getmany(set(), 0.2)
        moved = [await kafka.position(place) for place in places]
    finally:
        await kafka.stop()
    return WELL if not fetched and not any(moved) else "positions moved, records dropped"


async def faust_commits(settings: ServiceSettings) -> str:
    thread = Thread()
    consumer = consumer_of(PLACE.topic, thread)
    await consumer._add_gap(PLACE, 0, 1_999)
    await consumer._commit_offsets({PLACE: 2_000})
    return "committed ahead of the state" if thread.commits or consumer._gap[PLACE] else WELL


async def position_unknown(settings: ServiceSettings) -> str:
    """A partition was assigned a moment ago."""
    kafka = make_consumer(settings)
    await kafka.start()
    kafka.assign([TopicPartition(*PLACE)])
    await asyncio.sleep(0)  # aiokafka's tasks cannot be stopped before they have begun
    try:
        await consumer_of(PLACE.topic, Thread(kafka)).verify_all_partitions_active()
    except AssertionError:
        return "the worker dies with AssertionError"
    finally:
        await kafka.stop()
    return WELL


async def slow_restore(settings: ServiceSettings) -> str:
    """A stopped recovery never restores again: the worker stays unready for ever."""
    restored = asyncio.Event()
    recovery: Recovery = manager_for(cast("Any", restored.wait))(faust.App("t", broker="kafka://nowhere")).recovery
    waiting = asyncio.ensure_future(recovery._wait(restored.wait(), timeout=0.05))
    await asyncio.wait({waiting}, timeout=0.5)
    restored.set()
    try:
        await waiting
    except ServiceStopped:
        return "recovery has ended, stuck"
    return WELL


SCENARIOS: dict[Cure, tuple[Scenario, str]] = {
    "active_partitions": (fetched_with_nothing_active, "positions moved, records dropped"),
    "own_offsets": (faust_commits, "committed ahead of the state"),
    "livelock_detector": (position_unknown, "the worker dies with AssertionError"),
    "restore_wait": (slow_restore, "recovery has ended, stuck"),
}


@pytest.mark.parametrize("cure", SCENARIOS)
async def test_cure__in_place__all_is_well(cure: Cure, kafka_settings: ServiceSettings) -> None:
    scenario, _ = SCENARIOS[cure]
    assert await scenario(kafka_settings) == WELL


@pytest.mark.parametrize("cure", SCENARIOS)
async def test_cure__taken_out__ends_in_its_fault(
    cure: Cure, kafka_settings: ServiceSettings, without: Callable[[str], None]
) -> None:
    scenario, fault = SCENARIOS[cure]
    without(cure)
    assert await scenario(kafka_settings) == fault
