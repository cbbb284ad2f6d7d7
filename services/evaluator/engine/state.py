"""State by partition: bytes under keys, each record beginning with its mark, and what was applied last.

Nothing here talks to Kafka: `restore.py` fills it, `epoch.py` changes it.
"""

import struct
from collections.abc import Iterable, Mapping
from typing import Final

from headrace.contracts.topics import PARTITION_WIDE_KEY
from services.evaluator.engine.fold import Stored

MARK_BYTES: Final = 8
_MARK: Final = struct.Struct(">q")


def encode_record(mark: int, body: bytes) -> bytes:
    """A changelog value: the mark (source offset, 8 bytes big-endian), then the fold's bytes."""
    return _MARK.pack(mark) + body


def mark_of(value: bytes) -> int:
    """The mark of a changelog value. Raises `struct.error` when it is too short."""
    mark: int = _MARK.unpack_from(value)[0]
    return mark


class Partition:
    """The state of one partition; it is its own `PartitionView`."""

    __slots__ = ("applied", "log_start", "number", "records")

    def __init__(self, number: int, *, log_start: int = 0) -> None:
        self.number = number
        self.applied = -1
        self.log_start = log_start
        self.records: dict[bytes, bytes] = {}

    @property
    def expected(self) -> int:
        """Where the next chunk must begin, at the latest."""
        return max(self.applied + 1, self.log_start)

    @property
    def marker(self) -> bytes:
        """The body of the partition's own record, empty when it has none."""
        value = self.records.get(PARTITION_WIDE_KEY)
        return value[MARK_BYTES:] if value is not None else b""

    def get(self, key: bytes) -> Stored | None:
        """The record of a key, None if there is none."""
        value = self.records.get(key)
        return None if value is None else Stored(mark_of(value), value[MARK_BYTES:])

    def keys(self) -> Iterable[bytes]:
        """All keys but the partition's own."""
        return (key for key in self.records if key != PARTITION_WIDE_KEY)

    def restore(self, key: bytes, value: bytes) -> bool:
        """Takes a changelog record in; False when one with a larger mark is there already (a regression)."""
        held = self.records.get(key)
        if held is not None and held[:MARK_BYTES] > value[:MARK_BYTES]:
            return False
        self.records[key] = value
        return True

    def restored(self) -> None:
        """After the last record: what was applied is the largest mark."""
        self.applied = max(map(mark_of, self.records.values()), default=-1)

    def update(self, values: Mapping[bytes, bytes]) -> None:
        """Takes encoded records in."""
        self.records.update(values)
