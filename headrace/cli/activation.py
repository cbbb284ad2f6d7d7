"""Rule sets in Kafka: the versions in `headrace.rules`, and the markers that put one in force.

A version is written first, then its marker to every partition of `headrace.events`; repeating that completes what is
missing. A marker's Kafka timestamp is never below its version's, so a search by time finds it without reading the log.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError, UnknownTopicOrPartitionError
from aiokafka.structs import OffsetAndMetadata

from headrace.contracts.actions import RuleSetRecord, encode
from headrace.contracts.events import RULESET_ACTIVATED, RulesetActivated, decode_event, encode_event
from headrace.contracts.notes import Note, decode_note
from headrace.contracts.topics import EVENTS, PARTITION_WIDE_KEY, RULES
from headrace.runtime.broker_version import kafka_unavailable
from headrace.runtime.dependency import DependencyError
from headrace.runtime.generations import live_generation
from headrace.runtime.kafka import make_admin, make_consumer, make_producer, read_to_end, topic
from headrace.runtime.logs import log
from headrace.runtime.settings import KafkaSettings

_RECORD: Final = msgspec.json.Decoder(RuleSetRecord)
_POLL_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a store's rule set as it stands in `headrace.rules`; `written_ms` is its Kafka timestamp."""

    record: RuleSetRecord
    written_ms: int
    offset: int

    @property
    def activation(self) -> str:
        """Names the activation in markers and causes."""
        return f"{self.record.store}:{self.record.version}"


@dataclass(frozen=True, slots=True)
class Flags:
    """What an activation does besides: sources whose effects it releases; whether it takes customers over."""

    send_effects: tuple[str, ...] = ()
    take_over: bool = False


@dataclass(frozen=True, slots=True)
class Committed:
    """How far the evaluator has come in a partition: the next offset, and what it notes beside it."""

    offset: int
    note: Note | None


@asynccontextmanager
async def kafka_errors(settings: KafkaSettings) -> AsyncIterator[None]:
    """Kafka's errors as `DependencyError`: what is away, and what to do."""
    try:
        yield
    except UnknownTopicOrPartitionError as error:
        raise DependencyError(
            "topics_missing",
            f"the topics {settings.topic_prefix}* are not there",
            "run `headrace topics create`, or correct HEADRACE_TOPIC_PREFIX",
        ) from error
    except KafkaError as error:
        raise kafka_unavailable(settings.kafka_bootstrap_servers, type(error).__name__) from error


async def versions(settings: KafkaSettings, store: str) -> list[Version]:
    """The store's versions, oldest first; of two writers of one number the first counts."""
    found: dict[int, Version] = {}
    for record in await read_to_end(settings, topic(settings, RULES)):
        try:
            decoded = _RECORD.decode(record.value or b"")
        except msgspec.DecodeError as error:  # the evaluator passes over it too; the topic keeps it for ever
            log.warning("rules.refused", partition=record.partition, offset=record.offset, reason=str(error))
            continue
        if decoded.store == store and decoded.version not in found:
            found[decoded.version] = Version(decoded, record.timestamp, record.offset)
    return [found[number] for number in sorted(found)]


async def write_version(settings: KafkaSettings, record: RuleSetRecord) -> Version | None:
    """Appends a version; None when somebody else wrote this number first, so that ours does not count."""
    producer = make_producer(settings)
    await producer.start()
    try:
        key = f"{record.store}:{record.version}".encode()
        sent = await producer.send_and_wait(topic(settings, RULES), encode(record), key=key, partition=0)
    finally:
        await producer.stop()
    newest = (await versions(settings, record.store))[record.version - 1 :]
    return next((version for version in newest if version.offset == sent.offset), None)


async def partitions_of_events(settings: KafkaSettings) -> tuple[int, ...]:
    """Every partition of `headrace.events`."""
    name = topic(settings, EVENTS)
    admin = make_admin(settings)
    await admin.start()
    try:
        (described,) = await admin.describe_topics([name])
    finally:
        await admin.close()
    if not described["partitions"]:
        raise UnknownTopicOrPartitionError(name)
    return tuple(sorted(int(partition["partition"]) for partition in described["partitions"]))


async def markers_of(settings: KafkaSettings, version: Version, partitions: Collection[int]) -> dict[int, int]:
    """Offset of the version's marker in each partition that has it."""
    return (await announced(settings, version, partitions))[0]


async def announced(
    settings: KafkaSettings, version: Version, partitions: Collection[int]
) -> tuple[dict[int, int], Flags | None]:
    """Offset of the version's marker in each partition that has it, and what it says besides; None without any.

    Reads from the version's own time on, in each partition up to its marker: to the end only where it is missing.
    """
    consumer = make_consumer(settings)
    await consumer.start()
    try:
        waiting = await _seek_to_time(consumer, topic(settings, EVENTS), partitions, version.written_ms)
        found = await _find_markers(consumer, waiting, version)
    finally:
        await consumer.stop()
    flags = next((Flags(data.send_effects, data.take_over) for _, data in found.values()), None)
    return {partition: offset for partition, (offset, _) in found.items()}, flags


