"""What a data folder knows about the broker that runs in it: one small file, and whether it still tells the truth.

Starting and preparing a broker is `headrace.runtime.embedded_kafka`'s work.
"""

import fcntl
import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from headrace.runtime.dependency import DependencyError
from headrace.runtime.parent import is_alive, wait_for_end_within

STATE_FILE: Final = "broker.json"
LOCK_FILE: Final = "broker.lock"
STOP_WITHIN_S: Final = 10.0
_LOCK_WITHIN_S: Final = 2.0
"""One that was just stopped gives its lock back a moment later."""


@dataclass(frozen=True, slots=True)
class BrokerInfo:
    """A running broker. `pid` is the JVM's."""

    bootstrap_servers: str
    pid: int
    version: str
    data_dir: str
    cluster_id: str


@contextmanager
def locked(data_dir: Path) -> Iterator[int]:
    """The folder's lock, as a descriptor: who inherits it keeps the folder locked until it ends.

    Two brokers on one folder would write into each other's metadata: Kafka's own lock comes too late for that.
    Raises `DependencyError` "kafka_already_running", and OSError of the disk.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(data_dir / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        end = time.monotonic() + _LOCK_WITHIN_S
        while not _lock(descriptor):
            if time.monotonic() > end:
                raise DependencyError(
                    "kafka_already_running",
                    f"another Kafka uses {data_dir}",
                    f"stop it with `headrace kafka down --data {data_dir}`, or name another folder",
                )
            time.sleep(0.05)
        yield descriptor
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def write_state(info: BrokerInfo) -> None:
    """Remembers a running broker in its data folder."""
    path = Path(info.data_dir) / STATE_FILE
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(asdict(info)) + "\n")
    fresh.replace(path)


def forget(info: BrokerInfo) -> None:
    """The opposite of `write_state`; another broker that runs in the folder by now stays known."""
    folder = Path(info.data_dir)
    if running_broker(folder) in (None, info):
        (folder / STATE_FILE).unlink(missing_ok=True)


def running_broker(data_dir: Path) -> BrokerInfo | None:
    """The broker that runs in this data folder, as its state file says and its process confirms."""
    try:
        info = BrokerInfo(**json.loads((data_dir / STATE_FILE).read_text()))
    except (OSError, ValueError, TypeError):
        return None
    return info if _is_ours(info) else None


def stop_broker(info: BrokerInfo) -> None:
    """SIGTERM, and SIGKILL when that does not help in time; forgets the broker."""
    try:
        os.kill(info.pid, signal.SIGTERM)
        if not wait_for_end_within(info.pid, STOP_WITHIN_S):
            os.kill(info.pid, signal.SIGKILL)
            wait_for_end_within(info.pid, STOP_WITHIN_S)
    except ProcessLookupError:
        pass
    forget(info)


def _is_ours(info: BrokerInfo) -> bool:
    """A pid may have been given to another process: the command line must name our data folder."""
    if not is_alive(info.pid):
        return False
    try:
        command = Path(f"/proc/{info.pid}/cmdline").read_bytes()
    except OSError:
        return not Path("/proc/self/cmdline").exists()  # no /proc on this system: believe the file
    return info.data_dir.encode() in command
