"""A soak that is ended takes everything with it that it started; what a seed does is in test_kill."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.kill.soak import FOLDERS, REPORT
from tests.processes import descendants, is_gone
from tests.services.evaluator.engine.harness import wait_for

FIRST, SECOND = 999_998, 999_999
"""Nobody soaks so far."""
GONE_WITHIN_S = 40.0


def workers_at_work(seed: int) -> bool:
    return any("partitions.restored" in log.read_text() for log in (FOLDERS / str(seed)).glob("worker-*.log"))


def remove() -> None:
    for seed in (FIRST, SECOND):
        shutil.rmtree(FOLDERS / str(seed), ignore_errors=True)


@pytest.fixture(autouse=True)
def no_folders() -> Iterator[None]:
    """Neither of an earlier run, nor left behind."""
    remove()
    yield
    remove()


@pytest.mark.kafka
@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
def test_soak__ended_in_the_midst__nothing_it_started_is_left_and_nothing_reported(number: signal.Signals) -> None:
    """SIGINT to the whole process group, as a terminal sends it; SIGTERM to the soak alone."""
    before = REPORT.read_bytes()
    command = [sys.executable, "-m", "tests.kill.soak", "--seeds", f"{FIRST}-{SECOND}", "--parallel", "1"]
    with subprocess.Popen([*command, "--allow-dirty"], process_group=0) as soak:
        try:
            wait_for("workers at work", lambda: workers_at_work(FIRST))
            started = list(descendants(soak.pid))
            assert len(started) >= 4, "a seed's process, its broker with its guard, a worker"
            (os.killpg if number == signal.SIGINT else os.kill)(soak.pid, number)
            assert soak.wait(GONE_WITHIN_S) == 130
        finally:
            soak.kill()
    wait_for("all gone", lambda: all(map(is_gone, started)), 3.0)  # the last are Python's own, who see a pipe closed
    assert not (FOLDERS / str(SECOND)).exists(), "no other seed was begun"
    assert REPORT.read_bytes() == before
