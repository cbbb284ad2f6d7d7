"""The counting fold as the engine runs it: lazily, a key is caught up when a record or the sweep comes to it.

What a visit does to a key is in `counting.py`.
"""

import heapq
from collections.abc import Awaitable, Callable, Iterator, Sequence
from itertools import islice
from typing import Final

import msgspec
from msgspec import Struct

from headrace.contracts.topics import PARTITION_WIDE_KEY
from services.evaluator.engine.fold import Folded, Output, PartitionFold, PartitionView, SourceRecord, Stored, Swept
from tests.kill.counting import Visit, decode_count, encode_count, wake_at_of

_LOOKED_AT: Final = 2_000
Pause = Callable[[], Awaitable[None]]


class Marker(Struct, array_like=True):
    """The partition's own record. `activations`: (version, offset, clock before it), those not swept and the last."""

    clock: int = 0
    activations: list[tuple[int, int, int]] = []


class Counting:
    """Opens the counts of a partition. `prefix` begins the names of the outputs' topics."""

    def __init__(self, prefix: str, pause: Pause) -> None:
        self._prefix, self._pause = prefix, pause

    def open(self, view: PartitionView) -> PartitionFold:
        return PartitionCounts(view, self._prefix, self._pause)


class PartitionCounts:
    """The counts of one partition. Keys that begin with "skip" leave no state: only the marker tells of them."""

    def __init__(self, view: PartitionView, prefix: str, pause: Pause) -> None:
        self._view, self._prefix, self._pause = view, prefix, pause
        self._marker = msgspec.msgpack.decode(view.marker, type=Marker) if view.marker else Marker()
        self._marker_changed = False
        self._open: dict[bytes, Visit] = {}
        self._due: list[tuple[int, bytes]] = []
        for key in view.keys():  # noqa: SIM118  # no mapping
            held = view.get(key)
            if held is not None and (at := wake_at_of(held.body)):
                self._due.append((at, key))
        heapq.heapify(self._due)
        self._unvisited: Iterator[bytes] | None = None
        self._sweep_again()

    async def prepare(self, records: Sequence[SourceRecord]) -> None:
        await self._pause()

    def apply(self, records: Sequence[SourceRecord]) -> None:
        for record in records:
            assert record.key is not None
            assert record.value is not None
            if record.key == PARTITION_WIDE_KEY:
                self._apply_to_partition(record.value, record.offset)
            elif not record.key.startswith(b"skip"):
                visit = self._visit(record.key)
                self._catch_up(visit)
                visit.apply(record.value, record.offset, self._marker.clock)
                self._set_alarm(visit)

    def sweep(self, budget: int) -> Swept:
        changed = 0
        while changed < budget and self._due and self._due[0][0] <= self._marker.clock:
            at, key = heapq.heappop(self._due)
            visit = self._visit(key)
            if visit.count is not None and visit.count.wake_at == at:
                self._catch_up(visit)
                self._set_alarm(visit)
                changed += 1
        changed += self._sweep_activations(budget - changed)
        more = self._unvisited is not None or bool(self._due and self._due[0][0] <= self._marker.clock)
        return Swept(changed, more=more)

    def close(self) -> Folded:
        changes: dict[bytes, Stored | None] = {}
        outputs: list[Output] = []
        for key, visit in self._open.items():
            if not visit.changed or visit.count is None:
                continue
            changes[key] = Stored(visit.mark, encode_count(visit.count))
            for name, page in visit.pages.items():
                changes[key + b"#" + name.encode()] = None if page is None else Stored(*page)
            outputs.extend(Output(self._prefix + to, self._view.number, key, value) for to, value in visit.outputs)
        marker = msgspec.msgpack.encode(self._marker) if self._marker_changed else None
        self._open, self._marker_changed = {}, False
        return Folded(changes, outputs, marker, note=f"clock {self._marker.clock}")

    def _apply_to_partition(self, value: bytes, offset: int) -> None:
        kind, number = value.decode().split()
        marker = self._marker
        if kind == "clock":
            marker.clock = max(marker.clock, int(number))
        else:
            marker.activations = [*marker.activations, (int(number), offset, marker.clock)]
            self._sweep_again()
        self._marker_changed = True

    def _visit(self, key: bytes) -> Visit:
        visit = self._open.get(key)
        if visit is None:
            held = self._view.get(key)
            count, mark = (None, -1) if held is None else (decode_count(held.body), held.mark)
            visit = self._open[key] = Visit(
                key, count, mark, read=lambda name: self._read_page(key, name), stored_pages=lambda: self._pages(key)
            )
        return visit

    def _catch_up(self, visit: Visit) -> None:
        """Timers and activations in the order of the log."""
        for version, offset, clock in self._marker.activations:
            if offset > visit.mark and visit.count is not None:
                visit.fire(clock)
                visit.activate(version, offset)
        visit.fire(self._marker.clock)

    def _set_alarm(self, visit: Visit) -> None:
        if visit.count is not None and visit.count.wake_at:
            heapq.heappush(self._due, (visit.count.wake_at, visit.key))

    def _sweep_activations(self, budget: int) -> int:
        if self._unvisited is None or budget <= 0:
            return 0
        last = self._marker.activations[-1]
        looked_at = changed = 0
        for key in islice(self._unvisited, _LOOKED_AT):
            looked_at += 1
            if self._mark(key) < last[1]:
                visit = self._visit(key)
                self._catch_up(visit)
                self._set_alarm(visit)
                changed += 1
                if changed >= budget:
                    return changed
        if looked_at < _LOOKED_AT:
            self._unvisited = None
            self._marker_changed = self._marker_changed or self._marker.activations != [last]
            self._marker.activations = [last]
        return changed

    def _sweep_again(self) -> None:
        if self._marker.activations:
            self._unvisited = iter(tuple(dict.fromkeys((*self._view.keys(), *self._open))))

    def _mark(self, key: bytes) -> int:
        if (visit := self._open.get(key)) is not None:
            return visit.mark
        held = self._view.get(key)
        return -1 if held is None else held.mark

    def _read_page(self, key: bytes, name: str) -> bytes | None:
        held = self._view.get(key + b"#" + name.encode())
        return None if held is None else held.body

    def _pages(self, key: bytes) -> list[str]:
        return [page.partition(b"#")[2].decode() for page in self._view.pages(key)]
