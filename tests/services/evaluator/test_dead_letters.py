"""Dead letters with a limit: one bad record goes aside, a bad release stops, and nothing is committed past it."""

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from headrace.cli.activation import committed_positions
from headrace.contracts.topics import ACTIONS_GROUP, DEAD_LETTERS, PARTITION_WIDE_KEY
from headrace.runtime.process import FatalError
from headrace.runtime.settings import ServiceSettings
from services.evaluator import agent
from services.evaluator.agent import Customers, Place
from services.evaluator.dead_letter_limit import DeadLetterLimit
from services.evaluator.engine.epoch import Epoch, Live, close
from services.evaluator.engine.membership import Member
from services.evaluator.engine.state import Partition
from services.evaluator.rules_feed import RuleSets, RulesFeed
from tests.services.evaluator.bench import Source
from tests.services.evaluator.service import (
    BEGIN,
    PARTITIONS,
    STORE,
    Evaluator,
    Record,
    activation,
    clock,
    committed_lag,
    customer,
    evaluator,
    publish,
    publish_rules,
    read,
    rules_record,
    until,
)
from tests.services.evaluator.test_agent import ladder

LIMIT = DeadLetterLimit(letters=6, window=20, run=4, per_customer=2)
BAD_RELEASE = "tests.services.evaluator.bad_release"
CUSTOMERS = range(1, 301)


class OnePartition:
    """A partition that is folded, closed and opened anew from what was written, as a worker would."""

    def __init__(self) -> None:
        self.partition = Partition(0)
        self.open()

    def open(self) -> None:
        """As after a restart: what was not closed is gone."""
        place = Place("t.events", "t.", 1, LIMIT)
        fold = Customers(place, RuleSets(), cast("RulesFeed", None)).open(self.partition)
        self.live = Live(self.partition, fold)

    def apply(self, log: list[Record], start: int, end: int) -> None:
        self.live.fold.apply([Source(offset, *log[offset][1:]) for offset in range(start, end)])
        self.partition.applied = end - 1

    def close(self) -> None:
        close(Epoch({0: True}), {0: self.live}, Member(1, "me"))


def bad(number: int) -> Record:
    return 0, f"{STORE}:{number}".encode(), b"{"


records = st.one_of(st.integers(1, 9).map(customer), st.integers(1, 9).map(bad), st.just(clock(BEGIN)[0]))
steps = st.lists(st.tuples(st.integers(1, 8), st.sampled_from(["on", "close", "restart"])), max_size=30)


def stopped_at(log: list[Record], cuts: list[tuple[int, str]]) -> str | None:
    """What ends the worker, None when it comes through; after a stop it starts once more from what was committed."""
    one, at = OnePartition(), 0
    try:
        for size, then in [*cuts, (len(log), "close")]:
            end = min(len(log), at + size)
            if at < end:
                one.apply(log, at, end)
            at = end
            if then != "on":
                one.close()
            if then == "restart":
                one.open()
    except FatalError as error:
        return str(error)
    return None


@hypothesis_settings(max_examples=80)
@given(st.lists(records, max_size=40), steps)
def test_limit__any_chunks_epochs_and_restarts__stops_at_the_same_record(
    log: list[Record], cuts: list[tuple[int, str]]
) -> None:
    assert stopped_at(log, cuts) == stopped_at(log, [(1, "close")] * len(log))


def test_limit__reached__the_open_epoch_can_not_be_closed_and_a_restart_stops_again() -> None:
    log = [customer(1), *(bad(number) for number in range(2, 8))]
    one = OnePartition()
    one.apply(log, 0, 3)
    one.close()
    for _ in range(2):
        one.open()
        with pytest.raises(FatalError, match="4 in a row, the last as undecodable"):
            one.apply(log, 3, len(log))


def test_limit__one_damaged_customer__delays_nobody() -> None:
    log = [bad(1)] * 500 + [customer(2)]
    one = OnePartition()
    one.apply(log, 0, len(log))
    one.close()
    assert one.partition.get(f"{STORE}:2".encode()) is not None


def test_limit__what_concerns_the_whole_partition__counts_neither_way() -> None:
    """Clocks that succeed do not hide that no customer's event does."""
    broken = (0, PARTITION_WIDE_KEY, b"{")
    assert stopped_at([broken] * 500, []) is None
    assert stopped_at([record for n in range(1, 5) for record in (bad(n), clock(BEGIN)[0])], []) is not None


def test_limit__states_that_cannot_be_written__stop_at_the_close(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent, "MAX_RECORD_BYTES", 10)
    one = OnePartition()
    one.apply([customer(number) for number in range(1, 6)], 0, 5)
    with pytest.raises(FatalError, match="the last as oversized"):
        one.close()


