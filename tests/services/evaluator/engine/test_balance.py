"""Twelve partitions and up to four workers under continuous load: shared evenly at every size, and none starves."""

import asyncio
import time

import pytest

from headrace.runtime.settings import ServiceSettings
from tests.services.evaluator.engine.harness import Process, Workers, create_topics, held, judge, lag, wait_for
from tests.services.evaluator.engine.positions import Moves, trickling, watching

PARTITIONS = 12
WORKERS = 4
STEADY_S = 3.0
STARVES_S = 2.0
"""So long without a commit is starving, when nothing is being rebalanced; an epoch is 50 ms."""
REBALANCE_S = 12.0
"""The same while one joins or leaves: start of a process, a heartbeat, restore; on a busy machine."""


@pytest.fixture
def settings(kafka_settings: ServiceSettings) -> ServiceSettings:
    create_topics(kafka_settings, PARTITIONS)
    return kafka_settings


def shares(crew: list[Process]) -> list[int]:
    return sorted(len(held(worker)) for worker in crew)


def shared_by(crew: list[Process]) -> bool:
    """Every partition is in exactly one worker's hands, and no worker has more than one more than another."""
    everything = sorted(number for worker in crew for number in held(worker))
    even = shares(crew)
    return everything == list(range(PARTITIONS)) and even[-1] - even[0] <= 1


def pauses(moves: Moves, since: float, until: float) -> dict[int, float]:
    return {number: moves.longest_pause(number, since, until) for number in range(PARTITIONS)}


def settle(crew: list[Process], moves: Moves, since: float) -> None:
    """Until the crew shares evenly; then for some seconds nobody starves, and nobody did meanwhile."""
    wait_for(f"{len(crew)} share evenly", lambda: shared_by(crew), 40)
    begun = time.time()
    wait_for("each moved", lambda: all(moves.first_after(number, begun) for number in range(PARTITIONS)), 20)
    begun = time.time()
    wait_for("some seconds of steady load", lambda: time.time() > begun + STEADY_S)
    until = time.time()
    assert shared_by(crew)
    steady, joining = pauses(moves, begun, until), pauses(moves, since, begun)
    assert max(steady.values()) < STARVES_S, steady
    assert max(joining.values()) < REBALANCE_S, joining


def test_balance__one_to_four_workers_and_back__even_and_none_starves(
    settings: ServiceSettings, workers: Workers
) -> None:
    """They join one by one, and leave one by one, the oldest first."""
    crew: list[Process] = []
    with trickling(settings, range(PARTITIONS), per_s=2_400), watching(settings, PARTITIONS) as moves:
        crew.append(workers.start("0"))
        wait_for("all have begun", lambda: all(moves.seen[number] for number in range(PARTITIONS)), 40)
        for number in range(1, WORKERS):
            since = time.time()
            crew.append(workers.start(str(number)))
            settle(crew, moves, since)
        assert shares(crew) == [PARTITIONS // WORKERS] * WORKERS
        while len(crew) > 1:
            since = time.time()
            leaver = crew.pop(0)
            leaver.popen.terminate()
            assert leaver.popen.wait(10) == 0
            settle(crew, moves, since)
    wait_for("all committed", lambda: lag(settings, PARTITIONS) == 0)
    verdict = asyncio.run(judge(settings, PARTITIONS))
    assert verdict.exact, verdict
