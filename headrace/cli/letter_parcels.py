"""What is sent for a dead letter: the record as it was, with its headers, once for all the letters about it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from headrace.cli.letter_topic import record_at
from headrace.cli.letters import Letter, Place
from headrace.contracts.topics import partition_of

LETTER_HEADER: Final = "headrace-dead-letter"
"""Of a record that was sent again: the id of its letter."""
COUNT_HEADER: Final = "headrace-resent"
"""How often that has been."""
Headers = Sequence[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class Parcel:
    """One record to send: the letters about it (several services may have set it aside), and where it goes."""

    letters: tuple[Letter, ...]
    at: TopicPartition
    key: bytes | None
    value: bytes
    headers: Headers
    there: bool
    """Whether it stands in its topic still."""

    @property
    def offset(self) -> int:
        """Where it stood in its topic, -1 for one that stood in none."""
        record = self.first.record
        assert record is not None
        return record.offset

    @property
    def first(self) -> Letter:
        """The one that names it."""
        return self.letters[0]


def with_copies(letters: Sequence[Letter], everything: Iterable[Letter]) -> list[tuple[Letter, ...]]:
    """The letters by what was set aside, oldest first: with those nobody named, which would send the same once more."""
    groups: dict[Place, dict[str, Letter]] = {one.source: {} for one in letters}
    for one in everything:
        if one.source in groups and one.state in ("open", "resending"):
            groups[one.source][one.id] = one
    for one in letters:  # also one that was dropped and is named all the same
        groups[one.source][one.id] = one
    return [tuple(sorted(group.values(), key=_age)) for group in groups.values()]


def in_order(parcel: Parcel) -> tuple[str, int, int]:
    """As they stood in their topic; those of no topic by their letters."""
    return parcel.at.topic, parcel.at.partition, parcel.offset if parcel.offset >= 0 else parcel.first.offset


async def parcel_of(
    letters: tuple[Letter, ...], producer: AIOKafkaProducer, consumer: AIOKafkaConsumer
) -> Parcel | str:
    """What to send for letters about one record, or why nothing can be. Raises `KafkaError`."""
    record = letters[0].record
    assert record is not None
    partitions = len(await producer.partitions_for(record.topic))
    if record.partition >= partitions:
        return f"{record.topic} has no partition {record.partition} any more"
    original = None
    if record.offset >= 0:
        original = await record_at(consumer, (record.topic, record.partition, record.offset))
    if original is not None and (original.key != record.key or record.value not in (None, original.value)):
        original = None  # the topic was made anew
    value = record.value if record.value is not None or original is None else original.value
    if value is None:
        return "its value was too large for a letter, and is gone from its topic"
    partition = record.partition if record.partition >= 0 else partition_of(record.key or b"", partitions)
    kept = (
        [] if original is None else [each for each in original.headers if each[0] not in (LETTER_HEADER, COUNT_HEADER)]
    )
    count = str(letters[0].resends + 1).encode()
    headers = [*kept, (LETTER_HEADER, letters[0].id.encode()), (COUNT_HEADER, count)]
    return Parcel(letters, TopicPartition(record.topic, partition), record.key, value, headers, original is not None)


def _age(letter: Letter) -> tuple[object, ...]:
    return letter.at, letter.partition, letter.offset
