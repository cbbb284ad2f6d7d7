"""When the customers of one partition must be looked at again: a heap of due times per store, rebuilt at each restore.

It only finds them; what a look comes to is `wake`'s, and does not depend on when it is taken.
"""

from collections.abc import Callable, Iterable, Iterator
from heapq import heapify, heappop, heappush
from typing import Final

_LOOKED_AT: Final = 1_000
"""Entries looked at in one slice at most, whether they still count or not."""
NO_CLOCK: Final = -(2**63)
"""Before a store's first clock nothing is due, not even what lay before the epoch."""


class Due:
    """Customers by when they wake, in microseconds since the epoch.

    An entry is a hint: what counts is when its customer wakes *now*. Each customer that wakes at some time has an entry
    at or before it, so a time that moves on, as it does with every order, costs nothing until the old one has come.
    """

    def __init__(self, *, wake_at: Callable[[bytes], int], clock: Callable[[str], int]) -> None:
        """`wake_at`: of a customer's key, 0 for never. `clock`: of a store, `NO_CLOCK` before its first."""
        self._wake_at = wake_at
        self._clock = clock
        self._heaps: dict[str, list[tuple[int, bytes]]] = {}

    def restore(self, keys: Iterable[bytes]) -> None:
        """Begins anew with these customers."""
        self._heaps = {}
        for key in keys:
            if wake_at := self._wake_at(key):
                self._heaps.setdefault(_store(key), []).append((wake_at, key))
        for heap in self._heaps.values():
            heapify(heap)

    def add(self, key: bytes, wake_at: int) -> None:
        """The customer wakes earlier than before, or at all."""
        heappush(self._heaps.setdefault(_store(key), []), (wake_at, key))

    @property
    def more(self) -> bool:
        """Whether there is an entry whose time has come."""
        return self.oldest is not None

    @property
    def oldest(self) -> int | None:
        """The longest overdue entry's time, None when nothing is due. It may be an entry that no longer counts."""
        return min((heap[0][0] for heap, now in self._by_clock() if heap[0][0] <= now), default=None)

    @property
    def overdue_s(self) -> float:
        """How long the longest overdue entry has waited, in seconds of its store's clock; 0 when nothing is due."""
        return max((now - heap[0][0] for heap, now in self._by_clock() if heap[0][0] <= now), default=0) / 1_000_000

    def keys(self, budget: int) -> Iterator[bytes]:
        """At most `budget` customers whose time has come, each taken off: who wakes again is added again."""
        left = _LOOKED_AT
        for heap, now in self._by_clock():
            while heap and heap[0][0] <= now and budget and left:
                left -= 1
                if (key := self._take(heap, now)) is not None:
                    budget -= 1
                    yield key

    def _take(self, heap: list[tuple[int, bytes]], now: int) -> bytes | None:
        """Takes the first entry off. Its customer, if it is to be looked at now."""
        first = heappop(heap)
        while heap and heap[0] == first:
            heappop(heap)
        key = first[1]
        wake_at = self._wake_at(key)
        if wake_at > now:
            heappush(heap, (wake_at, key))
            return None
        return key if wake_at else None

    def _by_clock(self) -> Iterator[tuple[list[tuple[int, bytes]], int]]:
        return ((heap, self._clock(store)) for store, heap in tuple(self._heaps.items()) if heap)


def _store(key: bytes) -> str:
    return key.partition(b":")[0].decode()
