"""When a partition has set too many records aside to go on: a value that counts them, and the limit it is held against.

Pure: which records fail is found in `agent.py`, what it means that the limit is reached is said in `dead_letters.py`.
"""

from dataclasses import dataclass
from typing import Final
from zlib import crc32

from msgspec import Struct


@dataclass(frozen=True, slots=True)
class DeadLetterLimit:
    """`letters` of a partition's last `window` records, or `run` in a row; 0 switches that one off.

    A customer counts at most `per_customer` times in the window: one whose state is damaged may send thousands of
    events, and delays nobody. So at least `run / per_customer` customers must fail before the worker stops.
    """

    letters: int = 100
    window: int = 1_000
    run: int = 50
    per_customer: int = 5


class Failures(Struct, frozen=True, array_like=True):
    """The failed records among the last ones of a partition. Nothing of those before the first failure is kept.

    Only the records' order decides: neither how they were cut into chunks and epochs nor a restart shows in it.
    """

    seen: int = 0
    """Records counted since the first of `recent`, inclusive."""
    run: int = 0
    """How many failed at the end, with none between that was applied."""
    recent: tuple[tuple[int, int], ...] = ()
    """Each failure of the window: its number among those seen, from 1, and a checksum of its key."""

    def passed(self, records: int, limit: DeadLetterLimit) -> "Failures":
        """So many records were applied."""
        if not records or not self.recent:
            return self
        seen = self.seen + records
        recent = _within(self.recent, seen - limit.window)
        return Failures(seen, 0, recent) if recent else NONE

    def failed(self, key: bytes | None, limit: DeadLetterLimit) -> "Failures":
        """A record of this key failed. Itself for one more of a customer that has counted often enough."""
        seen, customer = self.seen + 1, crc32(key or b"")
        recent = _within(self.recent, seen - limit.window)
        if sum(one == customer for _, one in recent) >= limit.per_customer:
            return self
        return Failures(seen, self.run + 1, (*recent, (seen, customer)))

    def exceeded(self, limit: DeadLetterLimit) -> str:
        """Why the worker must not go on, "" when it may."""
        if limit.run and self.run >= limit.run:
            return f"{self.run} in a row"
        if limit.letters and len(self.recent) >= limit.letters:
            return f"{len(self.recent)} of the last {min(self.seen, limit.window)} records"
        return ""


NONE: Final = Failures()


def _within(recent: tuple[tuple[int, int], ...], beyond: int) -> tuple[tuple[int, int], ...]:
    if not recent or recent[0][0] > beyond:
        return recent
    return tuple(one for one in recent if one[0] > beyond)
