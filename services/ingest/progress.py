"""How far feed has come, kept in a compacted topic so that a new process goes on where the last one stood.

What is read next because of it is in `feed`; the record itself is `headrace.contracts.progress`.
"""

import msgspec
from aiokafka import AIOKafkaProducer

from headrace.contracts import topics
from headrace.contracts.progress import Progress, feed_key
from headrace.contracts.topics import partition_of
from headrace.runtime.kafka import read_to_end, topic
from headrace.runtime.settings import KafkaSettings

_DECODER = msgspec.json.Decoder(Progress)


class ProgressLog:
    """The record of one store in `headrace.owners`, under a key that no owner has."""

    def __init__(self, settings: KafkaSettings, producer: AIOKafkaProducer, store: str) -> None:
        self._settings = settings
        self._producer = producer
        self._topic = topic(settings, topics.OWNERS)
        self._key = feed_key(store)

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
