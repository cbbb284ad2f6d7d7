"""Watches a store's run from outside: its events of the log in log order, and how far its consumer groups have come.

Only Kafka's own words count here: offsets and committed records. It computes nothing about customers, and passes over
the records of other stores.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

import msgspec
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from headrace.contracts import topics
from headrace.contracts.events import CLOCK, Clock, decode_event
from headrace.runtime.kafka import group_of, is_ours, make_admin, make_consumer, read_to_end, topic
from headrace.runtime.settings import ServiceSettings

Record: TypeAlias = ConsumerRecord[bytes | None, bytes | None]
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


@dataclass
class EventLog:
    """What was read of `headrace.events` so far: the store's customer events as bytes, per partition in log order.

    Each with where the store's clock stood in the partition before it (None: it had not begun).
    """

    settings: ServiceSettings
    partitions: dict[int, list[tuple[bytes, datetime | None]]] = field(default_factory=dict)
    clocks: dict[int, datetime] = field(default_factory=dict)

    @property
    def events(self) -> int:
        """Customer events read (snapshots and a store's own)."""
        return sum(map(len, self.partitions.values()))

    def take(self, partition: int, key: bytes | None, value: bytes | None) -> None:
        """The partition's next record; passed over when it is another store's."""
        if value is None:
            return
        if key != topics.PARTITION_WIDE_KEY:
            if is_ours(self.settings, key):
                self.partitions.setdefault(partition, []).append((value, self.clocks.get(partition)))
            return
        event = decode_event(value)
        if event.envelope.type == CLOCK and isinstance(event.data, Clock) and event.data.store == self.settings.store:
            self.clocks[partition] = max(self.clocks.get(partition, _LONG_AGO), event.data.now)

    def in_log_order(self) -> Iterable[Any]:
        """Every customer event as decoded JSON, its clock under `clock`, partition by partition in log order."""
        decode = msgspec.json.Decoder().decode
        for partition in sorted(self.partitions):
            yield from ({**decode(value), "clock": clock} for value, clock in self.partitions[partition])

    def clock(self, partitions: int) -> datetime:
        """The store's time that every one of the partitions has reached."""
        return min((self.clocks.get(p, _LONG_AGO) for p in range(partitions)), default=_LONG_AGO)


class Observer:
    """Reads one store's events as they come; use as an async context manager."""

    def __init__(self, settings: ServiceSettings) -> None:
        self._settings = settings
        self.log = EventLog(settings)
        self._consumer: AIOKafkaConsumer | None = None
        self._admin: AIOKafkaAdminClient | None = None
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Observer":
        self._consumer = make_consumer(self._settings)
        await self._consumer.start()
        self._admin = make_admin(self._settings)
        await self._admin.start()
        name = topic(self._settings, topics.EVENTS)
        partitions = [TopicPartition(name, p) for p in await self._partitions(name)]
        self._consumer.assign(partitions)
        await self._consumer.seek_to_beginning(*partitions)
        self._task = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._consumer is not None:
            await self._consumer.stop()
        if self._admin is not None:
            await self._admin.close()

    async def ends(self, name: str) -> dict[TopicPartition, int]:
        """End offset of each partition of a topic (its name without prefix)."""
        assert self._consumer is not None
        full = topic(self._settings, name)
        partitions = [TopicPartition(full, p) for p in await self._partitions(full)]
        return dict(await self._consumer.end_offsets(partitions))

    async def committed(self, group: str) -> dict[TopicPartition, int]:
        """What a consumer group (its full name) has committed."""
        assert self._admin is not None
        found = await self._admin.list_consumer_group_offsets(group)
        return {partition: meta.offset for partition, meta in found.items() if meta.offset >= 0}

    async def lag(self, group: str, names: Iterable[str]) -> int:
        """Records of these topics that the store's group (`hydrate`) has not committed, those of other stores too."""
        ends = {p: end for name in names for p, end in (await self.ends(name)).items()}
        return await self._behind(group_of(self._settings, group), ends)

    async def evaluator_lag(self, generation: int, ends: Mapping[TopicPartition, int]) -> int:
        """Events up to `ends` that the one evaluator of all stores has not committed."""
        return await self._behind(topic(self._settings, f"evaluator-{generation}"), ends)

    async def _behind(self, group: str, ends: Mapping[TopicPartition, int]) -> int:
        committed = await self.committed(group)
        return sum(max(0, end - committed.get(partition, 0)) for partition, end in ends.items())

    async def records(self, *names: str) -> list[list[Record]]:
        """The store's committed records of each of these topics (names without prefix), from the beginning to now."""
        found = [await read_to_end(self._settings, topic(self._settings, name)) for name in names]
        return [[record for record in records if is_ours(self._settings, record.key)] for records in found]

    async def has_read(self, ends: Mapping[TopicPartition, int]) -> bool:
        """Whether the events up to these ends have been read here."""
        assert self._consumer is not None
        return all([await self._consumer.position(partition) >= end for partition, end in ends.items()])

    async def _partitions(self, name: str) -> list[int]:
        assert self._admin is not None
        described = await self._admin.describe_topics([name])
        return sorted(p["partition"] for one in described for p in one["partitions"])

    async def _read(self) -> None:
        assert self._consumer is not None
        while True:
            batches = await self._consumer.getmany(timeout_ms=200, max_records=5000)
            for partition, records in batches.items():
                for record in records:
                    self.log.take(partition.partition, record.key, record.value)
