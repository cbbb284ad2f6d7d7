"""The dispatcher over a real ledger: what a process does that was taken for dead, and comes back."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from headrace.consumer import Arrival, Finished, Limits, Result, Target, Task
from headrace.consumer.database import Database, open_database
from headrace.consumer.dispatch import Dispatcher
from headrace.consumer.kind import APPLIED, Applied, Kind, Pending, Source
from headrace.consumer.ledger import load_applied, migrate_ledger, store_applied
from headrace.consumer.patience import Store
from headrace.consumer.records import Closed, Records
from headrace.consumer.waiting import Waiting
from headrace.runtime.process import Running

NOBODY = Source("actions.group", 0, 0, None, None, datetime(2026, 1, 1, tzinfo=UTC))
OLD, NEW = (1, 5, 0), (1, 9, 0)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = open_database(database_url)
    migrate_ledger(opened)
    yield opened
    await opened.close()


class Vendor:
    """A sink of one value a customer; `meanwhile` happens while a call is under way."""

    name = "group"
    limits = Limits(batch=10)
    reads_back = True

    def __init__(self, database: Database) -> None:
        self._database = database
        self.held = {"s:1": ""}
        self.calls: list[str] = []
        self.meanwhile: Applied | None = None

    def prepare(self, connection: Any, arrivals: Sequence[Arrival]) -> Sequence[Target | Finished]:
        raise NotImplementedError

    async def read_back(self, customers: Sequence[str]) -> Mapping[str, str]:
        return {customer: self.held[customer] for customer in customers}

    async def perform(self, tasks: Sequence[Task]) -> Mapping[str, Result]:
        self.calls += [task.target.value for task in tasks]
        if self.meanwhile is not None:
            row, self.meanwhile = self.meanwhile, None
            self.held["s:1"] = row.value
            await self._database.write(lambda c: store_applied(c, "group", {"s:1": row}))
        self.held |= {task.customer: task.target.value for task in tasks}
        return {task.customer: APPLIED for task in tasks}


class Outcomes:
    """Stands for the outcomes topic."""

    def __init__(self) -> None:
        self.results: list[str] = []

    async def outcomes(self, closed: Sequence[Closed]) -> None:
        self.results += [result.result for _, _, _, result in closed]


class Bench:
    """One dispatcher with one customer's action of an old version."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.vendor, self.outcomes, self.running = Vendor(database), Outcomes(), Running()
        self.waiting = Waiting(self.vendor.limits, reads_back=True)
        self.done: list[int] = []
        self.dispatcher = Dispatcher(
            cast("Kind", self.vendor),
            self.waiting,
            store=Store(database, self.running),
            records=cast("Records", self.outcomes),
            running=self.running,
            ledger_lock=asyncio.Lock(),
        )
        target = Target(OLD, "Silver", observed="")
        hold = [lambda: self.done.append(1)]
        self.waiting.add(Pending("s:1", target, NOBODY, 0.0, Applied(), fresh=True, holds=hold))

    async def run_until_idle(self) -> None:
        task = asyncio.ensure_future(self.dispatcher.run())
        try:
            async with asyncio.timeout(10):
                while len(self.waiting) or self.waiting.flying or not self.done:
                    await asyncio.sleep(0.005)
        finally:
            task.cancel()
            await self.dispatcher.drain(1)
        assert self.running.cause is None

    async def row(self) -> Applied:
        return (await self.database.read(lambda c: load_applied(c, "group", ["s:1"])))["s:1"]


async def test_perform__overtaken_before_the_call__nothing_is_written(database: Database) -> None:
    bench = Bench(database)
    newer = Applied(NEW, "Gold")
    await database.write(lambda c: store_applied(c, "group", {"s:1": newer}))
    await bench.run_until_idle()
    assert (bench.vendor.calls, bench.outcomes.results) == ([], ["stale"])
    assert await bench.row() == newer


async def test_perform__overtaken_during_the_call__the_newest_is_done_again(database: Database) -> None:
    """We were stopped with a call in hand; the next owner wrote a newer value; then our call arrived."""
    bench = Bench(database)
    bench.vendor.meanwhile = Applied(NEW, "Gold")
    await bench.run_until_idle()
    assert bench.vendor.calls == ["Silver", "Gold"]
    assert bench.vendor.held == {"s:1": "Gold"}
    assert await bench.row() == Applied(NEW, "Gold")


async def test_perform__seen_where_it_is_wanted__read_before_anything_is_written(database: Database) -> None:
    """The merchant has put the customer there by hand since our last write."""
    bench = Bench(database)
    bench.waiting.drop()
    bench.vendor.held["s:1"] = "Gold"
    target = Target(NEW, "Gold", observed="Gold")
    hold = [lambda: bench.done.append(1)]
    bench.waiting.add(Pending("s:1", target, NOBODY, 0.0, Applied(OLD, "Silver"), fresh=True, holds=hold))
    await bench.run_until_idle()
    assert (bench.vendor.calls, bench.outcomes.results) == ([], ["unchanged"])
    assert await bench.row() == Applied(NEW, "Gold")
