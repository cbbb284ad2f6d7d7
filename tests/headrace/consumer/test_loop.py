"""The loop around a sink of one's own, on real Kafka: what any consumer written with the SDK gets."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from sqlalchemy import Connection

from headrace.consumer import Arrival, Consumer, Finished, Limits, Result, Target, Task, TryAgain, dispatch, guard, loop
from headrace.consumer.database import open_database
from headrace.consumer.guard import Bounds
from headrace.consumer.kind import APPLIED, OutcomeKind
from headrace.consumer.ledger import migrate_ledger
from headrace.contracts import topics
from headrace.contracts.actions import Cause, DesiredGroup
from headrace.runtime.health import STARTING
from headrace.runtime.kafka import make_producer
from headrace.runtime.process import Running
from headrace.runtime.retry import RetryPolicy
from headrace.runtime.settings import ServiceSettings
from tests.services.consumer_harness import STORE, Bench, bench_of, eventually, in_process

GROUP = "consumer.list"


class ListSink:
    """Writes values into a dict; some customers are trouble."""

    name = "list"
    group = GROUP
    outcome: tuple[OutcomeKind, str] = ("group", "list")
    decoders: Mapping[str, Callable[[bytes], Any]] = {topics.ACTIONS_GROUP: msgspec.json.Decoder(DesiredGroup).decode}
    limits = Limits(batch=10, concurrency=3, linger_s=0.02)
    reads_back = False

    def __init__(self) -> None:
        self.held: dict[str, str] = {}
        self.calls: list[list[str]] = []
        self.suffix = ""
        self.consumer: Consumer | None = None

    def prepare(self, connection: Connection, arrivals: Sequence[Arrival]) -> Sequence[Target | Finished]:
        for one in arrivals:
            if one.desired.value == "poison":
                raise ValueError(one.desired.customer)
        return [Target(one.desired.version, one.desired.value + self.suffix) for one in arrivals]

    async def read_back(self, customers: Sequence[str]) -> Mapping[str, str]:
        raise NotImplementedError

    async def perform(self, tasks: Sequence[Task]) -> Mapping[str, Result]:
        self.calls.append([task.customer for task in tasks])
        for task in tasks:
            if task.target.value == "crash":
                raise ZeroDivisionError
            if task.target.value == "fail":
                raise TryAgain("always")
        self.held |= {task.customer: task.target.value for task in tasks}
        return {task.customer: APPLIED for task in tasks}


@pytest.fixture
async def bench(topics_created: ServiceSettings) -> AsyncIterator[Bench]:
    async with bench_of(topics_created) as one:
        yield one


@asynccontextmanager
async def consuming(bench: Bench, sink: ListSink, folder: Path, bounds: Bounds | None = None) -> AsyncIterator[Running]:
    async def main(running: Running) -> None:
        database = open_database(f"sqlite:///{folder / 'ledger.db'}")
        migrate_ledger(database)
        producer = make_producer(bench.settings)
        await producer.start()
        try:
            running.health.clear(STARTING)
            sink.consumer = Consumer(
                sink, settings=bench.settings, database=database, producer=producer, running=running, bounds=bounds
            )
            await sink.consumer.run()
        finally:
            await producer.stop()
            await database.close()

    async with in_process(main) as running:
        yield running


async def test_loop__many_versions__only_the_newest_is_held_and_all_is_committed(bench: Bench, tmp_path: Path) -> None:
    sink = ListSink()
    customers = [f"{STORE}:{number}" for number in range(50)]
    for value in ("one", "two", "three"):
        await bench.publish(*(bench.group(customer, value) for customer in customers))
    async with consuming(bench, sink, tmp_path):
        await bench.settled(GROUP, topics.ACTIONS_GROUP)
    assert sink.held == dict.fromkeys(customers, "three")
    assert len(sink.calls) < 15  # waiting versions were coalesced
    assert len(await bench.outcomes()) == 150


async def test_loop__read_again__what_is_wanted_now_is_done_and_the_rest_costs_nothing(
    bench: Bench, tmp_path: Path
) -> None:
    sink = ListSink()
    customers = [f"{STORE}:{number}" for number in range(20)]
    await bench.publish(*(bench.group(customer, "one") for customer in customers))
    async with consuming(bench, sink, tmp_path):
        await bench.settled(GROUP, topics.ACTIONS_GROUP)
        assert sink.consumer is not None
        ours = sink.consumer.partitions
        sink.suffix = "!"
        assert await sink.consumer.read_again(ours | {99}) == ours
        await bench.settled(GROUP, topics.ACTIONS_GROUP)
        assert sink.held == dict.fromkeys(customers, "one!")
        calls = len(sink.calls)
        assert await sink.consumer.read_again(ours) == ours
        await bench.settled(GROUP, topics.ACTIONS_GROUP)
    assert len(sink.calls) == calls
    results = [one["result"] for one in await bench.outcomes()]
    assert (results.count("applied"), results.count("unchanged")) == (40, 20)


async def test_loop__a_crash_of_the_sink__sets_one_record_aside(bench: Bench, tmp_path: Path) -> None:
    sink = ListSink()
    await bench.publish(*(bench.group(f"{STORE}:{n}", "crash" if n == 3 else "fine") for n in range(12)))
    async with consuming(bench, sink, tmp_path):
        await bench.settled(GROUP, topics.ACTIONS_GROUP)
    assert len(sink.held) == 11
    assert [letter["reason"] for letter in await bench.dead_letters()] == ["consumer_failed"]


async def test_loop__records_nobody_can_prepare_or_read__are_set_aside_alone(bench: Bench, tmp_path: Path) -> None:
    sink = ListSink()
    nested = b'{"x":' + b"[" * 10_000 + b"]" * 10_000 + b"}"
    await bench.publish_raw([(topics.ACTIONS_GROUP, f"{STORE}:deep".encode(), nested)])
    await bench.publish(*(bench.group(f"{STORE}:{n}", "poison" if n == 3 else "fine") for n in range(12)))
    async with consuming(bench, sink, tmp_path):
        await bench.settled(GROUP, topics.ACTIONS_GROUP)
    assert len(sink.held) == 11
    assert {letter["reason"] for letter in await bench.dead_letters()} == {"consumer_failed", "undecodable"}


async def test_loop__a_customer_that_always_fails__is_tried_alone_then_set_aside(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While others succeed; it holds up nobody for good."""
    monkeypatch.setattr(dispatch, "_GIVE_UP_AFTER", 3)
    monkeypatch.setattr(dispatch, "_BACK_OFF", RetryPolicy(first_delay_s=0.01, max_delay_s=0.02, deadline_s=60))
    sink = ListSink()
    bad = f"{STORE}:bad"
    await bench.publish(bench.group(bad, "fail"), *(bench.group(f"{STORE}:{n}", "fine") for n in range(12)))
    async with consuming(bench, sink, tmp_path):
        while not await bench.dead_letters():
            await bench.publish(bench.group(f"{STORE}:other", str(bench.version())))
        await bench.settled(GROUP, topics.ACTIONS_GROUP)
    assert [letter["reason"] for letter in await bench.dead_letters()] == ["vendor_failed"]
    assert [bad] in sink.calls
    assert len(sink.held) == 13