def test_limit__a_sweep_that_fails_for_everyone__stops(monkeypatch: pytest.MonkeyPatch) -> None:
    """No record is to blame: nothing is set aside, but the log must not be flooded either."""
    rule_set = ladder(1000)
    one = OnePartition()
    one.apply([customer(number) for number in range(1, 9)], 0, 8)
    one.close()
    sets = RuleSets()
    sets.take(rules_record(rule_set, 1))
    one.live.fold = Customers(Place("t.events", "t.", 1, LIMIT), sets, cast("RulesFeed", None)).open(one.partition)
    one.live.fold.apply([Source(8, *activation(rule_set, 1)[0][1:])])
    monkeypatch.setattr(agent.PartitionCustomers, "_catch_up", _raise)
    with pytest.raises(FatalError, match="the sweep failed, 4 in a row, the last with ZeroDivisionError"):
        one.live.fold.sweep(100)


def _raise(*_: Any) -> int:
    raise ZeroDivisionError


# -- on real Kafka ---------------------------------------------------------------------------------------------------
async def positions(settings: ServiceSettings) -> dict[int, int]:
    """The committed offsets of the evaluator's group."""
    found = await committed_positions(settings)
    return {number: found[number].offset if number in found else 0 for number in range(PARTITIONS)}


async def letters(settings: ServiceSettings) -> list[dict[str, Any]]:
    return [letter for _, letter in await read(settings, DEAD_LETTERS)]


async def ends_by_itself(running: Evaluator) -> dict[str, Any]:
    """The last line of a worker that stops."""
    assert await asyncio.to_thread(running.process.wait, 40) == 3
    return running.log()[-1]


async def caught_up(settings: ServiceSettings) -> bool:
    return await committed_lag(settings) == 0


def test_evaluator__bad_release__stops_again_and_again_then_goes_on_exactly_when_mended(
    topics_created: ServiceSettings, tmp_path: Path
) -> None:
    async def scenario() -> None:
        settings, rule_set = topics_created, ladder(100_000)
        await publish_rules(settings, rule_set, 1)
        await publish(settings, [*activation(rule_set, 1), *clock(BEGIN)])
        await publish(settings, [customer(number) for number in CUSTOMERS])
        for _ in range(2):
            before = await positions(settings)
            async with evaluator(settings, tmp_path, module=BAD_RELEASE) as running:
                end = await ends_by_itself(running)
                assert (end["event"], end["reason"]) == ("process.stopped", "dead_letter_limit")
                unready = [line["reasons"] for line in running.log() if line["event"] == "health.changed"]
                assert "dead_letter_limit" in unready[-1]
            after = await positions(settings)
            assert sum(after.values()) - sum(before.values()) < 50 * PARTITIONS + 6
            assert all(letter["offset"] < after[letter["partition"]] for letter in await letters(settings))
        assert await committed_lag(settings) > 0
        set_aside = {f"{STORE}:{number}" for number in CUSTOMERS}
        async with evaluator(settings, tmp_path):
            await until("all committed", lambda: caught_up(settings))
        grouped = [value["customer"] for _, value in await read(settings, ACTIONS_GROUP)]
        failed = [key.decode() for key, _ in await read(settings, DEAD_LETTERS) if key is not None]
        assert sorted(grouped + failed) == sorted(set_aside), "each event once: applied, or set aside"

    asyncio.run(scenario())


def test_evaluator__bad_release_at_a_low_rate__a_restart_gives_no_new_allowance(
    topics_created: ServiceSettings, tmp_path: Path
) -> None:
    """Failures that were committed one by one still count; the record that was one too many is applied in the end."""

    async def scenario() -> None:
        settings = topics_created
        here = [record for record in map(customer, CUSTOMERS) if record[0] == 0][:6]
        few = {"HEADRACE_DEAD_LETTER_RUN_RECORDS": "6"}
        await publish(settings, here[:5])
        async with evaluator(settings, tmp_path, module=BAD_RELEASE, variables=few):
            await until("all committed", lambda: caught_up(settings))
        async with evaluator(settings, tmp_path, module=BAD_RELEASE, variables=few) as running:
            await publish(settings, here[5:])
            assert (await ends_by_itself(running))["reason"] == "dead_letter_limit"
        assert await positions(settings) == {0: 5, 1: 0, 2: 0}
        assert [letter["offset"] for letter in await letters(settings)] == [0, 1, 2, 3, 4]
        async with evaluator(settings, tmp_path, variables=few):
            await until("all committed", lambda: caught_up(settings))
        assert len(await letters(settings)) == 5

    asyncio.run(scenario())
