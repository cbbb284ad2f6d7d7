"""How far feed has come, kept in a compacted topic so that a new process goes on where the last one stood.

What is read next because of it is in `feed`.
"""

from datetime import datetime
from typing import Literal

import msgspec
from aiokafka import AIOKafkaProducer
from msgspec import Struct

from headrace.contracts import topics
from headrace.contracts.topics import partition_of
from headrace.runtime.kafka import read_to_end, topic
from headrace.runtime.settings import KafkaSettings

Phase = Literal["customers", "orders", "changes"]


class Progress(Struct, frozen=True):
    """`changed_until`: all changes before it are published (the clock); it starts before the backfill does."""

    phase: Phase
    changed_until: datetime
    customer_cursor: str | None = None
    """Behind which the next page of a backfill's customers stands; None for the first."""
    order_id: int = 0
    """The last order a backfill has published."""
    customers: int = 0
    orders: int = 0
    backfilled: bool = False
    """A backfill was completed: it is not done twice."""


_DECODER = msgspec.json.Decoder(Progress)


class ProgressLog:
    """The record of one store in `headrace.owners`, under a key that no owner has."""

    def __init__(self, settings: KafkaSettings, producer: AIOKafkaProducer, store: str) -> None:
        self._settings = settings
        self._producer = producer
        self._topic = topic(settings, topics.OWNERS)
        self._key = f"~feed:{store}".encode()

    async def load(self) -> Progress | None:
        """None when there was no feed for this store yet. Raises `KafkaError`, and ValueError for an unreadable one."""
        partition = partition_of(self._key, await self._partitions())
        found: Progress | None = None
        for record in await read_to_end(self._settings, self._topic, [partition]):
            if record.key == self._key:
                found = _DECODER.decode(record.value) if record.value else None
        return found

    async def save(self, progress: Progress) -> None:
        """Returns when Kafka has it."""
        await self._producer.send_and_wait(self._topic, msgspec.json.encode(progress), key=self._key)

    async def _partitions(self) -> int:
        return len(await self._producer.partitions_for(self._topic))
