"""What the engine tells of itself in numbers: once a chunk, an epoch or a look, never once a record.

Which numbers there are, and what they mean, is in the catalogue; lag and halts are looked after by `watch.py`.
"""

from collections.abc import Collection
from typing import Literal, NamedTuple

from headrace.contracts.topics import PARTITION_WIDE_KEY
from headrace.runtime.metrics import counter, forget, gauge, histogram
from services.evaluator.engine.epoch import Batch, Live
from services.evaluator.engine.producer import Aborted, Written


class Standing(NamedTuple):
    """How a partition stands: the next source offset to be committed, and how much state it has in memory."""

    committed: int
    keys: int
    pages: int


def standing_of(live: Live) -> Standing:
    """Of a partition that is ours and restored."""
    partition = live.partition
    others = partition.page_count + (PARTITION_WIDE_KEY in partition.records)
    return Standing(live.committed, len(partition.records) - others, partition.page_count)


class Meters:
    """Sets the metrics of one engine. What is said of a partition is taken back when it goes to another worker."""

    def __init__(self) -> None:
        self._ours: frozenset[int] = frozenset()

    def assigned(self, numbers: Collection[int]) -> None:
        """These partitions are ours now, and no others."""
        for gone in self._ours.difference(numbers):
            forget(partition=str(gone))
        self._ours = frozenset(numbers)

    def folded(self, records: int) -> None:
        """A chunk was folded."""
        histogram("headrace_evaluator_chunk_records").observe(records)

    def hole(self, result: Literal["rewound", "accepted"]) -> None:
        """A chunk left a hole before it."""
        counter("headrace_evaluator_holes_total", result=result).inc()

    def committed(self, batch: Batch, written: Written) -> None:
        """An epoch was committed."""
        counter("headrace_evaluator_epochs_total", result="committed").inc()
        counter("headrace_evaluator_events_total").inc(batch.records)
        histogram("headrace_evaluator_epoch_seconds").observe(written.seconds)
        for number, position in batch.positions.items():
            gauge("headrace_evaluator_applied_offset", partition=str(number)).set(position - 1)

    def aborted(self, aborted: Aborted) -> None:
        """An epoch was rolled back, or refused because the group has moved on without us."""
        counter("headrace_evaluator_epochs_total", result="refused" if aborted.fenced else "aborted").inc()
