"""Reading the topic of the dead letters, appending what became of them, and looking for records where they came from.

What may be sent again is told in `letters`, how it is done in `resend`.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeAlias

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition

from headrace.cli.letters import Letter, Place, read_letters
from headrace.contracts.actions import DeadLetterMark, encode
from headrace.contracts.topics import DEAD_LETTERS
from headrace.runtime.dependency import DependencyError
from headrace.runtime.kafka import read_to_end, topic
from headrace.runtime.settings import KafkaSettings

Record: TypeAlias = ConsumerRecord[bytes | None, bytes | None]
_PATIENCE_S: Final = 60.0
"""An evaluator's open transaction hides what stands behind it for no longer."""


async def all_letters(settings: KafkaSettings) -> list[Letter]:
    """Every letter of the last 30 days, oldest first. Raises `KafkaError`."""
    return read_letters(await read_to_end(settings, topic(settings, DEAD_LETTERS)))


async def append_marks(
    producer: AIOKafkaProducer, settings: KafkaSettings, marks: Sequence[tuple[Letter, DeadLetterMark]]
) -> list[int]:
    """Writes what became of letters; the offsets of the marks, in the letters' partitions. Raises `KafkaError`."""
    sent = [
        await producer.send(topic(settings, DEAD_LETTERS), encode(mark), key=letter.key, partition=letter.partition)
        for letter, mark in marks
    ]
    return [metadata.offset for metadata in await asyncio.gather(*sent)]


async def record_at(consumer: AIOKafkaConsumer, place: Place) -> Record | None:
    """The record that stands there, None when it is gone. Raises `KafkaError`."""
    name, partition, offset = place
    at = TopicPartition(name, partition)
    consumer.assign([at])
    first = (await consumer.beginning_offsets([at]))[at]
    end = (await consumer.end_offsets([at]))[at]
    if not first <= offset < end:
        return None
    consumer.seek(at, offset)
    while await consumer.position(at) < end:
        for record in (await consumer.getmany(at, timeout_ms=200, max_records=1)).get(at, ()):
            return record if record.offset == offset else None
    return None


async def records_since(
    consumer: AIOKafkaConsumer, starts: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int] | None = None
) -> list[Record]:
    """All from these offsets up to the ends, None: those of this moment.

    Raises `KafkaError`, and `DependencyError` when what stands before an end does not become readable.
    """
    if not starts:
        return []
    consumer.assign(list(starts))
    if ends is None:
        ends = await consumer.end_offsets(list(starts))
    first = await consumer.beginning_offsets(list(starts))
    for at, offset in starts.items():
        consumer.seek(at, max(offset, first[at]))
    found: list[Record] = []
    left = {at for at in starts if await consumer.position(at) < ends[at]}
    try:
        async with asyncio.timeout(_PATIENCE_S) as patience:
            while left:
                for at, records in (await consumer.getmany(*left, timeout_ms=200)).items():
                    found += [record for record in records if record.offset < ends[at]]
                    patience.reschedule(asyncio.get_running_loop().time() + _PATIENCE_S)
                left = {at for at in left if await consumer.position(at) < ends[at]}
    except TimeoutError as error:
        raise DependencyError(
            "transaction_open",
            f"{', '.join(sorted(at.topic for at in left))}: an open transaction hides the newest records",
            "look whether the evaluator is alive, then do the same again: nothing is sent twice",
        ) from error
    return found


async def since_time(consumer: AIOKafkaConsumer, moments: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
    """The first offset of each partition since a moment in milliseconds; those without any are left out."""
    if not moments:
        return {}
    found = await consumer.offsets_for_times(dict(moments))
    return {at: start.offset for at, start in found.items() if start is not None}


def place_of(record: Record) -> tuple[TopicPartition, bytes | None]:
    """Its partition and key: what compaction keeps one of."""
    return TopicPartition(record.topic, record.partition), record.key


def newest_of(records: Iterable[Record]) -> dict[tuple[TopicPartition, bytes | None], Record]:
    """The last record of each key."""
    return {place_of(one): one for one in records}
