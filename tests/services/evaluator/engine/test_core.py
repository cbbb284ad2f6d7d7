"""The engine without Kafka: contiguity, eras, aborts, what an epoch writes."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from headrace.contracts.topics import PARTITION_WIDE_KEY
from headrace.runtime.health import Health
from headrace.runtime.process import FatalError
from services.evaluator.engine.batches import Chunk
from services.evaluator.engine.core import Engine, Options
from services.evaluator.engine.membership import Member
from services.evaluator.engine.producer import Aborted
from services.evaluator.engine.state import mark_of
from tests.services.evaluator.engine.counting import Counting
from tests.services.evaluator.engine.stand_ins import Log, Positions, Record


@dataclass
class Rig:
    """An engine over stand-ins, with partition 0."""

    log: Log = field(default_factory=Log)
    positions: Positions = field(default_factory=Positions)
    failures: list[FatalError] = field(default_factory=list)
    health: Health = field(default_factory=Health)
    member: Member = field(default_factory=lambda: Member(1, "me"))

    def __post_init__(self) -> None:
        self.engine = Engine(
            fold=Counting("outputs"),
            writer=self.log,
            reader=self.log,
            positions=lambda: self.positions,
            member=lambda: self.member,
            health=self.health,
            fail=self.failures.append,
            options=Options(epoch_s=0.001),
        )

    async def take(self, *offsets: int, key: bytes = b"a", era: int | None = None) -> None:
        chunk = Chunk([Record(offset, key) for offset in offsets], self.positions.era(0) if era is None else era)
        await self.engine.take(0, chunk)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not condition():
                await asyncio.sleep(0.001)

    @property
    def positions_committed(self) -> list[int]:
        return [batch.positions[0] for batch in self.log.committed]


@asynccontextmanager
async def running(rig: Rig) -> AsyncIterator[Rig]:
    task = asyncio.ensure_future(rig.engine.run())
    await rig.engine.restore([0])
    try:
        yield rig
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert rig.failures == []


async def test_take__records__state_with_mark_and_position_in_one_batch() -> None:
    async with running(Rig()) as rig:
        await rig.take(0, 1, 2)
        await rig.until(lambda: bool(rig.log.committed))
        (batch,) = rig.log.committed
        assert batch.positions == {0: 3}
        assert batch.member == Member(1, "me")
        assert mark_of(batch.changelog[0][b"a"] or b"") == 2
        assert PARTITION_WIDE_KEY not in batch.changelog[0]
        assert len(batch.outputs) == 1


async def test_take__last_record_leaves_no_state__marker_tells_what_was_applied() -> None:
    async with running(Rig()) as rig:
        await rig.take(0)
        await rig.take(1, key=b"skip")
        await rig.until(lambda: rig.positions_committed[-1:] == [2])
        restored = await rig.log.restore([0], lambda: True)
        assert restored is not None
        assert restored[0].applied == 1


async def test_take__delivered_again__skipped_without_outputs() -> None:
    async with running(Rig()) as rig:
        await rig.take(0, 1, 2)
        await rig.take(1, 2, 3)
        await rig.until(lambda: rig.positions_committed[-1:] == [4])
        assert sum(len(batch.outputs) for batch in rig.log.committed) == 1
        assert sum(batch.records for batch in rig.log.committed) == 4


async def test_take__hole__looked_at_once_more_then_accepted() -> None:
    async with running(Rig()) as rig:
        await rig.take(0)
        await rig.take(5)
        assert rig.positions.rewinds == [(0, 0), (0, 1)]
        await rig.take(5)
        await rig.until(lambda: rig.positions_committed[-1:] == [6])


async def test_take__hole_that_was_ours__filled_after_the_rewind() -> None:
    async with running(Rig()) as rig:
        await rig.take(3)
        await rig.take(0, 1, 2, 3)
        await rig.until(lambda: rig.positions_committed[-1:] == [4])
        assert sum(batch.records for batch in rig.log.committed) == 4


async def test_take__log_begins_later__no_hole() -> None:
    async with running(Rig(Log(log_start=7))) as rig:
        await rig.take(7)
        await rig.until(lambda: rig.positions_committed[-1:] == [8])
        assert rig.positions.rewinds == [(0, 7)]


async def test_take__chunk_of_an_old_era__dropped() -> None:
    async with running(Rig()) as rig:
        await rig.take(0, era=0)
        await rig.take(0)
        await rig.until(lambda: bool(rig.log.committed))
        assert sum(batch.records for batch in rig.log.committed) == 1


async def test_run__aborted__memory_discarded_and_read_back() -> None:
    """The records come again after the rewind, and count once."""
    async with running(Rig(Log(answers=[Aborted("why", fenced=False)]))) as rig:
        await rig.take(0, 1, 2)
        await rig.until(lambda: len(rig.positions.rewinds) == 2)
        assert rig.positions.rewinds[-1] == (0, 0)
        await rig.take(0, 1, 2)
        await rig.until(lambda: bool(rig.log.committed))
        assert b'"n": 3' in (rig.log.committed[-1].changelog[0][b"a"] or b"")


async def test_run__fenced__nothing_accepted_until_the_next_restore() -> None:
    async with running(Rig(Log(answers=[Aborted("ILLEGAL_GENERATION", fenced=True)]))) as rig:
        await rig.take(0)
        await rig.until(lambda: not rig.health.ready)
        await rig.take(0)
        assert rig.engine.partitions == ()
        await rig.engine.restore([0])
        await rig.take(0)
        await rig.until(lambda: bool(rig.log.committed))
        assert rig.health.ready


async def test_quiesce__pending_epoch__committed_then_nothing_accepted() -> None:
    rig = Rig()
    await rig.engine.restore([0])
    await rig.take(0)
    await rig.engine.quiesce()
    assert rig.positions_committed == [1]
    await rig.take(1)
    assert rig.engine.partitions == ()
    assert not rig.health.ready


async def test_restore__superseded_meanwhile__left_alone() -> None:
    rig = Rig()
    first = asyncio.ensure_future(rig.engine.restore([0]))
    await asyncio.sleep(0)
    await rig.engine.restore([0, 1])
    await first
    assert rig.engine.partitions == (0, 1)


async def test_run__aborted_and_then_a_rebalance__the_new_partitions_stay() -> None:
    """What begins anew after an abort must not bring back the partitions that were ours before the rebalance."""
    async with running(Rig(Log(answers=[Aborted("why", fenced=False)]))) as rig:
        await rig.take(0)
        await rig.until(lambda: not rig.health.ready)
        await rig.engine.quiesce()
        await rig.engine.restore([1, 2])
        await rig.engine.take(1, Chunk([Record(0)], rig.positions.era(1)))
        await rig.until(lambda: bool(rig.log.committed))  # so the pause after the abort is over
        assert rig.engine.partitions == (1, 2)


async def test_restore__next_generation_after_a_committed_epoch__what_stays_is_not_read_again() -> None:
    async with running(Rig()) as rig:
        await rig.take(0, 1)
        await rig.engine.quiesce()
        rig.member = Member(2, "me")
        await rig.engine.restore([0, 1])
        assert rig.log.restored == [{0}, {1}]
        await rig.take(2)
        await rig.until(lambda: rig.positions_committed == [2, 3])
        assert b'"n": 3' in (rig.log.committed[-1].changelog[0][b"a"] or b"")


@pytest.mark.parametrize("generation", [1, 3, 9])
async def test_restore__a_generation_missed__everything_is_read_again(generation: int) -> None:
    """Somebody else may have owned the partition in between."""
    async with running(Rig()) as rig:
        await rig.take(0, 1)
        await rig.engine.quiesce()
        rig.member = Member(generation, "me")
        await rig.engine.restore([0])
        assert rig.log.restored == [{0}, {0}]


async def test_restore__last_epoch_not_committed__everything_is_read_again() -> None:
    rig = Rig(Log(answers=[Aborted("why", fenced=True)]))
    await rig.engine.restore([0])
    await rig.take(0, 1)
    await rig.engine.quiesce()
    rig.member = Member(2, "me")
    await rig.engine.restore([0])
    assert rig.log.restored == [{0}, {0}]


async def test_quiesce__an_epoch_is_aborted_meanwhile__what_was_folded_upon_it_is_not_written() -> None:
    log = Log(answers=[Aborted("why", fenced=True)], hold=asyncio.Event())
    async with running(Rig(log)) as rig:
        await rig.take(0)
        await rig.until(lambda: log.begun == 1)
        await rig.take(1)
        quiet = asyncio.ensure_future(rig.engine.quiesce())
        await asyncio.sleep(0)
        assert log.hold is not None
        log.hold.set()
        await quiet
        assert rig.log.committed == []
        rig.member = Member(2, "me")
        await rig.engine.restore([0])
        assert rig.log.restored == [{0}, {0}]
