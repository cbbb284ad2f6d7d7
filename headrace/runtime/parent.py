"""Knowing that a parent process has ended, so that a child never stays behind alone.

What the child does then is its own matter. (PR_SET_PDEATHSIG alone will not do: it fires when the parent's
*thread* ends, and reaches nobody beyond a wrapper such as `uv run`.)
"""

import os
import select
import threading
import time
from collections.abc import Callable

POLL_S = 0.5


def watch_parent(pid: int, on_death: Callable[[], None]) -> threading.Thread:
    """Calls `on_death` once, from a daemon thread, when process `pid` ends; at once if it has ended already."""
    thread = threading.Thread(target=_watch, args=(pid, on_death), name="parent-watch", daemon=True)
    thread.start()
    return thread


def _watch(pid: int, on_death: Callable[[], None]) -> None:
    wait_for_end(pid)
    on_death()


def wait_for_end(pid: int) -> None:
    """Blocks until the process has ended, whoever's child it is."""
    wait_for_end_within(pid, None)


def wait_for_end_within(pid: int, timeout_s: float | None) -> bool:
    """Like `wait_for_end`, for so long at most (None: for ever); whether it has ended."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    except (AttributeError, OSError):  # a system without the call
        return _poll(pid, timeout_s)
    try:
        return bool(select.select([descriptor], [], [], timeout_s)[0])
    finally:
        os.close(descriptor)


def _poll(pid: int, timeout_s: float | None) -> bool:
    end = None if timeout_s is None else time.monotonic() + timeout_s
    while is_alive(pid):
        if end is not None and time.monotonic() >= end:
            return False
        time.sleep(POLL_S)
    return True


def is_alive(pid: int) -> bool:
    """Whether a process of this id exists (a zombie does)."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
