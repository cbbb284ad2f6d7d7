"""What the sinks were told is read when nobody older can tell them anything more."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from headrace.contracts.events import GenerationPromoted
from headrace.contracts.topics import EVENTS
from headrace.runtime.kafka import make_consumer, topic
from headrace.runtime.settings import ServiceSettings
from services.evaluator.sinks import ActionTopics
from tests.services.evaluator.service import until

PROMOTED = GenerationPromoted(generation=3, replaces=2, promotion="3")


@asynccontextmanager
async def worker_of(settings: ServiceSettings, generation: int) -> AsyncIterator[AIOKafkaConsumer]:
    """A member of a generation's group, with the partitions assigned."""
    consumer = make_consumer(settings, group=topic(settings, f"evaluator-{generation}"))
    consumer.subscribe([topic(settings, EVENTS)])
    await consumer.start()
    try:

        async def joined() -> bool:
            return bool(consumer.assignment())

        await until("it has joined", joined)
        yield consumer
    finally:
        await consumer.stop()


@pytest.mark.kafka
@pytest.mark.parametrize("generation", [1, 2])
async def test_told__an_older_generation_is_at_work_before_the_line__waits_for_its_commit(
    topics_created: ServiceSettings, generation: int
) -> None:
    """Also when it is not the one that is replaced: a promotion was killed before its line was in every partition."""
    async with worker_of(topics_created, generation) as older:
        telling = asyncio.create_task(ActionTopics(topics_created).told(0, PROMOTED, 5))
        assert not (await asyncio.wait([telling], timeout=1))[0]
        await older.commit({TopicPartition(topic(topics_created, EVENTS), 0): 6})
        assert await asyncio.wait_for(telling, 20) == {}


@pytest.mark.kafka
async def test_told__an_older_generation_leaves__waits_no_longer(topics_created: ServiceSettings) -> None:
    async with worker_of(topics_created, 1):
        telling = asyncio.create_task(ActionTopics(topics_created).told(0, PROMOTED, 5))
        assert not (await asyncio.wait([telling], timeout=1))[0]
    assert await asyncio.wait_for(telling, 20) == {}
