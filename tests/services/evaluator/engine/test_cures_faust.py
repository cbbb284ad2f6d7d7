"""Cures of what Faust and aiokafka do by themselves, on their own classes, as far as no worker is needed to show it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

import faust
import pytest
from aiokafka import TopicPartition
from faust.tables.recovery import Recovery, ServiceStopped

from headrace.runtime.kafka import make_consumer, topic
from headrace.runtime.settings import ServiceSettings
from services.evaluator.engine.cures import Cure
from services.evaluator.engine.table import manager_for
from tests.services.evaluator.engine.counting import SOURCE
from tests.services.evaluator.engine.faust_consumer import PLACE, Thread, consumer_of
from tests.services.evaluator.engine.harness import create_topics, load
from tests.services.evaluator.engine.world import WELL

Scenario = Callable[[ServiceSettings], Awaitable[str]]


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
