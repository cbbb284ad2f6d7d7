"""The evaluator as it is, which says its marks: nothing of it is left out or replaced.

Its last mark is said when the transaction of the last record is committed.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from benchmarks.engine.asked import asked
from benchmarks.engine.gate import LOOK_EVERY_S, Gate, committed, tell_commits
from benchmarks.engine.marks import Marks
from headrace.runtime.process import Running, run_service
from services.evaluator import bootstrap
from services.evaluator.engine.fold import Fold, PartitionFold, PartitionView, SourceRecord
from services.evaluator.engine.worker import run_worker
from services.evaluator.settings import EvaluatorSettings


class _Counted:
    """A fold that counts what it is given."""

    def __init__(self, inner: Any, marks: Marks, gate: Gate) -> None:
        self._inner = inner
        self._marks = marks
        self._gate = gate

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class _Partition(_Counted):
    async def prepare(self, records: Sequence[SourceRecord]) -> None:
        if records and self._gate.shut:
            await self._gate.until_open()
        await self._inner.prepare(records)

    def apply(self, records: Sequence[SourceRecord]) -> None:
        self._marks.folding(len(records))
        self._inner.apply(records)


class _Fold(_Counted):
    def open(self, view: PartitionView) -> PartitionFold:
        return _Partition(self._inner.open(view), self._marks, self._gate)


async def main(settings: EvaluatorSettings, running: Running) -> None:
    """The evaluator's own `run`."""
    told = asked()
    marks = Marks(told.events)
    gate = Gate(told.gate, marks)

    async def counted(settings: Any, running: Running, options: Any, fold: Fold, *rest: Any) -> None:
        await run_worker(settings, running, options, _Fold(fold, marks, gate), *rest)

    bootstrap.run_worker = counted  # type: ignore[attr-defined, assignment]  # where the fold passes by, whatever it is made of
    telling = asyncio.ensure_future(tell_commits(marks) if told.gate else _tell_the_end(marks, told.events))
    try:
        await bootstrap.run(settings, running)
    finally:
        telling.cancel()


async def _tell_the_end(marks: Marks, events: int) -> None:
    while committed() < events:
        await asyncio.sleep(LOOK_EVERY_S)
    marks.say("last", events)


if __name__ == "__main__":
    run_service("bench", EvaluatorSettings, main)
