"""Snapshots into `headrace.events`: key, partition, id, revision; a batch is done when Kafka has acknowledged it.

What a snapshot says is `normalise`'s; when it is published is decided by hydrate and feed.
"""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime

from aiokafka import AIOKafkaProducer
from msgspec import Struct

from headrace.contracts import topics
from headrace.contracts.events import (
    CLOCK,
    CUSTOMER_DELETED,
    CUSTOMER_SNAPSHOT,
    ORDER_REMOVED,
    ORDER_SNAPSHOT,
    CartEvent,
    Clock,
    CustomerDeleted,
    CustomerSnapshot,
    OrderRemoved,
    OrderSnapshot,
    Origin,
    encode_event,
    revision,
)
from headrace.contracts.topics import PARTITION_WIDE_KEY
from headrace.runtime.metrics import counter
from services.ingest.identity import customer_key


class Record(Struct, frozen=True):
    """An event ready to be written: Kafka key, value, and its type and origin for the metrics."""

    key: bytes
    value: bytes
    type: str
    origin: Origin


class Events:
    """Makes the records of one store."""

    def __init__(self, store: str) -> None:
        self.store = store

    def customer(self, snapshot: CustomerSnapshot, fetched_at: datetime, origin: Origin) -> Record:
        """A customer's snapshot under the customer's key."""
        key = customer_key(self.store, snapshot.customer_id)
        rev = revision(snapshot.modified_at, fetched_at)
        value = encode_event(
            snapshot,
            type=CUSTOMER_SNAPSHOT,
            id=f"{CUSTOMER_SNAPSHOT}:{snapshot.customer_id}:{rev}",
            store=self.store,
            subject=key,
            time=snapshot.modified_at,
            origin=origin,
            revision=rev,
        )
        return Record(key.encode(), value, CUSTOMER_SNAPSHOT, origin)

    def order(self, snapshot: OrderSnapshot, key: str, fetched_at: datetime, origin: Origin) -> Record:
        """An order's snapshot under its owner's key."""
        rev = revision(snapshot.modified_at, fetched_at)
        value = encode_event(
            snapshot,
            type=ORDER_SNAPSHOT,
            id=f"{ORDER_SNAPSHOT}:{snapshot.order_id}:{rev}",
            store=self.store,
            subject=key,
            time=snapshot.modified_at,
            origin=origin,
            revision=rev,
        )
        return Record(key.encode(), value, ORDER_SNAPSHOT, origin)

    def removed(self, snapshot: OrderSnapshot, key: str, to: str, fetched_at: datetime) -> Record:
        """The order left this customer: the same revision as the snapshot that enters the next. No effect follows."""
        rev = revision(snapshot.modified_at, fetched_at)
        value = encode_event(
            OrderRemoved(order_id=snapshot.order_id, to=to),
            type=ORDER_REMOVED,
            id=f"{ORDER_REMOVED}:{snapshot.order_id}:{rev}",
            store=self.store,
            subject=key,
            time=snapshot.modified_at,
            origin="backfill",
            revision=rev,
        )
        return Record(key.encode(), value, ORDER_REMOVED, "backfill")

    def deleted(self, customer_id: int, deleted_at: datetime, fetched_at: datetime, origin: Origin) -> Record:
        """The store has no such customer any more."""
        key = customer_key(self.store, customer_id)
        rev = revision(deleted_at, fetched_at)
        value = encode_event(
            CustomerDeleted(customer_id=str(customer_id)),
            type=CUSTOMER_DELETED,
            id=f"{CUSTOMER_DELETED}:{customer_id}:{rev}",
            store=self.store,
            subject=key,
            time=deleted_at,
            origin=origin,
            revision=rev,
        )
        return Record(key.encode(), value, CUSTOMER_DELETED, origin)

    def cart(self, kind: str, event: CartEvent, key: str, at: datetime) -> Record:
        """A cart left behind, or one that became an order."""
        value = encode_event(
            event,
            type=kind,
            id=f"{kind}:{event.cart_id}:{at:%Y-%m-%dT%H:%M:%SZ}",
            store=self.store,
            subject=key,
            time=at,
            origin="live",
        )
        return Record(key.encode(), value, kind, "live")

    def clock(self, now: datetime) -> Record:
        """All that the store changed before `now` has been published. For every partition."""
        value = encode_event(
            Clock(store=self.store, now=now),
            type=CLOCK,
            id=f"clock:{self.store}:{now.isoformat()}",
            store=self.store,
            subject=PARTITION_WIDE_KEY.decode(),
            time=now,
            origin="live",
        )
        return Record(PARTITION_WIDE_KEY, value, CLOCK, "live")


class EventWriter:
    """Writes records in their order and waits until Kafka has them all."""

    def __init__(self, producer: AIOKafkaProducer, topic: str) -> None:
        self._producer = producer
        self._topic = topic

    @classmethod
    def of(cls, producer: AIOKafkaProducer, topic_prefix: str) -> "EventWriter":
        """For `headrace.events` under this prefix."""
        return cls(producer, topic_prefix + topics.EVENTS)

    async def write(self, records: Iterable[Record]) -> int:
        """Returns how many. Raises `KafkaError` when they are not all acknowledged."""
        batch = list(records)
        waiting = [await self._producer.send(self._topic, record.value, key=record.key) for record in batch]
        await all_acknowledged(waiting)
        _count(batch)
        return len(batch)

    async def write_everywhere(self, record: Record) -> None:
        """One record to every partition."""
        partitions = await self._producer.partitions_for(self._topic)
        waiting = [
            await self._producer.send(self._topic, record.value, key=record.key, partition=number)
            for number in sorted(partitions)
        ]
        await all_acknowledged(waiting)
        _count([record] * len(waiting))


async def all_acknowledged(waiting: Sequence[asyncio.Future[object]]) -> None:
    """Waits for all of them; raises the first error there was."""
    for error in await asyncio.gather(*waiting, return_exceptions=True):
        if isinstance(error, BaseException):
            raise error


def _count(batch: Sequence[Record]) -> None:
    for record in batch:
        counter("headrace_events_published_total", type=record.type, origin=record.origin).inc()
