"""Questions to Kafka about consumer groups, also to a broker so new that nobody coordinates its groups yet.

Asked through aiokafka: librdkafka's admin client crashes on an answer that another broker, or none yet, coordinates the
group (librdkafka issue 5040).
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError, for_code

from headrace.runtime.kafka import make_admin, topic
from headrace.runtime.settings import KafkaSettings

T = TypeVar("T")

_CALL_S: Final = 30.0
_AGAIN_S: Final = 0.1
_NOT_FOUND: Final = 69
_MEMBERS_FIELD: Final = 5


async def ask_admin(settings: KafkaSettings, question: Callable[[AIOKafkaAdminClient], Awaitable[T]]) -> T:
    """The answer, asked for again as long as the broker says that it may have one soon: 30 s. Raises `KafkaError`."""
    deadline = time.monotonic() + _CALL_S
    admin = make_admin(settings)
    await admin.start()
    try:
        while True:
            try:
                return await question(admin)
            except KafkaError as error:
                if not error.retriable or time.monotonic() > deadline:
                    raise
                await asyncio.sleep(_AGAIN_S)
    finally:
        await admin.close()


async def count_members(admin: AIOKafkaAdminClient, group: str) -> int:
    """How many members a group has, by its full name; a group nobody has heard of has none. Raises `KafkaError`."""
    # One group a call: what the library makes of an answer about several is wrong from the second one on.
    (answer,) = await admin.describe_consumer_groups([group])
    (found,) = answer.groups
    if found[0] not in (0, _NOT_FOUND):
        raise for_code(found[0])
    return len(found[_MEMBERS_FIELD])


async def committed(admin: AIOKafkaAdminClient, group: str) -> dict[TopicPartition, int]:
    """The offsets a group has committed, by its full name. Raises `KafkaError`, also while they are being loaded."""
    await count_members(admin, group)  # the library takes a coordinator that is loading for one that knows of none
    found = await admin.list_consumer_group_offsets(group)
    return {at: kept.offset for at, kept in found.items() if kept.offset >= 0}


async def wake_coordinator(settings: KafkaSettings) -> None:
    """A new broker makes its topic of offsets at the first question about a group: asked here, nobody else waits.

    Where there is no answer, those who need the groups wait for themselves.
    """
    with contextlib.suppress(KafkaError):
        await ask_admin(settings, lambda admin: count_members(admin, topic(settings, "hydrate")))
