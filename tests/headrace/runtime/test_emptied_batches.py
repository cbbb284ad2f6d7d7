"""A control batch without its record is passed by, and an abort marker is still one."""

from collections.abc import Iterator
from typing import Any

from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import READ_COMMITTED, PartitionRecords

import headrace.runtime.kafka  # noqa: F401  # importing it is what mends aiokafka

PRODUCER = 7
ABORT = b"\x00\x00\x00\x00"


class Record:
    """What the fetcher looks at."""

    def __init__(self, offset: int, key: bytes) -> None:
        self.offset, self.key, self.value = offset, key, b""
        self.timestamp, self.timestamp_type, self.checksum, self.headers = 0, 0, None, ()


class Batch:
    """One batch of `records`; `last` is its last offset, which stays when they are gone."""

    is_transactional = True
    producer_id = PRODUCER

    def __init__(self, last: int, *records: Record, control: bool = False) -> None:
        self.base_offset = records[0].offset if records else last
        self.next_offset = last + 1
        self.is_control_batch = control
        self._records: Iterator[Record] = iter(records)

    def __iter__(self) -> Iterator[Record]:
        return self._records

    def __next__(self) -> Record:
        return next(self._records)


class Batches:
    """What one fetch brought."""

    def __init__(self, *batches: Batch) -> None:
        self._batches = list(batches)

    def has_next(self) -> bool:
        return bool(self._batches)

    def next_batch(self) -> Batch:
        return self._batches.pop(0)


def read(*batches: Batch, aborted: tuple[tuple[int, int], ...] = ()) -> list[int]:
    records: Any = PartitionRecords(
        TopicPartition("t", 0), Batches(*batches), list(aborted), 0, None, None, False, READ_COMMITTED
    )
    offsets = [record.offset for record in records]
    assert records.next_fetch_offset == batches[-1].next_offset
    return offsets


def test_read__a_control_batch_that_the_cleaner_emptied__passed_by() -> None:
    assert read(Batch(4, Record(4, b"k")), Batch(5, control=True), Batch(6, Record(6, b"k"))) == [4, 6]


def test_read__an_abort_marker__ends_what_was_aborted() -> None:
    """Whatever follows of the same producer belongs to another transaction."""
    marker = Batch(5, Record(5, ABORT), control=True)
    assert read(Batch(4, Record(4, b"k")), marker, Batch(6, Record(6, b"k")), aborted=((PRODUCER, 4),)) == [6]
