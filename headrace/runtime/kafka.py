"""Kafka clients made from settings: the same guarantees everywhere (idempotent, all replicas, committed reads).

What is produced or consumed lives elsewhere, and topics are created in `headrace.runtime.topics`.
"""

import asyncio
import ssl
from collections.abc import Iterable
from typing import Any, Final, cast

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import UnknownTopicOrPartitionError

from headrace.contracts.topics import partition_of
from headrace.runtime.emptied_batches import read_over_emptied_batches
from headrace.runtime.logs import log
from headrace.runtime.settings import KafkaSettings, ServiceSettings

read_over_emptied_batches()

_LEAVING: Final[set[asyncio.Future[None]]] = set()
"""Kept, as the loop itself does not keep them."""
MAX_REQUEST_BYTES = 6 * 1024 * 1024
"""Above the largest record that any topic takes (`headrace.runtime.topics`): the topic decides."""


def topic(settings: KafkaSettings, name: str) -> str:
    """A topic's full name: `topic(settings, EVENTS)` is "headrace.events"."""
    return settings.topic_prefix + name


def group_of(settings: ServiceSettings, name: str) -> str:
    """A consumer group's full name: `headrace.hydrate`; with HEADRACE_STORES one for each store, its name behind.

    So a store that is behind holds nobody up, and one that is new begins at the beginning.
    """
    return topic(settings, f"{name}.{settings.store}" if settings.among else name)


def is_ours(settings: ServiceSettings, key: bytes | None) -> bool:
    """Whether a record is this store's, by its key "store:..."; one of no store is the first store's to set aside."""
    if not settings.among:
        return True
    store, colon, _ = (key or b"").partition(b":")
    return store == settings.store.encode() if colon else settings.store == settings.among[0]


def make_producer(settings: KafkaSettings, **options: Any) -> AIOKafkaProducer:
    """Idempotent, acknowledged by all in-sync replicas; to be started by the caller, inside the running loop.

    A key goes where Kafka's Java client would put it (`partition_of`), unless `partition` is given.
    """
    return AIOKafkaProducer(
        **{
            **connection(settings),
            "acks": "all",
            "enable_idempotence": True,
            "linger_ms": 5,
            "max_request_size": MAX_REQUEST_BYTES,
            "partitioner": _partition,
            **options,
        }
    )


def make_consumer(
    settings: KafkaSettings, *topics: str, group: str | None = None, read_committed: bool = True, **options: Any
) -> AIOKafkaConsumer:
    """A consumer that commits only when told and begins at the earliest record; to be started by the caller."""
    return AIOKafkaConsumer(
        *topics,
        **{
            **connection(settings),
            "group_id": group,
            "enable_auto_commit": False,
            "auto_offset_reset": "earliest",
            "isolation_level": "read_committed" if read_committed else "read_uncommitted",
            **options,
        },
    )


async def leave(consumer: AIOKafkaConsumer, within_s: float) -> None:
    """Stops a consumer, and waits for that so long; what takes longer goes on behind us.

    One whose stop is cut short would stay in its group, and hold its partitions, as long as the process lives.
    """
    leaving = asyncio.ensure_future(_stopped(consumer))
    _LEAVING.add(leaving)
    leaving.add_done_callback(_LEAVING.discard)
    await asyncio.wait({leaving}, timeout=within_s)


async def _stopped(consumer: AIOKafkaConsumer) -> None:
    try:
        await consumer.stop()
    except Exception as error:  # Kafka is away, or has no such member any more: it finds out by itself
        log.warning("kafka.unavailable", problem=type(error).__name__)


def make_admin(settings: KafkaSettings, **options: Any) -> AIOKafkaAdminClient:
    """An admin client; to be started by the caller."""
    return AIOKafkaAdminClient(**{**connection(settings), **options})


