"""Cures in which Kafka has no part: each scenario goes well with its cure, and ends in the fault without it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from services.evaluator.engine.batches import Chunk
from services.evaluator.engine.cures import Cure
from services.evaluator.engine.fold import Output, PartitionFold, PartitionView, SourceRecord, Stored, Swept
from services.evaluator.engine.membership import Member
from services.evaluator.engine.state import Partition, encode_record
from tests.services.evaluator.engine.counting import CountingPartition
from tests.services.evaluator.engine.stand_ins import KEY
from tests.services.evaluator.engine.world import WELL, Kafka, World, aborts_first

Scenario = Callable[[], Awaitable[str]]


class Letters(CountingPartition):
    """Records of the key `bad` become dead letters and leave no state; those of `worse` raise."""

    def apply(self, records: Sequence[SourceRecord]) -> None:
        for record in records:
            if record.key == b"worse":
                raise RuntimeError("a fault of the fold")
            if record.key == b"bad":
                self._written.append(Output("letters", 0, record.key, str(record.offset).encode()))
            else:
                super().apply([record])


class LettersFold:
    def open(self, view: PartitionView) -> PartitionFold:
        return Letters(view, "outputs")


class Sweeping(CountingPartition):
    """A sweep visits one key."""

    def sweep(self, budget: int) -> Swept:
        self._changed[KEY] = Stored(self._view.applied, b'{"n": 3, "sum": 3}')
        return Swept(1, more=False)


class SweepingFold:
    def open(self, view: PartitionView) -> PartitionFold:
        return Sweeping(view, "outputs")


async def delivered_twice() -> str:
    world = World(*[KEY] * 4)
    await world.engine.restore([0])
    first = world.consumer.fetch(3)
    await world.take(first)
    await world.take(first and Chunk([*first.records[1:], *world.consumer.records[3:]], first.era))
    await world.engine.quiesce()
    return world.verdict()


async def fold_raises() -> str:
    """The process must end, with nothing committed past the record; else it reads the record again for ever."""
    world = World(KEY, b"worse", KEY, fold=LettersFold())
    await world.engine.restore([0])
    await world.take_all()
    await world.engine.quiesce()
    if any(batch.positions[0] > 1 for batch in world.kafka.committed):
        return "records skipped"
    return WELL if [error.reason for error in world.failures] == ["fold_failed"] else "stuck, and nobody is told"


async def aborted_with_nothing_committed() -> str:
    """All was fetched; whoever is not sought back is at the end of the log for ever."""
    world = World(kafka=aborts_first())
    await world.engine.restore([0])
    await world.take_all(6)
    await world.settle(lambda: world.kafka.answers == [] and world.health.ready)
    await world.take_all(6)
    await world.engine.quiesce()
    return world.verdict()


async def aborted_in_the_middle() -> str:
    world = World(kafka=aborts_first())
    await world.engine.restore([0])
    await world.take(world.consumer.fetch(3))
    await world.settle(lambda: world.kafka.answers == [] and world.health.ready)
    await world.take_all()
    await world.engine.quiesce()
    return world.verdict()


async def restarted_behind_a_dead_letter() -> str:
    world = World(KEY, b"bad", fold=LettersFold())
    for _ in range(2):
        await world.engine.restore([0])
        await world.take_all()
        await world.engine.quiesce()
        world.engine = world.worker()
    letters = [output for output in world.kafka.outputs if output.topic == "letters"]
    return WELL if len(letters) == 1 else "dead letters repeated"


async def chunks_of_before_the_rewind() -> str:
    """Two copies of one old chunk wait in Faust's buffers: the second must not prove a hole."""
    world = World()
    await world.engine.restore([0])
    world.consumer.at = 3
    old = world.consumer.fetch(3)
    world.consumer.rewind(0, 0)
    await world.take(old)
    await world.take(old)
    await world.take_all()
    await world.engine.quiesce()
    return world.verdict()


async def a_chunk_is_dropped() -> str:
    world = World()
    await world.engine.restore([0])
    await world.take(world.consumer.fetch(2))
    world.consumer.fetch(2)
    await world.take_all(2)
    await world.engine.quiesce()
    return world.verdict()


async def restore_overtaken_by_a_rebalance() -> str:
    gate = asyncio.Event()
    world = World(kafka=Kafka(gate=gate))
    first = asyncio.ensure_future(world.engine.restore([0, 1]))
    await asyncio.sleep(0)
    await world.engine.quiesce()
    await world.engine.restore([1])
    gate.set()
    await first
    return WELL if world.engine.partitions == (1,) else "folds what is not its own"


