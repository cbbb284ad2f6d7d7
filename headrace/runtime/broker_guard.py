"""A tiny process between us and the broker: it ends the broker when the process that wanted it has ended.

Run by path (`python -I -S broker_guard.py PARENT LOG COMMAND...`), so it imports nothing of ours. Being a process of
one thread it may rely on PR_SET_PDEATHSIG for its own child; its parent, which has threads, could not.
"""

import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

PR_SET_PDEATHSIG = 1
STOP_WITHIN_S = 8.0
POLL_S = 0.25


class _AskedToStop(Exception):
    """Raised by the signal handler, so that it ends whatever wait is going on."""


def main(parent: int, log: Path, command: list[str]) -> int:
    """Prints the broker's pid, stops it on SIGTERM or when `parent` has ended, and returns its exit code."""
    with log.open("ab") as output:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            preexec_fn=_die_with_guard,  # noqa: PLW1509  # this process has one thread
        )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _ask)
    print(child.pid, flush=True)  # noqa: T201  # the one line our parent reads
    try:
        while child.poll() is None and _alive(parent):
            _wait(parent, child.pid)
    except _AskedToStop:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            child.kill()
    return child.wait()


def _ask(_number: int, _frame: object) -> None:
    raise _AskedToStop


def _wait(parent: int, child: int) -> None:
    """Until one of the two has ended, or a moment has passed."""
    descriptors: list[int] = []
    try:
        descriptors.append(os.pidfd_open(parent))
        descriptors.append(os.pidfd_open(child))
        select.select(descriptors, [], [], 1.0)
    except (AttributeError, OSError):  # no pidfd on this system, or one has just ended
        time.sleep(POLL_S)
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def _alive(parent: int) -> bool:
    """A zombie counts as ended."""
    try:
        os.kill(parent, 0)
        return Path(f"/proc/{parent}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except ProcessLookupError:
        return False
    except FileNotFoundError:  # no /proc here
        return not Path("/proc/self/stat").exists()
    except (PermissionError, IndexError):
        return True


def _die_with_guard() -> None:
    os.setsid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]))
