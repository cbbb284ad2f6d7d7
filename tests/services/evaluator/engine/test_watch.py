"""What the worker's second pair of eyes concludes from what it sees, and that it sees it on a real Kafka."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from headrace.runtime.embedded_kafka import EmbeddedKafka
from headrace.runtime.health import STARTING, Health
from headrace.runtime.kafka import topic
from headrace.runtime.metrics import REGISTRY
from headrace.runtime.settings import ServiceSettings
from services.evaluator.engine import watch
from services.evaluator.engine.meters import Standing
from services.evaluator.engine.watch import KAFKA, KAFKA_S, STALLED, STALLED_S, Lookout, Watch
from tests.conftest import settings_at
from tests.services.evaluator.engine.counting import SOURCE
from tests.services.evaluator.engine.harness import create_topics, load


def at(**committed: int) -> dict[int, Standing]:
    """`at(p0=3)`: partition 0 is committed up to offset 3, exclusive."""
    return {int(name[1:]): Standing(offset, keys=1, pages=0) for name, offset in committed.items()}


def test_lookout__lag_and_no_commit__stalled_after_a_while_and_until_it_moves() -> None:
    lookout = Lookout(0.0)
    assert lookout.see(0.0, at(p0=3, p1=9), {0: 10, 1: 9}) == set()
    assert lookout.see(STALLED_S - 1, at(p0=3, p1=9), {0: 10, 1: 9}) == set()
    assert lookout.see(STALLED_S, at(p0=3, p1=9), {0: 12, 1: 9}) == {0}
    assert lookout.see(STALLED_S + 5, at(p0=4, p1=9), {0: 12, 1: 9}) == set()


def test_lookout__idle_for_long_then_a_record__the_time_counts_from_the_record_on() -> None:
    lookout = Lookout(0.0)
    lookout.see(0.0, at(p0=3), {0: 3})
    lookout.see(1000.0, at(p0=3), {0: 3})
    assert lookout.see(1005.0, at(p0=3), {0: 4}) == set()
    assert lookout.see(1000.0 + STALLED_S, at(p0=3), {0: 4}) == {0}


def test_lookout__slow_but_moving__never_stalled() -> None:
    lookout = Lookout(0.0)
    assert not any(lookout.see(5.0 * n, at(p0=n), {0: 1_000}) for n in range(20))


def test_lookout__a_rebalance_between__begins_anew() -> None:
    """Nothing stands during a restore: that is another reason, with a name of its own."""
    lookout = Lookout(0.0)
    lookout.see(0.0, at(p0=3), {0: 10})
    assert lookout.see(100.0, {}, {}) == set()
    assert lookout.see(101.0, at(p0=3), {0: 10}) == set()


def test_lookout__kafka_silent__away_after_a_while_until_it_answers() -> None:
    lookout = Lookout(0.0)
    lookout.see(1.0, at(p0=3), {0: 3})
    lookout.see(1.0 + KAFKA_S - 0.1, at(p0=3), None)
    assert not lookout.kafka_away(1.0 + KAFKA_S - 0.1)
    assert lookout.kafka_away(1.0 + KAFKA_S)
    lookout.see(50.0, at(p0=3), {0: 3})
    assert not lookout.kafka_away(50.0)


def test_watch__kafka_silent_twice__said_once_each_time_and_once_when_it_is_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A worker with nothing in hand makes no other call that could tell."""
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    settings = ServiceSettings(kafka_bootstrap_servers="nowhere:1", store="teststore")
    looks = Watch(settings, source="any", standing=dict, health=Health())
    with capture_logs() as logs:
        for answered, moments in ((True, [1]), (False, [10, 12, 17]), (True, [20, 25]), (False, [35]), (True, [36])):
            for clock[0] in map(float, moments):
                looks._judge({} if answered else None)
    assert [line for line in logs if line["event"] != "health.changed"] == [
        {"event": "kafka.unavailable", "log_level": "warning", "call": "watch", "silent_s": 11.0},
        {"event": "kafka.answered", "log_level": "info", "silent_s": 19.0},
        {"event": "kafka.unavailable", "log_level": "warning", "call": "watch", "silent_s": 10.0},
        {"event": "kafka.answered", "log_level": "info", "silent_s": 11.0},
    ]


def test_watch__a_halt__is_seen_within_thirty_seconds() -> None:
    """Two looks late at most, each with its time-out."""
    late = watch.LOOK_EVERY_S + watch._CALL_S
    assert STALLED_S + late <= 30
    assert KAFKA_S + 2 * late <= 30


def value(name: str, partition: int) -> float | None:
    return REGISTRY.get_sample_value(name, {"partition": str(partition)})


async def until(what: str, condition: Callable[[], bool], within_s: float = 30.0) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"waited {within_s:g} s for: {what}"
        await asyncio.sleep(0.05)


@asynccontextmanager
async def watching(settings: ServiceSettings, standing: Mapping[int, Standing]) -> AsyncIterator[Health]:
    health = Health()
    health.clear(STARTING)
    looks = Watch(settings, source=topic(settings, SOURCE), standing=lambda: standing, health=health)
    task = asyncio.ensure_future(looks.run())
    try:
        yield health
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_watch__records_nobody_commits__lag_age_and_a_reason_until_they_are(
    kafka_settings: ServiceSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "LOOK_EVERY_S", 0.1)
    monkeypatch.setattr(watch, "STALLED_S", 1.0)
    await asyncio.to_thread(create_topics, kafka_settings)
    await asyncio.to_thread(load, kafka_settings, 400)
    standing = at(p0=3, p1=1_000)
    async with watching(kafka_settings, standing) as health:
        await until("it stands still", lambda: health.reasons == [STALLED])
        lag = value("headrace_evaluator_lag_records", 0)
        assert lag is not None
        assert lag > 50
        await until("its age", lambda: (value("headrace_evaluator_lag_seconds", 0) or 0) > 1.0)
        assert value("headrace_evaluator_lag_records", 1) == 0
        assert value("headrace_evaluator_lag_seconds", 1) == 0
        assert value("headrace_evaluator_state_keys", 0) == 1
        assert REGISTRY.get_sample_value("headrace_evaluator_stalled_partitions") == 1
        standing |= at(p0=3 + int(lag))
        await until("it has caught up", lambda: health.ready and value("headrace_evaluator_lag_seconds", 0) == 0)


@pytest.mark.slow
async def test_watch__broker_dies_and_comes_back__not_ready_for_that_reason_meanwhile(
    broker: EmbeddedKafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also of a worker that has no partitions, and nothing to read."""
    monkeypatch.setattr(watch, "LOOK_EVERY_S", 0.2)
    monkeypatch.setattr(watch, "KAFKA_S", 2.0)
    async with watching(settings_at(broker), {}) as health:
        broker.kill()
        await until("it was noticed", lambda: health.reasons == [KAFKA])
        await asyncio.to_thread(broker.start)
        await until("it was noticed", lambda: health.ready)