def confluent_config(settings: KafkaSettings) -> dict[str, Any]:
    """The connection part of a librdkafka configuration."""
    config: dict[str, Any] = {
        "bootstrap.servers": settings.kafka_bootstrap_servers,
        "security.protocol": settings.kafka_security_protocol,
    }
    if settings.kafka_sasl_mechanism is not None:
        config["sasl.mechanism"] = settings.kafka_sasl_mechanism
        config["sasl.username"] = settings.kafka_sasl_username
        config["sasl.password"] = _password(settings)
    return config


def part_of(consumer: AIOKafkaConsumer, assigned: int) -> float:
    """0 to 1: which part so many partitions are of all that this consumer's group reads."""
    every = sum(len(consumer.partitions_for_topic(name) or ()) for name in consumer.subscription())
    return min(1.0, assigned / every) if every else 1.0


async def read_to_end(
    settings: KafkaSettings,
    topic: str,
    partitions: Iterable[int] | None = None,
    read_committed: bool = True,  # noqa: FBT001, FBT002  # the agreed signature
) -> list[ConsumerRecord[bytes | None, bytes | None]]:
    """Every record of a topic (its full name) that stands there at the call, partition by partition in offset order.

    With `read_committed` the end is the last stable offset. Raises `KafkaError` when Kafka or the topic is away.
    """
    consumer = make_consumer(settings, read_committed=read_committed)
    try:
        await consumer.start()
        numbers = await partitions_of(settings, topic) if partitions is None else sorted(partitions)
        assigned = [TopicPartition(topic, number) for number in numbers]
        consumer.assign(assigned)
        ends = await consumer.end_offsets(assigned)
        await consumer.seek_to_beginning(*assigned)
        return await _read(consumer, cast("dict[TopicPartition, int]", ends))
    finally:
        await consumer.stop()


async def _read(
    consumer: AIOKafkaConsumer, ends: dict[TopicPartition, int]
) -> list[ConsumerRecord[bytes | None, bytes | None]]:
    found: dict[TopicPartition, list[ConsumerRecord[bytes | None, bytes | None]]] = {at: [] for at in ends}
    waiting = {at for at, end in ends.items() if await consumer.position(at) < end}
    while waiting:
        for at, records in (await consumer.getmany(*waiting, timeout_ms=200)).items():
            found[at].extend(record for record in records if record.offset < ends[at])
        # The position moves over aborted records and markers too, which getmany does not return.
        waiting = {at for at in waiting if await consumer.position(at) < ends[at]}
    return [record for at in sorted(found) for record in found[at]]


async def partitions_of(settings: KafkaSettings, topic: str) -> list[int]:
    """The numbers of a topic's partitions (its full name). Raises `KafkaError` when Kafka or the topic is away."""
    # A consumer knows the partitions only of topics that it has subscribed to.
    admin = make_admin(settings)
    await admin.start()
    try:
        (described,) = await admin.describe_topics([topic])
    finally:
        await admin.close()
    numbers = sorted(int(partition["partition"]) for partition in described["partitions"])
    if not numbers:
        raise UnknownTopicOrPartitionError(topic)
    return numbers


def _partition(key: bytes | None, every: list[int], available: list[int]) -> int:
    if key is None:
        return (available or every)[0]
    return partition_of(key, len(every))


def connection(settings: KafkaSettings) -> dict[str, Any]:
    """The connection part of an aiokafka client's options."""
    options: dict[str, Any] = {
        "bootstrap_servers": settings.kafka_bootstrap_servers,
        "security_protocol": settings.kafka_security_protocol,
    }
    if settings.kafka_security_protocol.endswith("SSL"):
        options["ssl_context"] = ssl.create_default_context()
    if settings.kafka_sasl_mechanism is not None:
        options["sasl_mechanism"] = settings.kafka_sasl_mechanism
        options["sasl_plain_username"] = settings.kafka_sasl_username
        options["sasl_plain_password"] = _password(settings)
    return options


def _password(settings: KafkaSettings) -> str | None:
    return settings.kafka_sasl_password.get_secret_value() if settings.kafka_sasl_password else None
