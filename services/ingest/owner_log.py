"""`headrace.owners` read from its beginning and followed, and what this process has to add to it.

What the records mean is in `owners`.
"""

import asyncio
from collections.abc import Iterable
from typing import Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from headrace.contracts import topics
from headrace.runtime.kafka import make_consumer, topic
from headrace.runtime.logs import log
from headrace.runtime.settings import KafkaSettings
from services.ingest.owners import Entry, Owners, encode_owner, entry_key, read_entry
from services.ingest.publish import all_acknowledged
from services.ingest.vendor_troubles import pause

_AT_ONCE: Final = 5_000


class OwnerLog:
    """One store's records; `owners` is kept up to date."""

    def __init__(self, settings: KafkaSettings, producer: AIOKafkaProducer, owners: Owners) -> None:
        self.owners = owners
        self._producer = producer
        self._topic = topic(settings, topics.OWNERS)
        self._consumer: AIOKafkaConsumer = make_consumer(settings)

    async def catch_up(self, stopping: asyncio.Event) -> None:
        """Reads what stands there, or until told to stop. Raises `KafkaError`."""
        await self._consumer.start()
        numbers = sorted(await self._producer.partitions_for(self._topic))
        assigned = [TopicPartition(self._topic, number) for number in numbers]
        self._consumer.assign(assigned)
        ends = await self._consumer.end_offsets(assigned)
        await self._consumer.seek_to_beginning(*assigned)
        count = 0
        while not stopping.is_set() and any([await self._consumer.position(at) < ends[at] for at in assigned]):
            count += await self._read()
        log.info("owners.read", records=count)

    async def follow(self) -> None:
        """Until cancelled: what other processes write."""
        while True:
            try:
                await self._read()
            except KafkaError as error:
                log.warning("kafka.unavailable", problem=type(error).__name__)
                await pause(1.0, asyncio.Event())

    async def write(self, entries: Iterable[Entry]) -> None:
        """Returns when Kafka has them. Raises `KafkaError`."""
        waiting = [
            await self._producer.send(self._topic, encode_owner(each.value), key=entry_key(self.owners.store, each))
            for each in entries
        ]
        await all_acknowledged(waiting)

    async def close(self) -> None:
        """Ends the reading; the index is gone."""
        await self._consumer.stop()
        self.owners.close()

    async def _read(self) -> int:
        batches = await self._consumer.getmany(timeout_ms=500, max_records=_AT_ONCE)
        found = [
            entry
            for records in batches.values()
            for record in records
            if (entry := read_entry(self.owners.store, record.key, record.value)) is not None
        ]
        if found:
            with self.owners.together():
                for entry in found:
                    self.owners.take(entry)
        return len(found)
