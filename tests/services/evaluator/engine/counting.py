"""A fold that counts, for tests of the engine: count and sum per key, an output at every third event of a key.

Run as a program (`python -m tests.services.evaluator.engine.counting JSON`) it is a worker over this fold.
"""

import asyncio
import json
import sys
from collections.abc import Sequence
from typing import Any

from headrace.runtime.kafka import topic
from headrace.runtime.process import Running, run_service
from headrace.runtime.settings import ServiceSettings
from services.evaluator.engine.core import Options
from services.evaluator.engine.fold import (
    Fold,
    Folded,
    Output,
    PartitionFold,
    PartitionView,
    SourceRecord,
    Stored,
    Swept,
)
from services.evaluator.engine.worker import WorkerOptions, run_worker

OUTPUTS = "outputs"
SOURCE = "events"
HUGE = b"huge"
"""A record of this key leaves no state, but an output of as many bytes as its value says."""


def fold_one(state: dict[str, int] | None, value: bytes) -> dict[str, int]:
    """What the engine's tests compute a second time by themselves."""
    held = state or {"n": 0, "sum": 0}
    return {"n": held["n"] + 1, "sum": held["sum"] + int(value)}


def output_of(number: int, offset: int, key: bytes, state: dict[str, int]) -> bytes | None:
    """One output each third event of a key; its id is where it came from, its version grows with the offset."""
    if state["n"] % 3:
        return None
    stamp = {"id": f"{number}-{offset}", "customer": key.decode(), "version": [1, offset, 0]}
    return json.dumps({**stamp, **state}).encode()


class CountingPartition:
    """The counts of one partition. Keys that begin with "skip" leave no state: only the marker tells they were seen."""

    def __init__(self, view: PartitionView, outputs: str) -> None:
        self._view = view
        self._outputs = outputs
        self._changed: dict[bytes, Stored] = {}
        self._written: list[Output] = []

    async def prepare(self, records: Sequence[SourceRecord]) -> None:
        await asyncio.sleep(0)

    def apply(self, records: Sequence[SourceRecord]) -> None:
        for record in records:
            assert record.key is not None
            assert record.value is not None
            if record.key.startswith(b"skip"):
                continue
            if record.key == HUGE:
                self._written.append(Output(self._outputs, self._view.number, record.key, bytes(int(record.value))))
                continue
            held = self._changed.get(record.key) or self._view.get(record.key)
            state = fold_one(json.loads(held.body) if held else None, record.value)
            self._changed[record.key] = Stored(record.offset, json.dumps(state).encode())
            if value := output_of(self._view.number, record.offset, record.key, state):
                self._written.append(Output(self._outputs, self._view.number, record.key, value))

    def sweep(self, budget: int) -> Swept:
        return Swept(0, more=False)

    def close(self) -> Folded:
        folded = Folded(self._changed, self._written)
        self._changed, self._written = {}, []
        return folded


class Counting:
    """Opens the counts of a partition. `outputs` is a full topic name."""

    def __init__(self, outputs: str) -> None:
        self._outputs = outputs

    def open(self, view: PartitionView) -> PartitionFold:
        return CountingPartition(view, self._outputs)


def worker_options(settings: ServiceSettings, partitions: int, **options: Any) -> WorkerOptions:
    """The options of a worker whose topics all have the settings' prefix."""
    return WorkerOptions(
        group=topic(settings, "evaluator-1"),
        table="state",
        source=topic(settings, SOURCE),
        partitions=partitions,
        transactional_id=topic(settings, f"evaluator-1-{settings.worker_id}"),
        **options,
    )


async def main(settings: ServiceSettings, running: Running) -> None:
    """A worker process for tests that kill it."""
    asked = json.loads(sys.argv[1])
    fold: Fold = Counting(topic(settings, OUTPUTS))
    epoch = Options(epoch_s=asked.pop("epoch_s", 0.05))
    await run_worker(settings, running, worker_options(settings, epoch=epoch, **asked), fold)


if __name__ == "__main__":
    run_service("counting", ServiceSettings, main)
