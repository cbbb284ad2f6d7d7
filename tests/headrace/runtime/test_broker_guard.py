"""The guard: its child never outlives the process that wanted it, nor the guard itself."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.runtime import broker_guard
from headrace.runtime.parent import is_alive, wait_for_end_within

SLEEPER = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]


class Guarded:
    """A parent that sleeps, a guard that watches it, a child that sleeps."""

    def __init__(self, log: Path) -> None:
        self.parent = subprocess.Popen([*SLEEPER[:2], "import time; time.sleep(600)"])
        self.guard = subprocess.Popen(
            [sys.executable, "-I", "-S", broker_guard.__file__, str(self.parent.pid), str(log), *SLEEPER],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.guard.stdout is not None
        self.child = int(self.guard.stdout.readline())

    def end(self) -> None:
        """Whatever is left."""
        for process in (self.parent, self.guard):
            process.kill()
            process.communicate()


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Guarded]:
    found = Guarded(tmp_path / "log")
    yield found
    found.end()


def test_guard__parent_killed__child_ends(guarded: Guarded) -> None:
    guarded.parent.kill()
    guarded.parent.wait()

    assert wait_for_end_within(guarded.child, 10)
    assert guarded.guard.wait(10) == -signal.SIGTERM % 256


def test_guard__itself_killed__child_ends(guarded: Guarded) -> None:
    guarded.guard.kill()
    guarded.guard.wait()

    assert wait_for_end_within(guarded.child, 10)


def test_guard__asked_to_stop__child_ends_parent_stays(guarded: Guarded) -> None:
    guarded.guard.terminate()

    assert wait_for_end_within(guarded.child, 10)
    guarded.guard.wait(10)
    assert guarded.parent.poll() is None


def test_guard__child_ends__guard_ends_too(guarded: Guarded) -> None:
    os.kill(guarded.child, signal.SIGKILL)

    assert guarded.guard.wait(10) != 0
    assert not is_alive(guarded.child)
