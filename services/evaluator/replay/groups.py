"""The consumer groups of the generations: how far they have come, who is in them, and a new one's first offsets.

Asked through aiokafka: the other client has been seen to crash on a group that is just being made.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, TypeVar

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError, for_code

from headrace.contracts.topics import EVENTS
from headrace.runtime.kafka import make_admin, make_consumer, topic
from headrace.runtime.settings import KafkaSettings

T = TypeVar("T")

_CALL_S: Final = 30.0
_AGAIN_S: Final = 0.1
_NOT_FOUND: Final = 69
_MEMBERS_FIELD: Final = 5


def group_of(settings: KafkaSettings, generation: int) -> str:
    """The consumer group of a generation."""
    return topic(settings, f"evaluator-{generation}")


def positions(settings: KafkaSettings, generation: int) -> dict[int, int]:
    """The committed offset of each partition of the events that has one. Raises `KafkaError`."""
    source = topic(settings, EVENTS)

    async def ask(admin: AIOKafkaAdminClient) -> dict[int, int]:
        found = await admin.list_consumer_group_offsets(group_of(settings, generation))
        return {at.partition: kept.offset for at, kept in found.items() if at.topic == source and kept.offset >= 0}

    return asyncio.run(_ask(settings, ask))


def members(settings: KafkaSettings, generation: int) -> int:
    """How many workers a generation's group has. Raises `KafkaError`."""
    return asyncio.run(_ask(settings, lambda admin: _members(admin, group_of(settings, generation))))


def crewed(settings: KafkaSettings, generations: Sequence[int]) -> list[int]:
    """Those of the generations whose group has workers. Raises `KafkaError`."""

    async def ask(admin: AIOKafkaAdminClient) -> list[int]:
        return [number for number in generations if await _members(admin, group_of(settings, number))]

    return asyncio.run(_ask(settings, ask))


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


async def _members(admin: AIOKafkaAdminClient, name: str) -> int:
    # One group a call: what the library makes of an answer about several is wrong from the second one on.
    (answer,) = await admin.describe_consumer_groups([name])
    (group,) = answer.groups
    if group[0] not in (0, _NOT_FOUND):
        raise for_code(group[0])
    return len(group[_MEMBERS_FIELD])


async def _ask(settings: KafkaSettings, ask: Callable[[AIOKafkaAdminClient], Awaitable[T]]) -> T:
    """Once more as long as the broker says that it may answer soon: a new one makes its topic of groups first."""
    deadline = time.monotonic() + _CALL_S
    admin = make_admin(settings)
    await admin.start()
    try:
        while True:
            try:
                return await ask(admin)
            except KafkaError as error:
                if not error.retriable or time.monotonic() > deadline:
                    raise
                await asyncio.sleep(_AGAIN_S)
    finally:
        await admin.close()
