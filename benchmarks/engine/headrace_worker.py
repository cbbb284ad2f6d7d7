"""The workload in our engine: a worker of `services.evaluator.engine` around this fold, exactly once.

Its last mark is said when the transaction of the last event is committed.
"""

import asyncio
from collections.abc import Sequence

from benchmarks.engine.asked import asked
from benchmarks.engine.gate import LOOK_EVERY_S, Gate, committed, tell_commits
from benchmarks.engine.marks import Marks
from benchmarks.engine.workload import PARTITIONS, State, decode_order, decode_state, encode_state, fold
from headrace.runtime.process import Running, run_service
from headrace.runtime.settings import ServiceSettings
from services.evaluator.engine.fold import Folded, Output, PartitionFold, PartitionView, SourceRecord, Stored, Swept
from services.evaluator.engine.worker import WorkerOptions, run_worker

TABLE = "counts"


class LongPartition:
    """The customers of one partition: decoded once in an epoch, encoded at its close."""

    def __init__(self, view: PartitionView, run: "Long") -> None:
        self._view = view
        self._run = run
        self._states: dict[bytes, State] = {}
        self._offsets: dict[bytes, int] = {}
        self._outputs: list[Output] = []

    async def prepare(self, records: Sequence[SourceRecord]) -> None:
        """Waits for the gate, where there is one."""
        if records and self._run.gate.shut:
            await self._run.gate.until_open()

    def apply(self, records: Sequence[SourceRecord]) -> None:
        self._run.marks.folding(len(records))
        states, offsets = self._states, self._offsets
        for record in records:
            key, value = record.key, record.value
            assert key is not None
            assert value is not None
            state = states.get(key)
            if state is None:
                stored = self._view.get(key)
                state = states[key] = State() if stored is None else decode_state(stored.body)
            order = decode_order(value)
            fold(state, order)
            offsets[key] = record.offset
            if order.t:
                self._outputs.append(Output(self._run.output, self._view.number, key, b"%d" % order.t))
        if self._run.marks.complete:
            self._run.folded.set()

    def sweep(self, budget: int) -> Swept:
        return Swept(0, more=False)

    def close(self) -> Folded:
        changes = {key: Stored(self._offsets[key], encode_state(state)) for key, state in self._states.items()}
        outputs = self._outputs
        self._states, self._offsets, self._outputs = {}, {}, []
        return Folded(changes, outputs)


class Long:
    """Opens the customers of a partition; `folded` when all that was asked for is."""

    def __init__(self, marks: Marks, output: str, gate: str) -> None:
        self.marks = marks
        self.output = output
        self.folded = asyncio.Event()
        self.gate = Gate(gate, marks)

    def open(self, view: PartitionView) -> PartitionFold:
        return LongPartition(view, self)


async def main(settings: ServiceSettings, running: Running) -> None:
    """Folds until it is told to stop."""
    told = asked()
    run = Long(Marks(told.events), told.output, told.gate)
    options = WorkerOptions(
        group=told.group,
        table=TABLE,
        source=told.topic,
        partitions=PARTITIONS,
        transactional_id=f"{told.group}-{settings.worker_id}",
    )
    telling = asyncio.ensure_future(tell_commits(run.marks) if told.gate else _tell_the_end(run, told.events))
    try:
        await run_worker(settings, running, options, run)
    finally:
        telling.cancel()


async def _tell_the_end(run: Long, events: int) -> None:
    await run.folded.wait()
    while committed() < events:
        await asyncio.sleep(LOOK_EVERY_S)
    run.marks.say("last", events)


if __name__ == "__main__":
    run_service("bench", ServiceSettings, main)
