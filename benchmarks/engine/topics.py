"""The harness's topics: made, filled with the workload, and read back to count what a system kept."""

from collections.abc import Callable
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from benchmarks.engine.workload import PARTITIONS, records

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


def fill(bootstrap: str, name: str, events: int, customers: int) -> None:
    """Makes a topic with the workload in it. Raises `KafkaException`, `TopicFailed`."""
    create(bootstrap, name)
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "enable.idempotence": True,
            "linger.ms": 5,
            "batch.size": 200_000,
            "queue.buffering.max.messages": 200_000,
            "log_level": 2,
        }
    )
    for number, record in enumerate(records(events, customers)):
        while True:
            try:
                producer.produce(name, record.value, record.key, record.partition, timestamp=record.timestamp_ms)
                break
            except BufferError:
                producer.poll(0.05)
        if number % 1000 == 0:
            producer.poll(0)
    if left := producer.flush(_WITHIN_S):
        raise TopicFailed(f"{left} events could not be written")


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


def read_kept(bootstrap: str, changelog: str, count: Callable[[bytes, bytes], int | None]) -> Kept:
    """What a changelog restores to, committed records only. Raises `KafkaException`, `TopicFailed`."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "bench-reader",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
        }
    )
    latest: dict[bytes, int] = {}
    seen = size = 0
    try:
        consumer.assign([TopicPartition(changelog, number, 0) for number in range(PARTITIONS)])
        ended: set[int] = set()
        while len(ended) < PARTITIONS:
            message = consumer.poll(_WITHIN_S)
            if message is None:
                raise TopicFailed(f"{changelog} could not be read to its end")
            if (error := message.error()) is not None:
                if error.name() != "_PARTITION_EOF":
                    raise KafkaException(error)
                ended.add(message.partition() or 0)
                continue
            key, value = message.key() or b"", message.value() or b""
            seen += 1
            size += len(key) + len(value)
            found = count(key, value) if value else 0
            if found is not None:
                latest[key] = found
    finally:
        consumer.close()
    return Kept(sum(latest.values()), len(latest), seen, size)
