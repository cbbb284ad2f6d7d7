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
    if not hasattr(os, "pidfd_open"):
        _poll(pid)
        return
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    except OSError:  # a kernel or sandbox without the call
        _poll(pid)
        return
    try:
        select.select([descriptor], [], [])
    finally:
        os.close(descriptor)


def _poll(pid: int) -> None:
    while is_alive(pid):
        time.sleep(POLL_S)


def is_alive(pid: int) -> bool:
    """Whether a process of this id exists (a zombie does)."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
