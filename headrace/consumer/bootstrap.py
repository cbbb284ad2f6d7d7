"""A database that was never filled from a partition, or was lost, is filled from its beginning, whatever was committed.

The topics are compacted, but not at once: older values may still stand before a customer's newest. So the newest
versions are noted first, in a reading of its own; what is older is stale then, and is never performed.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Final, TypeAlias, cast

import msgspec
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError
from sqlalchemy import Column, Connection, Integer, Table, Text, delete, select

from headrace.consumer.filling import Filling, Fills
from headrace.consumer.kind import Applied, Kind
from headrace.consumer.ledger import METADATA, load_applied, store_applied, upsert
from headrace.consumer.patience import Stopping, Store
from headrace.contracts.actions import Version
from headrace.runtime.kafka import is_ours, make_consumer
from headrace.runtime.logs import log
from headrace.runtime.process import Running
from headrace.runtime.settings import ServiceSettings

Record: TypeAlias = "ConsumerRecord[bytes | None, bytes | None]"
Batch = Mapping[TopicPartition, Sequence[Record]]
_WITHIN_S: Final = 1.0
_POLL_MS: Final = 200
_POLL_RECORDS: Final = 1000

BEGUN_TABLE: Final = Table(
    "headrace_begun",
    METADATA,
    Column("kind", Text, primary_key=True),
    Column("topic", Text, primary_key=True),
    Column("partition", Integer, primary_key=True),
)
_ALL: Final = "*"
"""In place of a topic: a database from before this table was kept."""

Place = tuple[str, int]
"""Topic and partition."""


def never_begun(connection: Connection, kind: str, places: Sequence[Place]) -> list[Place]:
    """Those of these partitions that this database was never filled from."""
    query = select(BEGUN_TABLE.c.topic, BEGUN_TABLE.c.partition).where(BEGUN_TABLE.c.kind == kind)
    begun = {(topic, partition) for topic, partition in connection.execute(query)}
    return [] if (_ALL, 0) in begun else [place for place in places if place not in begun]


def mark_begun(connection: Connection, kind: str, places: Sequence[Place]) -> None:
    """From now on the committed offsets of these partitions say how far this database is."""
    upsert(connection, BEGUN_TABLE, [{"kind": kind, "topic": name, "partition": number} for name, number in places])


def forget_begun(connection: Connection, kind: str) -> None:
    """From now on this database is to be filled from the beginning of every partition once more."""
    connection.execute(delete(BEGUN_TABLE).where(BEGUN_TABLE.c.kind == kind))


def begun_by(kind: str, settings: ServiceSettings) -> str:
    """Under which name a kind's begun partitions are kept: of several stores each is filled by itself."""
    return f"{kind}.{settings.store}" if settings.among else kind


def note_newest(connection: Connection, kind: str, newest: Mapping[str, Version]) -> None:
    """Makes all older versions of these customers stale; what is known to be applied stays known."""
    found = load_applied(connection, kind, list(newest))
    rows = {customer: found.get(customer, Applied()) for customer in newest}
    store_applied(
        connection,
        kind,
        {
            customer: replace(row, intent_version=newest[customer])
            for customer, row in rows.items()
            if row.newest is None or row.newest < newest[customer]
        },
    )


class Bootstrap:
    """Of one kind's consumer and its database."""

    def __init__(
        self,
        kind: Kind,
        settings: ServiceSettings,
        *,
        consumer: AIOKafkaConsumer,
        store: Store,
        running: Running,
        from_now: bool = False,
    ) -> None:
        self._kind = kind
        self._from_now = from_now
        self._settings = settings
        self._consumer = consumer
        self._store = store
        self._running = running
        self._begun_by = begun_by(kind.name, settings)

    async def begin(self, assigned: Sequence[TopicPartition], polled: Batch) -> bool:
        """Puts newly assigned partitions where the database is; what was polled meanwhile is read again.

        The new place is committed first, then noted. False when it has to be tried again: a rebalance, or no Kafka.
        """
        kind, places = self._begun_by, [(at.topic, at.partition) for at in assigned]
        missing = await self._store.write(lambda connection: never_begun(connection, kind, places))
        partitions = [TopicPartition(*place) for place in missing]
        try:
            for at, records in polled.items():
                self._consumer.seek(at, records[0].offset)
            if missing and self._from_now:
                async with asyncio.timeout(_WITHIN_S):
                    await self._seek_to_end(partitions)
            elif missing and await self._filled(partitions):
                pass
            elif missing:
                await self._note_newest(partitions)
                async with asyncio.timeout(_WITHIN_S):
                    await self._seek_to_beginning(partitions)
        except (KafkaError, TimeoutError) as error:
            log.warning("consumer.commit_failed", kind=kind, problem=type(error).__name__)
            return False
        if missing:
            await self._store.write(lambda connection: mark_begun(connection, kind, missing))
            log.info("consumer.bootstrapped", kind=kind, partitions=len(missing))
        return True

    async def _filled(self, partitions: Sequence[TopicPartition]) -> bool:
        """Whether all that these partitions hold was applied in one go; reading goes on behind it."""
        if not isinstance(self._kind, Fills):
            return False
        ends = await Filling(self._kind, self._settings, self._store, self._running).fill(partitions)
        if ends is None:
            return False
        for at, offset in ends.items():
            self._consumer.seek(at, offset)
        await self._consumer.commit(ends)
        return True

    async def _seek_to_end(self, partitions: Sequence[TopicPartition]) -> None:
        """Where a group had been before, its place stays."""
        new = [at for at in partitions if await self._consumer.committed(at) is None]
        if not new:
            return
        ends = cast("dict[TopicPartition, int]", await self._consumer.end_offsets(new))
        for at, offset in ends.items():
            self._consumer.seek(at, offset)
        await self._consumer.commit(ends)

    async def _seek_to_beginning(self, partitions: Sequence[TopicPartition]) -> None:
        beginnings = cast("dict[TopicPartition, int]", await self._consumer.beginning_offsets(partitions))
        for at, offset in beginnings.items():
            self._consumer.seek(at, offset)
        await self._consumer.commit(beginnings)

    async def _note_newest(self, partitions: Sequence[TopicPartition]) -> None:
        reader = make_consumer(self._settings)
        await reader.start()
        try:
            ends = cast("dict[TopicPartition, int]", await reader.end_offsets(partitions))
            reader.assign(partitions)
            await reader.seek_to_beginning(*partitions)
            while any([await reader.position(at) < ends[at] for at in partitions]):
                if self._running.stopping.is_set():
                    raise Stopping
                batch: Batch = await reader.getmany(timeout_ms=_POLL_MS, max_records=_POLL_RECORDS)
                newest = self._newest(record for records in batch.values() for record in records)
                await self._store.write(partial(note_newest, kind=self._kind.name, newest=newest))
        finally:
            await reader.stop()

    def _newest(self, records: Iterable[Record]) -> dict[str, Version]:
        """Of each customer; what cannot be read is set aside when its turn comes."""
        newest: dict[str, Version] = {}
        for record in records:
            if not is_ours(self._settings, record.key):
                continue
            decode = self._kind.decoders[record.topic.removeprefix(self._settings.topic_prefix)]
            with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                if record.value is not None:
                    desired = decode(record.value)
                    if record.key == desired.customer.encode():  # else it may be another store's
                        newest[desired.customer] = max(desired.version, newest.get(desired.customer, desired.version))
        return newest
