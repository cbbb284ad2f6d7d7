"""Lanes: what stops one store stops no other, and the process still ends in time."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import pytest
import structlog

from headrace.runtime import lanes as lanes_module
from headrace.runtime.lanes import Lane, run_lanes
from headrace.runtime.process import FatalError, Running

WITHIN_S = 10.0


@asynccontextmanager
async def lanes_of(
    lanes: dict[str, Lane], *, again_s: float = 0.0, stop_within_s: float = WITHIN_S
) -> AsyncIterator[Running]:
    """They run within; at the end they are asked to stop, and must."""
    running = Running()
    work = asyncio.ensure_future(run_lanes(lanes, running, again_s=again_s, stop_within_s=stop_within_s))
    await asyncio.sleep(0)  # each is there now, and has not begun
    assert running.health.reasons == [f"{store}: starting" for store in lanes]
    try:
        async with asyncio.timeout(WITHIN_S):
            yield running
    finally:
        running.stopping.set()
        async with asyncio.timeout(WITHIN_S):
            await work


async def good(running: Running) -> None:
    running.health.clear("starting")
    await running.stopping.wait()


class Counted:
    """A lane that ends in its own way each time, and then goes well. `times` are counted, `went_well` is told."""

    def __init__(self, *ends: Callable[[Running], None]) -> None:
        self.ends = list(ends)
        self.times = 0
        self.went_well = asyncio.Event()

    async def __call__(self, running: Running) -> None:
        self.times += 1
        if self.ends:
            return self.ends.pop(0)(running)
        self.went_well.set()
        return await good(running)


def raises(error: BaseException) -> Callable[[Running], None]:
    def end(_: Running) -> None:
        raise error

    return end


def fails(running: Running) -> None:
    running.fail(FatalError("unauthorized", "401"))


async def test_run_lanes__one_store__in_its_own_task_with_the_processs_running() -> None:
    running, task = Running(), asyncio.current_task()

    async def lane(given: Running) -> None:
        assert given is running
        assert asyncio.current_task() is task

    await run_lanes({"": lane}, running)


async def test_run_lanes__one_store__its_error_is_the_processs() -> None:
    async def lane(_: Running) -> None:
        raise FatalError("port_taken")

    with pytest.raises(FatalError, match="port_taken"):
        await run_lanes({"": lane}, Running())


@pytest.mark.parametrize(
    "ends",
    [
        [raises(FatalError("unauthorized"))],
        [fails],
        [raises(ValueError("s3cret"))],
        [raises(asyncio.CancelledError())],
        [raises(ExceptionGroup("two", [ValueError(), KeyError()]))],
        [fails, raises(TypeError()), raises(FatalError("x")), fails],
    ],
)
async def test_run_lanes__one_fails__it_begins_anew_and_the_other_goes_on(
    ends: list[Callable[[Running], None]],
) -> None:
    bad, other = Counted(*ends), Counted()
    async with lanes_of({"bad": bad, "other": other}):
        await bad.went_well.wait()
        assert (bad.times, other.times) == (len(ends) + 1, 1)


async def test_run_lanes__one_waits_to_begin_anew__told_as_a_note_and_ready() -> None:
    bad, other = Counted(fails), Counted()
    async with lanes_of({"bad": bad, "other": other}, again_s=3600.0) as running:
        await other.went_well.wait()
        while running.health.notes != ["bad: unauthorized"]:
            await asyncio.sleep(0)
        assert running.health.ready
        assert bad.times == 1


async def test_run_lanes__back_off__doubles_up_to_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes_module, "AGAIN_AT_MOST_S", 0.004)
    bad = Counted(*[fails] * 4)
    with structlog.testing.capture_logs() as logs:
        async with lanes_of({"bad": bad}, again_s=0.001):
            await bad.went_well.wait()
    delays = [line["delay_s"] for line in logs if line["event"] == "store.stopped"]
    assert delays == [0.001, 0.002, 0.004, 0.004]


async def test_run_lanes__fails_again_after_a_long_time__waits_as_after_a_first_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lanes_module, "AGAIN_AT_MOST_S", -1.0)  # any time is long
    bad = Counted(*[fails] * 3)
    with structlog.testing.capture_logs() as logs:
        async with lanes_of({"bad": bad}, again_s=0.001):
            await bad.went_well.wait()
    assert [line["delay_s"] for line in logs if line["event"] == "store.stopped"] == [0.001] * 3


async def test_run_lanes__asked_to_stop__each_is_told_and_all_return() -> None:
    ended: list[str] = []

    def lane(store: str) -> Lane:
        async def run(running: Running) -> None:
            await good(running)
            ended.append(store)

        return run

    async with lanes_of({"a": lane("a"), "b": lane("b")}) as running:
        while not running.health.ready:
            await asyncio.sleep(0)
    assert sorted(ended) == ["a", "b"]


async def test_run_lanes__stopped_while_one_waits_to_begin_anew__ends_at_once() -> None:
    bad = Counted(fails)
    async with lanes_of({"bad": bad}, again_s=3600.0) as running:
        while running.health.reasons != ["bad: unauthorized"]:
            await asyncio.sleep(0)
    assert bad.times == 1


async def test_run_lanes__one_does_not_end__is_cancelled_and_the_others_are_not_waited_for() -> None:
    cancelled = asyncio.Event()

    async def deaf(running: Running) -> None:
        running.health.clear("starting")
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    with structlog.testing.capture_logs() as logs:
        async with lanes_of({"deaf": deaf, "good": good}, stop_within_s=0.01) as running:
            while not running.health.ready:
                await asyncio.sleep(0)
    assert cancelled.is_set()
    assert [line["reason"] for line in logs if line["event"] == "store.stopped"] == ["stop_timed_out"]


async def test_run_lanes__one_says_it_failed_and_does_not_end__is_begun_anew() -> None:
    times: list[Running] = []

    async def stuck(running: Running) -> None:
        times.append(running)
        if len(times) == 1:
            fails(running)
            await asyncio.Event().wait()
        await good(running)

    with structlog.testing.capture_logs() as logs:
        async with lanes_of({"stuck": stuck}, stop_within_s=0.01):
            while len(times) < 2:
                await asyncio.sleep(0)
    assert [line["reason"] for line in logs if line["event"] == "store.stopped"] == ["unauthorized"]
    assert times[0] is not times[1]


async def test_run_lanes__one_fails_and_cannot_be_ended__ends_the_process_instead_of_beginning_anew() -> None:
    times, over = [], asyncio.Event()

    async def deaf(running: Running) -> None:
        times.append(running)
        fails(running)
        while not over.is_set():
            with suppress(asyncio.CancelledError):
                await over.wait()

    async with lanes_of({"deaf": deaf, "good": good}, stop_within_s=0.01) as running:
        await running.stopping.wait()
    over.set()
    assert running.cause is not None
    assert (running.cause.reason, len(times)) == ("store_stuck", 1)


async def test_run_lanes__one_asks_to_begin_anew__is_begun_at_once() -> None:
    lane = Counted(Running.begin_anew)
    async with lanes_of({"a": lane}, again_s=3600.0):
        await lane.went_well.wait()
    assert lane.times == 2


async def test_run_lanes__one_returns__is_done_and_the_other_goes_on() -> None:
    done, other = Counted(lambda _: None), Counted()
    async with lanes_of({"done": done, "other": other}) as running:
        await other.went_well.wait()
        assert not running.stopping.is_set()
    assert (done.times, other.times) == (1, 1)


async def test_run_lanes__process_is_cancelled__so_are_they() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def lane(_: Running) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    work = asyncio.ensure_future(run_lanes({"a": lane}, Running()))
    async with asyncio.timeout(WITHIN_S):
        await begun.wait()
        work.cancel()
        with suppress(asyncio.CancelledError):
            await work
    assert ended.is_set()


async def test_run_lanes__logs_of_a_lane_and_of_its_tasks__carry_its_store() -> None:
    seen: dict[str, str] = {}

    async def lane(running: Running) -> None:
        async def within() -> None:
            store = structlog.contextvars.get_contextvars()["store"]
            seen[store] = store

        await asyncio.ensure_future(within())
        await good(running)

    async with lanes_of({"a": lane, "b": lane}) as running:
        while not running.health.ready:
            await asyncio.sleep(0)
    assert seen == {"a": "a", "b": "b"}
    assert "store" not in structlog.contextvars.get_contextvars()


async def test_run_lanes__what_a_group_of_tasks_failed_by__is_the_cause_that_is_told() -> None:
    inner = ExceptionGroup("tasks", [FatalError("unauthorized", "401")])
    with structlog.testing.capture_logs() as said:
        lane = Counted(raises(ExceptionGroup("tasks", [inner])), raises(ExceptionGroup("tasks", [KeyError("jo")])))
        async with lanes_of({"abc": lane}):
            await lane.went_well.wait()
    stopped = [(line["reason"], line["detail"]) for line in said if line["event"] == "store.stopped"]
    assert stopped == [("unauthorized", "401"), ("crashed", "KeyError")]
