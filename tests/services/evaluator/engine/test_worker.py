"""The engine on real Kafka with the counting fold: exact after kills, stops, rebalances; and a clean end."""

import asyncio
import signal
import time

from headrace.runtime.settings import ServiceSettings
from tests.services.evaluator.engine.harness import (
    Workers,
    committed,
    held,
    judge,
    lag,
    load,
    loading,
    restores,
    wait_for,
)


def wait_for_progress(settings: ServiceSettings, *, beyond: int) -> int:
    """Until some more was committed than before, while more is still coming; how much."""
    wait_for("progress", lambda: committed(settings) > beyond + 500, 40)
    return committed(settings)


def test_worker__events_and_sigterm__exact_and_gone_within_five_seconds(
    settings: ServiceSettings, workers: Workers
) -> None:
    """Also: records that leave no state only move the partition's marker."""
    load(settings, 20_000)
    worker = workers.start()
    wait_for("all committed", lambda: lag(settings) == 0)
    started = time.monotonic()
    worker.popen.send_signal(signal.SIGTERM)
    assert worker.popen.wait(10) == 0
    assert time.monotonic() - started < 5
    assert worker.events("process.stopped")[-1]["reason"] == "asked"
    verdict = asyncio.run(judge(settings))
    assert verdict.exact, verdict


def test_worker__clean_restart__hands_over_at_once_and_restores(settings: ServiceSettings, workers: Workers) -> None:
    load(settings, 5_000)
    first = workers.start()
    wait_for("all committed", lambda: lag(settings) == 0)
    first.popen.terminate()
    assert first.popen.wait(10) == 0
    load(settings, 5_000, seed=2)
    started = time.monotonic()
    second = workers.start("1")
    wait_for("all committed", lambda: lag(settings) == 0)
    assert time.monotonic() - started < 6, "the group waited for a member that has left"
    assert second.events("partitions.restored")[-1]["records"] > 0
    verdict = asyncio.run(judge(settings))
    assert verdict.exact, verdict


def test_worker__sigkill_in_the_middle__state_and_outputs_exact(settings: ServiceSettings, workers: Workers) -> None:
    """Two kills under load, each followed by a start with the same transactional id."""
    done = 0
    with loading(settings):
        for _ in range(2):
            worker = workers.start(epoch_s=0.02)
            done = wait_for_progress(settings, beyond=done)
            worker.popen.send_signal(signal.SIGKILL)
            worker.popen.wait()
        workers.start(epoch_s=0.02)
    wait_for("all committed", lambda: lag(settings) == 0)
    verdict = asyncio.run(judge(settings))
    assert verdict.exact, verdict


def test_worker__rebalance_between_two__nothing_lost_or_doubled(settings: ServiceSettings, workers: Workers) -> None:
    """A second worker joins under load and leaves again."""
    first = workers.start(epoch_s=0.02)
    wait_for("the first is at work", lambda: restores(first) == 1)
    with loading(settings):
        second = workers.start("1", epoch_s=0.02)
        wait_for("the second is at work", lambda: restores(second) >= 1)
        wait_for("the first has given some away", lambda: len(held(first)) == 2)
        second.popen.terminate()
        assert second.popen.wait(10) == 0
        wait_for("the first has all again", lambda: len(held(first)) == 4)
    wait_for("all committed", lambda: lag(settings) == 0)
    verdict = asyncio.run(judge(settings))
    assert verdict.exact, verdict


def test_worker__woken_zombie__is_refused_and_works_on(settings: ServiceSettings, workers: Workers) -> None:
    """Stopped beyond its session with work in hand; what it then tries to commit is refused by the group."""
    zombie = workers.start("0", epoch_s=0.3)
    other = workers.start("1", epoch_s=0.3)
    wait_for("both at work", lambda: restores(zombie) >= 1 and restores(other) >= 1)
    with loading(settings):
        wait_for("the zombie holds some", lambda: len(held(zombie)) == len(held(other)) == 2)
        before = restores(zombie)
        zombie.popen.send_signal(signal.SIGSTOP)
        wait_for("the other has all", lambda: len(held(other)) == 4, 30)
        zombie.popen.send_signal(signal.SIGCONT)
        wait_for("the zombie has restored", lambda: restores(zombie) > before, 30)
    wait_for("all committed", lambda: lag(settings) == 0)
    verdict = asyncio.run(judge(settings))
    assert verdict.exact, verdict