class HalfDown(ListSink):
    """A vendor that answers every read and fails every write until `down` is cleared."""

    reads_back = True
    down = True

    async def read_back(self, customers: Sequence[str]) -> Mapping[str, str]:
        return {customer: self.held.get(customer, "") for customer in customers}

    async def perform(self, tasks: Sequence[Task]) -> Mapping[str, Result]:
        if self.down:
            self.calls.append([task.customer for task in tasks])
            raise TryAgain("half down", unknown=True)
        return await super().perform(tasks)


async def test_loop__vendor_reads_but_does_not_write__nothing_is_given_up(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "_GIVE_UP_AFTER", 3)
    monkeypatch.setattr(dispatch, "_BACK_OFF", RetryPolicy(first_delay_s=0.01, max_delay_s=0.02, deadline_s=60))
    sink = HalfDown()

    async def tried_often() -> bool:
        return len(sink.calls) >= 20

    await bench.publish(bench.group(f"{STORE}:1", "Gold"))
    async with consuming(bench, sink, tmp_path):
        await eventually(tried_often, what="twenty failed writes")
        sink.down = False
        await bench.settled(GROUP, topics.ACTIONS_GROUP)
    assert sink.held == {f"{STORE}:1": "Gold"}
    assert await bench.dead_letters() == []


