"""A great many timers due at one moment: live records are applied between slices, and nobody is forgotten.

The engine and the evaluator's fold are real, Kafka is not here: what it would hold is kept in memory.
"""

import asyncio
import gc
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import timedelta
from typing import Final, cast

import msgspec
import pytest

from headrace.contracts.actions import RuleSetRecord, encode
from headrace.contracts.events import decode_event
from headrace.contracts.topics import PARTITION_WIDE_KEY
from headrace.rules.load import Source as RuleFile
from headrace.rules.load import load_texts, rule_set_hash
from headrace.rules.model import RuleSet, encode_rule_set
from headrace.runtime.health import Health
from headrace.runtime.process import FatalError
from headrace.segmentation.codec import encode_state
from headrace.segmentation.compiled import compile_rules
from headrace.segmentation.decide import Context, decide
from services.evaluator.agent import Customers, Place
from services.evaluator.engine.batches import Chunk
from services.evaluator.engine.core import Engine
from services.evaluator.engine.epoch import Batch
from services.evaluator.engine.fold import PartitionFold, PartitionView, Swept
from services.evaluator.engine.membership import Member
from services.evaluator.engine.producer import Written
from services.evaluator.engine.state import Partition, encode_record
from services.evaluator.marker import Activation, Marker, encode_marker
from services.evaluator.rules_feed import RuleSets, RulesFeed
from tests.services.evaluator.bench import Source
from tests.services.evaluator.service import BEGIN, STORE, Record, clock, customer, order

NUMBER: Final = "9999999"
"""Stands in the template of a customer; numbers have as many digits, so that bytes can be exchanged."""
RULES: Final = """
store: {timezone: Europe/London, currency: GBP}
segments: [{id: lapsed, who: {customer.last_order_at: {older_than: 90 days}}, tags: {mailchimp: Lapsed}}]
"""
IN_ONE_SLICE: Final = 1_000
"""Visits that 5 ms may hold on a machine ten times as fast as today's."""


def rule_set() -> RuleSet:
    result = load_texts([RuleFile("rules.yaml", RULES)])
    assert result.rule_set is not None
    return result.rule_set


def due_at_once(customers: int) -> Partition:
    """A partition as a restore leaves it: each customer's order becomes older than 90 days at the same midnight."""
    rules = compile_rules(rule_set())
    state = None
    for _, _, value in (customer(int(NUMBER)), order(int(NUMBER), 1, 5_000)):
        context = Context(1, 1, BEGIN, 1)
        state = decide(state, decode_event(value), rules, context).state
    assert state is not None
    assert state.timers
    template = encode_record(1, encode_state(state))
    partition = Partition(0)
    key = f"{STORE}:{NUMBER}".encode()
    for number in range(1_000_000, 1_000_000 + customers):
        mine = str(number).encode()
        partition.update({key.replace(NUMBER.encode(), mine): template.replace(NUMBER.encode(), mine)})
    marker = Marker((Activation(STORE, 1, 0, "a1", BEGIN),), {STORE: BEGIN}).swept(0)
    partition.update({PARTITION_WIDE_KEY: encode_record(1, encode_marker(marker))})
    partition.restored()
    return partition


class Visited:
    """The evaluator's fold, which also counts what its sweeps change."""

    def __init__(self) -> None:
        sets = RuleSets()
        rules = rule_set()
        document = msgspec.Raw(encode_rule_set(rules))
        sets.take(encode(RuleSetRecord(store=STORE, version=1, hash=rule_set_hash(rules), document=document)))
        self._customers = Customers(Place("t.events", "t.", 1), sets, cast("RulesFeed", None))
        self.visits = 0

    def open(self, view: PartitionView) -> PartitionFold:
        fold = self._customers.open(view)
        sweep = fold.sweep

        def counted(budget: int) -> Swept:
            swept = sweep(budget)
            self.visits += swept.changed
            return swept

        fold.sweep = counted  # type: ignore[method-assign]  # a spy
        return fold


class Rig:
    """An engine whose log is memory."""

    def __init__(self, partition: Partition) -> None:
        self.partition = partition
        self.fold = Visited()
        self.told = 0
        self.failures: list[FatalError] = []
        self.engine = Engine(
            fold=self.fold,
            writer=self,
            reader=self,
            positions=lambda: self,
            member=lambda: Member(1, "me"),
            health=Health(),
            fail=self.failures.append,
        )

    async def start(self, kept: Collection[int] = ()) -> None:
        """Of the writer."""

    async def write(self, batch: Batch) -> Written:
        self.told += len(batch.outputs)
        await asyncio.sleep(0.005)
        return Written(0.005)

    async def restore(self, numbers: Iterable[int], wanted: Callable[[], bool]) -> dict[int, Partition] | None:
        return {0: self.partition}

    def rewind(self, partition: int, offset: int) -> None:
        """Of the consumer."""

    def era(self, partition: int) -> int:
        return 0

    async def take(self, record: Record) -> None:
        _, key, value = record
        await self.engine.take(0, Chunk([Source(self.partition.applied + 1, key, value)], 0))


@pytest.fixture(autouse=True)
def collector_as_in_the_worker() -> Iterator[None]:
    before = gc.get_threshold()
    gc.set_threshold(100_000, 20, 100)
    yield
    gc.set_threshold(*before)


async def run_storm(rig: Rig, *, live: int, to_the_end: bool) -> list[int]:
    """Makes everything due, sends live records, and gives how many visits there were between each and the next."""
    tasks = [asyncio.ensure_future(rig.engine.run()), asyncio.ensure_future(rig.engine.sweep())]
    between = []
    try:
        await rig.engine.restore([0])
        await rig.take(clock(BEGIN + timedelta(days=365))[0])
        for number in range(live):
            before = rig.fold.visits
            await asyncio.sleep(0)  # where a poll of the consumer would be
            await rig.take(order(number, number, 5_000, day=364))
            between.append(rig.fold.visits - before)
        while to_the_end and rig.fold.visits < len(rig.partition.records) - 1 - live:
            await asyncio.sleep(0.05)
        return between
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def test_sweep__many_timers_due_at_once__live_records_wait_for_one_slice_only() -> None:
    customers, live = 200_000, 200
    rig = Rig(due_at_once(customers))
    between = asyncio.run(run_storm(rig, live=live, to_the_end=False))
    assert rig.failures == []
    assert max(between) <= 2 * IN_ONE_SLICE
    assert 0 < rig.fold.visits < customers / 2, "the records were through long before the timers"


@pytest.mark.slow
def test_sweep__a_million_timers_due_at_once__all_are_visited_while_records_pass() -> None:
    customers, live = 1_000_000, 2_000
    rig = Rig(due_at_once(customers))
    between = asyncio.run(run_storm(rig, live=live, to_the_end=True))
    assert rig.failures == []
    assert max(between) <= 2 * IN_ONE_SLICE
    assert rig.fold.visits == customers
    assert rig.told >= customers
