"""The workload in our engine: a worker of `services.evaluator.engine` around this fold, exactly once.

Its last mark is said when the transaction of the last event is committed.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from benchmarks.engine.asked import asked
from benchmarks.engine.marks import Marks
from benchmarks.engine.workload import PARTITIONS, State, decode_order, decode_state, encode_state, fold
from headrace.runtime.metrics import counter
from headrace.runtime.process import Running, run_service
from headrace.runtime.settings import ServiceSettings
from services.evaluator.engine.fold import Folded, PartitionFold, PartitionView, SourceRecord, Stored, Swept
from services.evaluator.engine.worker import WorkerOptions, run_worker

TABLE = "counts"
_COMMITTED: Final = "headrace_evaluator_events_total"
_LOOK_EVERY_S: Final = 0.001


class LongPartition:
    """The customers of one partition: decoded once in an epoch, encoded at its close."""

    def __init__(self, view: PartitionView, marks: Marks, folded: asyncio.Event) -> None:
        self._view = view
        self._marks = marks
        self._folded = folded
        self._states: dict[bytes, State] = {}
        self._offsets: dict[bytes, int] = {}

    async def prepare(self, records: Sequence[SourceRecord]) -> None:
        """Nothing is waited for."""

    def apply(self, records: Sequence[SourceRecord]) -> None:
        self._marks.folding(len(records))
        states, offsets = self._states, self._offsets
        for record in records:
            key, value = record.key, record.value
            assert key is not None
            assert value is not None
            state = states.get(key)
            if state is None:
                stored = self._view.get(key)
                state = states[key] = State() if stored is None else decode_state(stored.body)
            fold(state, decode_order(value))
            offsets[key] = record.offset
        if self._marks.complete:
            self._folded.set()

    def sweep(self, budget: int) -> Swept:
        return Swept(0, more=False)

    def close(self) -> Folded:
        changes = {key: Stored(self._offsets[key], encode_state(state)) for key, state in self._states.items()}
        self._states, self._offsets = {}, {}
        return Folded(changes)


class Long:
    """Opens the customers of a partition."""

    def __init__(self, marks: Marks, folded: asyncio.Event) -> None:
        self._marks = marks
        self._folded = folded

    def open(self, view: PartitionView) -> PartitionFold:
        return LongPartition(view, self._marks, self._folded)


async def main(settings: ServiceSettings, running: Running) -> None:
    """Folds until it is told to stop."""
    told = asked()
    marks, folded = Marks(told.events), asyncio.Event()
    options = WorkerOptions(
        group=told.group, table=TABLE, source=told.topic, partitions=PARTITIONS, transactional_id=told.group
    )
    telling = asyncio.ensure_future(_tell_the_end(marks, folded))
    try:
        await run_worker(settings, running, options, Long(marks, folded))
    finally:
        telling.cancel()


async def _tell_the_end(marks: Marks, folded: asyncio.Event) -> None:
    await folded.wait()
    while counter(_COMMITTED)._value.get() < marks.seen:
        await asyncio.sleep(_LOOK_EVERY_S)
    marks.say("last")


if __name__ == "__main__":
    run_service("bench", ServiceSettings, main)