async def test_loop__too_much_open__reading_pauses_and_goes_on(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "OPEN_LIMIT", 20)
    monkeypatch.setattr(loop, "POLL_RECORDS", 10)
    sink = ListSink()
    await bench.publish(*(bench.group(f"{STORE}:{number}", "x") for number in range(300)))
    async with consuming(bench, sink, tmp_path):
        await bench.settled(GROUP, topics.ACTIONS_GROUP)
    assert len(sink.held) == 300


async def test_loop__restart__finds_everything_done(bench: Bench, tmp_path: Path) -> None:
    first, second = ListSink(), ListSink()
    await bench.publish(*(bench.group(f"{STORE}:{number}", "x") for number in range(20)))
    async with consuming(bench, first, tmp_path):
        await bench.settled(GROUP, topics.ACTIONS_GROUP)
    await bench.publish(*(bench.group(f"{STORE}:{number}", "x") for number in range(20)))
    async with consuming(bench, second, tmp_path):
        await bench.settled(GROUP, topics.ACTIONS_GROUP)
    assert (len(first.held), second.held) == (20, {})


class SharingSink(ListSink):
    """Notes which part of the quota it is told to have."""

    def __init__(self) -> None:
        super().__init__()
        self.part: float | None = None

    def weigh(self, part: float) -> None:
        self.part = part


async def test_loop__replica_comes_and_goes__parts_of_the_quota_are_those_of_the_partitions(
    bench: Bench, tmp_path: Path
) -> None:
    first, second = SharingSink(), SharingSink()

    async def are(one: float, other: float) -> None:
        async def holds() -> bool:
            return (first.part, second.part) in {(one, other), (other, one)}

        await eventually(holds, what=f"{one:.2f} and {other:.2f}")

    async with consuming(bench, first, tmp_path):

        async def has_all() -> bool:
            return first.part == 1.0

        await eventually(has_all, what="the whole")
        async with consuming(bench, second, tmp_path):
            await are(1 / 3, 2 / 3)
        await eventually(has_all, what="the whole again")


async def test_loop__a_rule_moves_far_too_many__the_sink_stands_still_until_a_person_says_go(
    bench: Bench, tmp_path: Path
) -> None:
    def by(rule: str, customer: int) -> DesiredGroup:
        return replace(bench.group(f"{STORE}:{customer}", "Gold"), cause=Cause(event="e", rules=(rule,)))

    sink = ListSink()
    async with consuming(bench, sink, tmp_path, Bounds(share=0.1, least=5)) as running:
        await bench.publish(*(by("rule:few", customer) for customer in range(5)))
        await bench.settled(GROUP, topics.ACTIONS_GROUP)
        await bench.publish(*(by("rule:many", customer) for customer in range(10, 18)))

        async def stands() -> bool:
            return "list: paused: rule:many moved 8 of 5 customers" in running.health.reasons

        await eventually(stands, what="the pause")
        await bench.publish(by("rule:few", 30))
        assert len(sink.held) == 5
        database = open_database(f"sqlite:///{tmp_path / 'ledger.db'}")
        (found,) = await database.read(guard.paused)
        await database.write(lambda connection: guard.resume(connection, found, reason="it is meant", who="ada"))
        await database.close()
        await bench.settled(GROUP, topics.ACTIONS_GROUP)
        assert len(sink.held) == 14
        assert running.health.ready
