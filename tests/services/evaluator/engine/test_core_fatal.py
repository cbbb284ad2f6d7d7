"""A fold that cannot go on: whatever it was at, nothing of the open epoch is written any more."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from headrace.runtime.health import Health
from headrace.runtime.process import FatalError
from services.evaluator.engine.batches import Chunk
from services.evaluator.engine.core import Engine, Options
from services.evaluator.engine.epoch import Batch
from services.evaluator.engine.fold import Folded, PartitionView, SourceRecord, Swept
from services.evaluator.engine.membership import Member
from services.evaluator.engine.producer import Aborted, Written
from tests.services.evaluator.engine.counting import CountingPartition
from tests.services.evaluator.engine.stand_ins import Log, Positions, Record
from tests.services.evaluator.engine.test_core import Rig


class Failing(CountingPartition):
    """Counts, until it meets the record of offset 2 there where it is asked to fail."""

    def __init__(self, view: PartitionView, where: str, error: Exception) -> None:
        super().__init__(view, "outputs")
        self._where = where
        self._error = error
        self._met = False

    def apply(self, records: Sequence[SourceRecord]) -> None:
        for record in records:
            self._met = self._met or record.offset == 2
            self._fail("apply")
            super().apply([record])

    def sweep(self, budget: int) -> Swept:
        self._fail("sweep")
        return Swept(0, more=False)

    def close(self) -> Folded:
        self._fail("close")
        return super().close()

    def _fail(self, where: str) -> None:
        if self._met and where == self._where:
            raise self._error


@dataclass
class Failures:
    """The fold, and what it ends with."""

    where: str
    error: Exception
    failures: list[FatalError] = field(default_factory=list)

    def open(self, view: PartitionView) -> Failing:
        return Failing(view, self.where, self.error)


@pytest.mark.parametrize("where", ["apply", "sweep", "close"])
@pytest.mark.parametrize("error", [FatalError("dead_letter_limit"), ZeroDivisionError()])
async def test_engine__fold_fails__what_came_before_stays_and_nothing_else_is_written(
    where: str, error: Exception
) -> None:
    """Also not at the end, when what is pending would be committed."""
    fold, log, positions = Failures(where, error), Log(), Positions()
    engine = Engine(
        fold=fold,
        writer=log,
        reader=log,
        positions=lambda: positions,
        member=lambda: Member(1, "me"),
        health=Health(),
        fail=fold.failures.append,
        options=Options(epoch_s=0.001),
    )
    tasks = [asyncio.ensure_future(engine.run()), asyncio.ensure_future(engine.sweep())]
    await engine.restore([0])
    await engine.take(0, Chunk([Record(0)], positions.era(0)))
    async with asyncio.timeout(5):
        while not log.committed:
            await asyncio.sleep(0.001)
    await engine.take(0, Chunk([Record(1), Record(2), Record(3)], positions.era(0)))
    ended: list[BaseException] = list(fold.failures)
    if where != "apply":
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED, timeout=5)
        ended += [failed for task in done if (failed := task.exception()) is not None]
    await engine.take(0, Chunk([Record(4)], positions.era(0)))
    await engine.quiesce()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert len(ended) == 1, "the worker ends by it (`worker.py`)"
    positions_committed = [batch.positions[0] for batch in log.committed]
    # A sweep may fail after the records before it were committed, which are not to blame.
    assert positions_committed in ([[1], [1, 4]] if where == "sweep" else [[1]])


class Refuses(Log):
    """Its first batch can never be taken."""

    async def write(self, batch: Batch) -> Written | Aborted:
        if self.begun:
            return await super().write(batch)
        self.begun += 1
        assert self.hold is not None
        await self.hold.wait()
        raise FatalError("record_refused")


async def test_quiesce__the_epoch_under_way_can_never_be_written__nor_is_what_was_folded_upon_it() -> None:
    """A rebalance or SIGTERM that comes while the last transaction fails."""
    log = Refuses(hold=asyncio.Event())
    rig = Rig(log)
    task = asyncio.ensure_future(rig.engine.run())
    await rig.engine.restore([0])
    await rig.take(0)
    await rig.until(lambda: log.begun == 1)
    await rig.take(1)
    quiet = asyncio.ensure_future(rig.engine.quiesce())
    await asyncio.sleep(0)
    assert log.hold is not None
    log.hold.set()
    await quiet
    await asyncio.gather(task, return_exceptions=True)
    assert log.committed == []