async def _seek_to_time(
    consumer: AIOKafkaConsumer, events: str, partitions: Collection[int], since_ms: int
) -> dict[TopicPartition, int]:
    """Partitions with records since then, each with its end; the consumer stands at the first of them."""
    assigned = [TopicPartition(events, number) for number in sorted(partitions)]
    consumer.assign(assigned)
    starts = await consumer.offsets_for_times(dict.fromkeys(assigned, since_ms))
    ends = await consumer.end_offsets(assigned)
    found = {at: start.offset for at, start in starts.items() if start is not None and start.offset < ends[at]}
    for at, offset in found.items():
        consumer.seek(at, offset)
    return {at: ends[at] for at in found}


async def _find_markers(
    consumer: AIOKafkaConsumer, waiting: Mapping[TopicPartition, int], version: Version
) -> dict[int, tuple[int, RulesetActivated]]:
    found: dict[int, tuple[int, RulesetActivated]] = {}
    left = set(waiting)
    while left:
        for at, records in (await consumer.getmany(*left, timeout_ms=200)).items():
            for record in records:
                data = _marker(record.key, record.value, version)
                if data is not None and at in left:
                    found[at.partition] = record.offset, data
                    left.discard(at)
        left = {at for at in left if await consumer.position(at) < waiting[at]}
    return found


def _marker(key: bytes | None, value: bytes | None, version: Version) -> RulesetActivated | None:
    """What the record says, if it is the version's marker."""
    if key != PARTITION_WIDE_KEY or value is None:
        return None
    try:
        data = decode_event(value).data
    except msgspec.DecodeError:
        return None
    return data if isinstance(data, RulesetActivated) and data.activation == version.activation else None


async def write_markers(
    settings: KafkaSettings, version: Version, partitions: Collection[int], flags: Flags = Flags()
) -> dict[int, int]:
    """Appends the marker to these partitions; the offset in each."""
    now = datetime.now(UTC)
    record = version.record
    value = encode_event(
        RulesetActivated(
            store=record.store,
            version=record.version,
            hash=record.hash,
            activation=version.activation,
            send_effects=flags.send_effects,
            take_over=flags.take_over,
        ),
        type=RULESET_ACTIVATED,
        id=f"activation:{version.activation}",
        store=record.store,
        subject=PARTITION_WIDE_KEY.decode(),
        time=now,
        origin="live",
    )  # fmt: skip
    producer = make_producer(settings)
    await producer.start()
    try:
        stamp = max(int(now.timestamp() * 1000), version.written_ms)
        sent = [
            await producer.send(
                topic(settings, EVENTS), value, key=PARTITION_WIDE_KEY, partition=partition, timestamp_ms=stamp
            )
            for partition in sorted(partitions)
        ]
        done = await asyncio.gather(*sent)
    finally:
        await producer.stop()
    return {metadata.partition: metadata.offset for metadata in done}


async def wait_until_passed(settings: KafkaSettings, markers: Mapping[int, int], timeout_s: float) -> None:
    """Returns when the evaluator has committed beyond every marker.

    Raises `DependencyError("evaluator_behind")` after `timeout_s` seconds.
    """
    group = await _evaluator(settings)
    admin = make_admin(settings)
    await admin.start()
    try:
        async with asyncio.timeout(timeout_s):
            while _behind(await _committed(admin, group), topic(settings, EVENTS), markers):
                await asyncio.sleep(_POLL_S)  # Kafka tells of commits only when asked
    except TimeoutError as error:
        raise DependencyError(
            "evaluator_behind",
            f"the rule set is written, but {group} did not pass its markers in {timeout_s:g} s",
            "look whether the evaluator runs and how far it is behind; the rule set takes effect when it gets there",
        ) from error
    finally:
        await admin.close()


async def committed_positions(settings: KafkaSettings) -> dict[int, Committed]:
    """Each partition of the events in which the live generation of the evaluator has committed anything."""
    admin = make_admin(settings)
    await admin.start()
    try:
        found = await _committed(admin, await _evaluator(settings))
    finally:
        await admin.close()
    events = topic(settings, EVENTS)
    return {
        at.partition: Committed(done.offset, decode_note(done.metadata))
        for at, done in found.items()
        if at.topic == events and done.offset >= 0
    }


async def _evaluator(settings: KafkaSettings) -> str:
    """The evaluator's consumer group."""
    generation = await asyncio.to_thread(live_generation, settings)
    return topic(settings, f"evaluator-{generation}")


async def _committed(admin: AIOKafkaAdminClient, group: str) -> Mapping[TopicPartition, OffsetAndMetadata]:
    """What a group has committed; nothing while its coordinator is not there yet."""
    try:
        found: Mapping[TopicPartition, OffsetAndMetadata] = await admin.list_consumer_group_offsets(group)
    except KafkaError as error:
        if not error.retriable:
            raise
        return {}
    return found


def _behind(
    committed: Mapping[TopicPartition, OffsetAndMetadata], events: str, markers: Mapping[int, int]
) -> list[int]:
    """Partitions whose marker the group has not passed."""
    return [
        partition
        for partition, offset in markers.items()
        if (done := committed.get(TopicPartition(events, partition))) is None or done.offset <= offset
    ]
