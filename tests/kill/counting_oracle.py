"""The counting fold a second time, eagerly: each clock and each activation reaches every key at once, in log order.

What a visit does to a key is in `counting.py`; when the workers make one is theirs, and must not matter.
"""

from collections.abc import Iterable

from headrace.contracts.topics import PARTITION_WIDE_KEY
from services.evaluator.engine.state import encode_record
from tests.kill.counting import Visit, encode_count
from tests.kill.judge import Expected, LogRecord


class _Partition:
    """All keys of a partition, each in a visit that never ends."""

    def __init__(self) -> None:
        self.clock = 0
        self.visits: dict[bytes, Visit] = {}
        self.pages: dict[bytes, dict[str, tuple[int, bytes]]] = {}

    def apply(self, record: LogRecord) -> None:
        if record.key == PARTITION_WIDE_KEY:
            self._apply_to_all(record)
        elif not record.key.startswith(b"skip"):
            visit = self._visit(record.key)
            visit.apply(record.value or b"", record.offset, self.clock)
            self._keep_pages(visit)

    def _apply_to_all(self, record: LogRecord) -> None:
        kind, number = (record.value or b"").decode().split()
        if kind == "clock":
            self.clock = max(self.clock, int(number))
        for visit in self.visits.values():
            if kind == "clock":
                visit.fire(self.clock)
            else:
                visit.activate(int(number), record.offset)
            self._keep_pages(visit)

    def _visit(self, key: bytes) -> Visit:
        visit = self.visits.get(key)
        if visit is None:
            held = self.pages.setdefault(key, {})
            visit = self.visits[key] = Visit(
                key,
                None,
                -1,
                read=lambda name: held[name][1] if name in held else None,
                stored_pages=lambda: tuple(held),
            )
        return visit

    def _keep_pages(self, visit: Visit) -> None:
        held = self.pages[visit.key]
        for name, page in visit.pages.items():
            if page is None:
                held.pop(name, None)
            else:
                held[name] = page
        visit.pages.clear()


def expect(log: Iterable[LogRecord], prefix: str) -> Expected:
    """What the log must have come to. `log`: each partition's records in offset order."""
    partitions: dict[int, _Partition] = {}
    expected = Expected()
    for record in log:
        partitions.setdefault(record.partition, _Partition()).apply(record)
        expected.events += 1
        expected.ends[record.partition] = record.offset + 1
    for number, partition in partitions.items():
        for key, visit in partition.visits.items():
            assert visit.count is not None
            expected.timers += visit.count.wake_at > 0
            expected.states[number, key] = encode_record(visit.mark, encode_count(visit.count))
            for name, page in partition.pages[key].items():
                expected.states[number, key + b"#" + name.encode()] = encode_record(*page)
            for topic, value in visit.outputs:
                expected.add_output(prefix + topic, number, key, value)
    return expected
