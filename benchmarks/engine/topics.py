"""The harness's topics: made, filled with the workload, and read back to count what a system kept."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from confluent_kafka import Consumer, ConsumerGroupState, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from benchmarks.engine.workload import PARTITIONS, Record

_WITHIN_S = 60.0


class TopicFailed(Exception):
    """A topic could not be written or read whole in time."""


@dataclass(frozen=True, slots=True)
class Kept:
    """`events`: the sum of all customers' counts; `size`: bytes of all records of the changelog, keys and values."""

    events: int
    customers: int
    records: int
    size: int


def create(bootstrap: str, name: str, **config: str) -> None:
    """Makes a topic that loses nothing. Raises `KafkaException`.

    The workload's times are years ago: with Kafka's seven days the broker empties the topic half a minute after its
    start, and whoever still reads is sent to the end.
    """
    admin = AdminClient({"bootstrap.servers": bootstrap})
    kept = {"retention.ms": "-1", "retention.bytes": "-1", **config}
    admin.create_topics([NewTopic(name, num_partitions=PARTITIONS, replication_factor=1, config=kept)])[name].result()


def fill(bootstrap: str, name: str, records: Iterable[Record]) -> None:
    """Makes a topic with these records in it. Raises `KafkaException`, `TopicFailed`."""
    create(bootstrap, name)
    append(bootstrap, name, records)


def append(bootstrap: str, name: str, records: Iterable[Record]) -> None:
    """Writes records and waits until all are there. Raises `KafkaException`, `TopicFailed`."""
    producer = make_loader(bootstrap)
    for number, record in enumerate(records):
        send(producer, name, record)
        if number % 1000 == 0:
            producer.poll(0)
    if left := producer.flush(_WITHIN_S):
        raise TopicFailed(f"{left} events could not be written")


def make_loader(bootstrap: str) -> Producer:
    """The producer of events: idempotent, as the services' own."""
    return Producer(
        {
            "bootstrap.servers": bootstrap,
            "enable.idempotence": True,
            "linger.ms": 5,
            "batch.size": 200_000,
            "queue.buffering.max.messages": 200_000,
            "log_level": 2,
        }
    )


def send(producer: Producer, name: str, record: Record) -> None:
    """Hands a record to the producer, when there is room."""
    while True:
        try:
            return producer.produce(name, record.value, record.key, record.partition, timestamp=record.timestamp_ms)
        except BufferError:
            producer.poll(0.05)


def warm_up(bootstrap: str) -> None:
    """One transaction with offsets, so that the broker's inner topics are there before the first run.

    Raises `KafkaException`.
    """
    name = "bench-warm-up"
    create(bootstrap, name)
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": name})
    producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": name, "log_level": 2})
    try:
        producer.init_transactions(_WITHIN_S)
        producer.begin_transaction()
        producer.produce(name, b"warm", partition=0)
        positions = [TopicPartition(name, 0, 0)]
        producer.send_offsets_to_transaction(positions, consumer.consumer_group_metadata(), _WITHIN_S)
        producer.commit_transaction(_WITHIN_S)
    finally:
        consumer.close()


def members(bootstrap: str, group: str) -> int:
    """How many members a group that is at rest has; 0 while it settles. Raises `KafkaException`."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    found: Any = admin.describe_consumer_groups([group])[group].result()  # the stubs say a dict of them
    return len(found.members) if found.state == ConsumerGroupState.STABLE else 0


def committed(bootstrap: str, group: str, name: str) -> int:
    """How many records of a topic a group has committed, all partitions together. Raises `KafkaException`."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group, "enable.auto.commit": False})
    try:
        found = consumer.committed([TopicPartition(name, number) for number in range(PARTITIONS)], timeout=_WITHIN_S)
        return sum(max(0, each.offset) for each in found)
    finally:
        consumer.close()


def read_kept(bootstrap: str, changelog: str, count: Callable[[bytes, bytes], int | None]) -> Kept:
    """What a changelog restores to, committed records only. Raises `KafkaException`, `TopicFailed`."""
    latest: dict[bytes, bytes] = {}
    seen = size = 0
    for key, value in read_committed(bootstrap, changelog):
        seen += 1
        size += len(key) + len(value)
        latest[key] = value
    counts = [found for key, value in latest.items() if value and (found := count(key, value)) is not None]
    return Kept(sum(counts), len(counts), seen, size)


def read_committed(bootstrap: str, name: str) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of the whole topic, partition by partition in order."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "bench-reader",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
        }
    )
    try:
        consumer.assign([TopicPartition(name, number, 0) for number in range(PARTITIONS)])
        ended: set[int | None] = set()
        silent_at = time.monotonic() + _WITHIN_S
        while len(ended) < PARTITIONS:
            messages = consumer.consume(10_000, timeout=0.1)
            if messages:
                silent_at = time.monotonic() + _WITHIN_S
            elif time.monotonic() > silent_at:
                raise TopicFailed(f"{name} could not be read to its end")
            for message in messages:
                if (error := message.error()) is None:
                    yield message.key() or b"", message.value() or b""
                elif error.name() == "_PARTITION_EOF":
                    ended.add(message.partition())
                else:
                    raise KafkaException(error)
    finally:
        consumer.close()
