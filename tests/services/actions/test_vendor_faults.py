"""Faults of the vendor (F10-F13 of the fault matrix) for the consumers that write to the store.

After each: the newest value is there, no customer went back on the way, and only what was lost was done twice.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import pytest

from headrace.consumer import dispatch
from headrace.platforms import breaker
from headrace.runtime.metrics import exposition
from headrace.runtime.process import Running
from headrace.runtime.retry import RetryPolicy
from headrace.simulators.faults import Fault
from tests.services.actions.sinks import ATTRIBUTES, GROUPS, Seen, Sink
from tests.services.consumer_harness import Bench, eventually, ready
from tests.services.odd_line import Oddity, odd_line

CALL_S = 0.4
"""What one call may take here."""


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "_BACK_OFF", RetryPolicy(first_delay_s=0.02, max_delay_s=0.2, deadline_s=60))
    monkeypatch.setattr(dispatch, "_PAUSE_S", 0.3)
    monkeypatch.setattr(breaker, "SHORTEST_REST_S", 0.2)


@dataclass
class Trial:
    """A running consumer of a sink, its vendor watched."""

    bench: Bench
    sink: Sink
    customers: Sequence[str]
    seen: Seen
    running: Running
    writes_at: list[float] = field(default_factory=list)
    """When each write was asked for, refused ones too."""

    async def want(self, step: int, *customers: str) -> None:
        """Publishes a step of these customers, or of all."""
        chosen = customers or self.customers
        await self.bench.publish(*(r for customer in chosen for r in self.sink.desire(self.bench, customer, step)))

    async def fault(self, times: int | None = 1, **reply: Any) -> None:
        """For the next writes."""
        await self.bench.fault(self.sink.match, reply, times)

    async def settled(self) -> None:
        await self.sink.settled(self.bench)

    def check(self, step: int, *, lost: int = 0) -> None:
        """Everybody has this step. `lost`: calls that were carried out and not heard of."""
        self.seen.check_order()
        assert {self.seen.steps[customer][-1] for customer in self.customers} == {step}
        assert self.seen.doubles <= (lost * 10 if self.sink.repeats else 0)


@pytest.fixture(params=[GROUPS, pytest.param(ATTRIBUTES, marks=pytest.mark.slow)], ids=lambda sink: sink.name)
def sink(request: pytest.FixtureRequest) -> Sink:
    """Each of the two; the second shares all but its requests with the first."""
    found: Sink = request.param
    return found


@asynccontextmanager
async def trial_of(sink: Sink, bench: Bench, folder: Path, count: int = 25, **fields: Any) -> AsyncIterator[Trial]:
    customers = await sink.prepare(bench, count)
    seen = sink.watch(bench)
    async with sink.start(bench, folder, vendor_deadline_s=CALL_S, **fields) as running:
        await ready(running)
        trial = Trial(bench, sink, customers, seen, running)
        _watch_calls(trial)
        yield trial


def _watch_calls(trial: Trial) -> None:
    faults = trial.bench.simulator.faults
    take = faults.take

    def watched(vendor: str, method: str, *paths: str) -> Fault | None:
        if method == trial.sink.match["method"] and trial.sink.match["path"] in paths:
            trial.writes_at.append(time.monotonic())
        return take(vendor, method, *paths)

    trial.bench.simulator.faults = _Watched(faults, watched)  # type: ignore[assignment]


class _Watched:
    def __init__(self, faults: Any, take: Any) -> None:
        self._faults = faults
        self.take = take

    def __getattr__(self, name: str) -> Any:
        return getattr(self._faults, name)


async def test_429__with_a_reset__no_write_before_it(sink: Sink, bench: Bench, tmp_path: Path) -> None:
    async with trial_of(sink, bench, tmp_path) as trial:
        await trial.fault(1, status=429, headers={"X-Rate-Limit-Time-Reset-Ms": "700"}, body={"title": "slow down"})
        await trial.want(1, trial.customers[0])
        await eventually(lambda: _true(len(trial.writes_at) == 1), what="the refused call")
        await trial.want(2)
        await trial.settled()
        assert trial.writes_at[1] - trial.writes_at[0] >= 0.7
        trial.check(2)


async def test_429__without_headers__backs_off_by_itself(sink: Sink, bench: Bench, tmp_path: Path) -> None:
    async with trial_of(sink, bench, tmp_path) as trial:
        await trial.fault(3, status=429, body={"title": "overload"})
        await trial.want(1)
        await trial.settled()
        trial.check(1)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_bursts__of_500_502_503__order_and_values_are_right(
    sink: Sink, bench: Bench, tmp_path: Path, *, after: bool
) -> None:
    """Each burst falls on another value; `after`: the calls were carried out all the same (503 says they were not)."""
    async with trial_of(sink, bench, tmp_path) as trial:
        for step, status in enumerate((500, 502, 500 if after else 503), 1):
            await trial.fault(2, status=status, body={"title": "oops"}, after=after)
            await trial.want(step)
        await trial.settled()
        trial.check(3, lost=6 if after else 0)


async def test_outage__nobody_is_called_for_long_and_the_process_says_so(
    sink: Sink, bench: Bench, tmp_path: Path
) -> None:
    async with trial_of(sink, bench, tmp_path) as trial:
        await bench.fault({"vendor": "bigcommerce"}, {"status": 503, "body": {"title": "maintenance"}}, None)
        await trial.want(1)
        await eventually(lambda: _true(not trial.running.health.ready), what="readiness")
        assert trial.running.health.reasons == [f"{sink.name}: the vendor is down"]
        assert b'headrace_circuit_open{store="teststore",vendor="bigcommerce"} 1.0' in exposition()
        tried, began = len(trial.writes_at), time.monotonic()
        await trial.want(2)
        await asyncio.sleep(1.0)
        assert len(trial.writes_at) - tried <= 4, "one call tries now and then"
        async with bench.session.delete(f"{bench.addresses.bigcommerce}/_sim/faults") as reply:
            assert reply.status == 200
        await trial.settled()
        assert time.monotonic() - began < 20
        assert trial.running.health.ready
        assert b'headrace_circuit_open{store="teststore",vendor="bigcommerce"} 0.0' in exposition()
        assert await bench.dead_letters() == []
        trial.check(2)


async def test_answers_that_are_none__are_given_up_and_looked_after(sink: Sink, bench: Bench, tmp_path: Path) -> None:
    """The writes were carried out; nothing is written again where it can be read."""
    async with (
        odd_line("PUT", bench.addresses.bigcommerce) as (line, address),
        trial_of(sink, bench, tmp_path, bigcommerce_url=address) as trial,
    ):
        for step, oddity in enumerate(get_args(Oddity), 1):
            line.order(oddity, oddity)
            await trial.want(step)
            await eventually(lambda step=step: _true(trial.seen.reached(step) == 25), what=oddity)  # type: ignore[misc]
        await trial.settled()
        assert line.broken == 2 * step
        trial.check(step, lost=2 * step)
        assert await bench.dead_letters() == []


async def test_call_that_arrives_after_we_gave_it_up__does_not_undo_a_newer_one(
    sink: Sink, bench: Bench, tmp_path: Path
) -> None:
    """It lingers at the vendor longer than a call may take; the newer value waits for its end."""
    async with trial_of(sink, bench, tmp_path, 5) as trial:
        await trial.fault(1, delay_s=CALL_S + 0.2)
        await trial.want(1)
        await eventually(lambda: _true(len(trial.writes_at) == 1), what="the call")
        await trial.want(2)
        await trial.settled()
        trial.check(2, lost=1)
        assert trial.seen.steps[trial.customers[0]][0] == 1, "it came late, not never"


@pytest.mark.parametrize("status", [401, 403])
async def test_credentials_refused__pauses_says_so_and_goes_on_once_mended(
    sink: Sink, bench: Bench, tmp_path: Path, status: int
) -> None:
    async with trial_of(sink, bench, tmp_path) as trial:
        await trial.fault(3, status=status, body={"status": status, "title": "no"})
        await trial.want(1)
        await eventually(
            lambda: _true(f"{sink.name}: credentials refused" in trial.running.health.reasons), what="readiness"
        )
        await trial.want(2)
        await trial.settled()
        assert trial.running.health.ready
        assert await bench.dead_letters() == []
        trial.check(2)


async def test_refused_whole__those_that_are_fine_are_done_one_by_one(sink: Sink, bench: Bench, tmp_path: Path) -> None:
    async with trial_of(sink, bench, tmp_path) as trial:
        for step, status in enumerate((404, 409, 422), 1):
            await trial.fault(1, status=status, body={"status": status, "title": "no"})
            await trial.want(step)
            await eventually(lambda step=step: _true(trial.seen.reached(step) == 25), what=str(status))  # type: ignore[misc]
        await trial.settled()
        assert await bench.dead_letters() == []
        trial.check(3)


async def test_refused_alone__is_set_aside_and_the_next_value_is_done(sink: Sink, bench: Bench, tmp_path: Path) -> None:
    async with trial_of(sink, bench, tmp_path, 1) as trial:
        await trial.want(1)
        await trial.settled()
        await trial.fault(1, status=422, body={"status": 422, "title": "no"})
        await trial.want(2)
        await trial.settled()
        assert [letter["reason"] for letter in await bench.dead_letters()] == ["vendor_rejected"]
        await trial.want(3)
        await trial.settled()
        trial.check(3)


async def test_one_customer_gone__the_others_of_the_call_are_done(sink: Sink, bench: Bench, tmp_path: Path) -> None:
    """The vendor refuses the whole call for one of them, and names another."""
    async with trial_of(sink, bench, tmp_path) as trial:
        await trial.want(1)
        await trial.settled()
        await bench.operate({"op": "customer.delete", "customer_id": 7})
        await trial.want(2)
        await trial.settled()
        results = await _last_results(bench)
        assert results.pop(trial.customers[6]) == "refused"
        assert set(results.values()) == {"applied"}
        trial.customers = [customer for customer in trial.customers if customer != trial.customers[6]]
        trial.check(2)


async def _last_results(bench: Bench) -> dict[str, str]:
    found: Mapping[str, str] = {outcome["customer"]: outcome["result"] for outcome in await bench.outcomes()}
    return dict(found)


async def _true(holds: bool) -> bool:
    return holds