async def rebalance_with_an_epoch_that_is_not_committed() -> str:
    world = World(kafka=aborts_first())
    await world.engine.restore([0])
    await world.take(world.consumer.fetch(3))
    await world.engine.quiesce()
    world.member = Member(2, "me")
    world.kafka.generation = 2
    await world.engine.restore([0])
    await world.take_all()
    await world.engine.quiesce()
    return world.verdict()


async def another_owner_in_between() -> str:
    """We have three of the records, the other the next three, and then we the rest."""
    world = World(*[KEY] * 9)
    await world.engine.restore([0])
    await world.take(world.consumer.fetch(3))
    await world.engine.quiesce()
    mine, other = world.engine, world.worker()
    world.engine, world.member, world.kafka.generation = other, Member(2, "other"), 2
    await other.restore([0])
    await world.take(world.consumer.fetch(3))
    await other.quiesce()
    world.engine, world.member, world.kafka.generation = mine, Member(3, "me"), 3
    await mine.restore([0])
    await world.take_all()
    await mine.quiesce()
    return world.verdict()


async def rebalance_begins() -> str:
    world = World()
    await world.engine.restore([0])
    was_ready = world.health.ready
    await world.engine.quiesce()
    return WELL if was_ready and not world.health.ready else "ready without state"


async def pending_while_the_group_moves_on() -> str:
    """The other did the same records already; we know of the new generation, but not what it brought."""
    world = World(*[KEY] * 3)
    mine, other = world.engine, world.worker()
    await mine.restore([0])
    await world.take(world.consumer.fetch(3))
    world.engine, world.member, world.kafka.generation = other, Member(2, "other"), 2
    await other.restore([0])
    await world.take_all()
    await other.quiesce()
    world.engine, world.member = mine, Member(2, "me")
    await mine.quiesce()
    return world.verdict()


async def zombie_sweeps() -> str:
    """A sweep moves no position; the group must be asked all the same."""
    world = World(*[KEY] * 3, fold=SweepingFold())
    await world.engine.restore([0])
    await world.take(world.consumer.fetch(3))
    await world.engine.quiesce()
    world.member = Member(2, "me")
    world.kafka.generation = 2
    await world.engine.restore([0])
    world.kafka.generation = 3
    sweeping = asyncio.ensure_future(world.engine.sweep())
    await asyncio.sleep(0.01)
    sweeping.cancel()
    await world.engine.quiesce()
    return WELL if len(world.kafka.committed) == 1 else "a zombie's sweep is committed"


async def stale_record_behind_a_newer() -> str:
    partition = Partition(0)
    partition.restore(KEY, encode_record(9, b"new"))
    partition.restore(KEY, encode_record(3, b"stale"))
    return WELL if partition.get(KEY) == Stored(9, b"new") else "stale state"


async def ends_with_an_epoch_pending() -> str:
    world = World(epoch_s=60)
    await world.engine.restore([0])
    await world.take_all()
    await world.engine.quiesce()
    return WELL if [batch.positions for batch in world.kafka.committed] == [{0: 6}] else "what was done is thrown away"


SCENARIOS: dict[Cure, tuple[Scenario, str]] = {
    "mark_skip": (delivered_twice, "counted twice"),
    "fold_error_stops": (fold_raises, "stuck, and nobody is told"),
    "abort_discards": (aborted_in_the_middle, "outputs lost"),
    "partition_marker": (restarted_behind_a_dead_letter, "dead letters repeated"),
    "seek_without_commit": (aborted_with_nothing_committed, "records lost"),
    "era": (chunks_of_before_the_rewind, "records lost"),
    "contiguity": (a_chunk_is_dropped, "records lost"),
    "interrupted_restore": (restore_overtaken_by_a_rebalance, "folds what is not its own"),
    "keep_if_committed": (rebalance_with_an_epoch_that_is_not_committed, "outputs lost"),
    "revoked_state": (another_owner_in_between, "outputs repeated"),
    "ready_when_restored": (rebalance_begins, "ready without state"),
    "old_generation": (pending_while_the_group_moves_on, "outputs repeated"),
    "fence_every_epoch": (zombie_sweeps, "a zombie's sweep is committed"),
    "largest_mark_wins": (stale_record_behind_a_newer, "stale state"),
    "revoke_commits": (ends_with_an_epoch_pending, "what was done is thrown away"),
}


@pytest.mark.parametrize("cure", SCENARIOS)
async def test_cure__in_place__all_is_well(cure: Cure) -> None:
    scenario, _ = SCENARIOS[cure]
    assert await scenario() == WELL


@pytest.mark.parametrize("cure", SCENARIOS)
async def test_cure__taken_out__ends_in_its_fault(cure: Cure, without: Callable[[str], None]) -> None:
    scenario, fault = SCENARIOS[cure]
    without(cure)
    assert await scenario() == fault
