"""State by partition: bytes under keys, each record beginning with its mark, and what was applied last.

Nothing here talks to Kafka: `restore.py` fills it, `epoch.py` changes it.
"""

import struct
from collections.abc import Collection, Iterable, Mapping
from operator import itemgetter
from typing import Final

from headrace.contracts.topics import PARTITION_WIDE_KEY
from services.evaluator.engine import cures
from services.evaluator.engine.fold import Stored

MARK_BYTES: Final = 8
PAGE_SIGN: Final = b"#"
"""Between a key and the name of its page; in no key itself."""
_MARK: Final = struct.Struct(">q")
_MARK_BYTES: Final = itemgetter(slice(MARK_BYTES))


def encode_record(mark: int, body: bytes) -> bytes:
    """A changelog value: the mark (source offset, 8 bytes big-endian), then the fold's bytes."""
    return _MARK.pack(mark) + body


def mark_of(value: bytes) -> int:
    """The mark of a changelog value. Raises `struct.error` when it is too short."""
    mark: int = _MARK.unpack_from(value)[0]
    return mark


class Partition:
    """The state of one partition; it is its own `PartitionView`."""

    __slots__ = ("_pages", "applied", "log_start", "number", "page_count", "records")

    def __init__(self, number: int, *, log_start: int = 0) -> None:
        self.number = number
        self.applied = -1
        self.log_start = log_start
        self.records: dict[bytes, bytes] = {}
        self._pages: dict[bytes, set[bytes]] = {}
        self.page_count = 0

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
        """All keys but pages and the partition's own."""
        return (key for key in self.records if PAGE_SIGN not in key and key != PARTITION_WIDE_KEY)

    def pages(self, key: bytes) -> Collection[bytes]:
        """The keys of its pages, in no order."""
        return self._pages.get(key, ())

    def restore(self, key: bytes, value: bytes | None) -> bool:
        """Takes a changelog record in; False when one with a larger mark is there already (a regression)."""
        if value is None:
            self.records.pop(key, None)
            return True
        held = self.records.get(key)
        if held is not None and held[:MARK_BYTES] > value[:MARK_BYTES] and not cures.off("largest_mark_wins"):
            return False
        self.records[key] = value
        return True

    def restored(self) -> None:
        """After the last record: what was applied is the largest mark."""
        # As bytes they compare like the offsets they are.
        largest = max(map(_MARK_BYTES, self.records.values()), default=None)
        self.applied = -1 if largest is None else mark_of(largest)
        for key in self.records:
            if PAGE_SIGN in key:
                self._add_page(key)

    def update(self, values: Mapping[bytes, bytes | None]) -> None:
        """Takes encoded records in; None removes one."""
        for key, value in values.items():
            if value is not None:
                self.records[key] = value
                if PAGE_SIGN in key:
                    self._add_page(key)
            elif self.records.pop(key, None) is not None:
                self._drop_page(key)

    def _add_page(self, page: bytes) -> None:
        held = self._pages.setdefault(page.partition(PAGE_SIGN)[0], set())
        self.page_count += page not in held
        held.add(page)

    def _drop_page(self, page: bytes) -> None:
        key = page.partition(PAGE_SIGN)[0]
        if held := self._pages.get(key):
            self.page_count -= page in held
            held.discard(page)
            if not held:
                del self._pages[key]
