"""The consumer groups of the generations: how far they have come, who is in them, and a new one's first offsets."""

import asyncio
from collections.abc import Mapping, Sequence

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from headrace.contracts.topics import EVENTS
from headrace.runtime.coordinator import ask_admin, committed, count_members
from headrace.runtime.kafka import make_consumer, topic
from headrace.runtime.settings import KafkaSettings


def group_of(settings: KafkaSettings, generation: int) -> str:
    """The consumer group of a generation."""
    return topic(settings, f"evaluator-{generation}")


def positions(settings: KafkaSettings, generation: int) -> dict[int, int]:
    """The committed offset of each partition of the events that has one. Raises `KafkaError`."""
    source = topic(settings, EVENTS)

    async def ask(admin: AIOKafkaAdminClient) -> dict[int, int]:
        found = await committed(admin, group_of(settings, generation))
        return {at.partition: offset for at, offset in found.items() if at.topic == source}

    return asyncio.run(ask_admin(settings, ask))


def members(settings: KafkaSettings, generation: int) -> int:
    """How many workers a generation's group has. Raises `KafkaError`."""
    return asyncio.run(ask_admin(settings, lambda admin: count_members(admin, group_of(settings, generation))))


def crewed(settings: KafkaSettings, generations: Sequence[int]) -> list[int]:
    """Those of the generations whose group has workers. Raises `KafkaError`."""

    async def ask(admin: AIOKafkaAdminClient) -> list[int]:
        return [number for number in generations if await count_members(admin, group_of(settings, number))]

    return asyncio.run(ask_admin(settings, ask))


def commit(settings: KafkaSettings, generation: int, at: Mapping[int, int]) -> None:
    """Commits the next offset of each partition, all in one request. Raises `KafkaError`."""

    async def run() -> None:
        source = topic(settings, EVENTS)
        consumer = make_consumer(settings, group=group_of(settings, generation))
        await consumer.start()
        try:
            places = {TopicPartition(source, number): position for number, position in at.items()}
            consumer.assign(list(places))
            await consumer.commit(places)
        finally:
            await consumer.stop()

    asyncio.run(run())
