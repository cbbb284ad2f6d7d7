"""How long a takeover takes: last commit of a partition's old owner to the first commit of its new one, many times.

`python -m tests.services.evaluator.engine.takeover --help`; prints one JSON object. The limits are asserted in
`test_takeover.py`.
"""

import argparse
import itertools
import json
import os
import signal
import statistics
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from headrace.runtime.embedded_kafka import EmbeddedKafka
from headrace.runtime.settings import ServiceSettings
from services.evaluator.engine.cures import TEST_RUN
from tests.services.evaluator.engine.harness import (
    PARTITIONS,
    Process,
    Workers,
    create_topics,
    held,
    wait_for,
)
from tests.services.evaluator.engine.positions import Moves, trickling, watching

CASES: Final = ("stop", "restart", "crash-restart", "kill", "kill-inside")
"""What ends a worker: SIGTERM with another to take over; SIGTERM and a new start, alone; SIGKILL and a new start;
SIGKILL with another to take over; the same inside a transaction, which then stays open."""
_INSIDE_NTH: Final = 120
"""The transaction that is not ended, about as many epochs after the start."""
# What `broker_config.py` sets for quick tests is given back to Kafka.
KAFKA_DEFAULTS: Final[Mapping[str, str | int | float | None]] = {
    "group.initial.rebalance.delay.ms": None,
    "group.min.session.timeout.ms": None,
}
# What docs/operations.md names.
QUICK: Final[Mapping[str, str | int | float | None]] = {
    **KAFKA_DEFAULTS,
    "group.initial.rebalance.delay.ms": 0,
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": 1000,
}


@dataclass(frozen=True)
class Setup:
    """A broker's properties and a worker's session."""

    properties: Mapping[str, str | int | float | None]
    session_s: float
    heartbeat_s: float


# Session and heartbeat as the evaluator has them, without and with HEADRACE_SESSION_TIMEOUT_MS=6000.
SETUPS: Final = {"defaults": Setup(KAFKA_DEFAULTS, 10.0, 1.0), "quick": Setup(QUICK, 6.0, 1.0)}


@dataclass
class Distribution:
    """Seconds, one a partition that was taken over."""

    rounds: int
    samples: list[float] = field(default_factory=list)

    def summary(self) -> dict[str, Any]:
        """Count, least, median, 95th percentile and most."""
        ordered = sorted(self.samples)
        return {
            "rounds": self.rounds,
            "n": len(ordered),
            "min": round(ordered[0], 2),
            "median": round(statistics.median(ordered), 2),
            "p95": round(ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))], 2),
            "max": round(ordered[-1], 2),
        }


class Takeovers:
    """One broker, one group; every round ends a worker under load and sees its partitions go on."""

    def __init__(self, settings: ServiceSettings, folder: Path, setup: Setup, moves: Moves) -> None:
        self._workers = Workers(settings, folder)
        self._session: dict[str, float] = {"session_s": setup.session_s, "heartbeat_s": setup.heartbeat_s}
        self._moves = moves

    def measure(self, case: str, rounds: int) -> Distribution:
        """Raises AssertionError when a partition does not go on in time."""
        found = Distribution(rounds)
        try:
            stays = [] if case == "restart" else [self._start("0")]
            leaver = self._start("1", inside=case == "kill-inside")
            for _ in range(rounds):
                wait_for("all partitions in hand", lambda: self._hold_all([*stays, leaver]), 60)  # noqa: B023  # called at once
                leaver, samples = self._round(case, stays, leaver)
                found.samples += samples
                sys.stderr.write(f"{case} {[round(one, 2) for one in samples]}\n")
        finally:
            self._workers.kill_all()
        return found

    def _round(self, case: str, stays: list[Process], leaver: Process) -> tuple[Process, list[float]]:
        lost = held(leaver)
        wait_for("its partitions moved", lambda: self._moved_since(lost, when(restored(leaver)[-1])), 60)
        if case != "kill-inside":
            leaver.popen.send_signal(signal.SIGKILL if case in ("kill", "crash-restart") else signal.SIGTERM)
        leaver.popen.wait(60)
        before = {process.log_path: len(restored(process)) for process in stays}
        successor = self._start("1") if case in ("restart", "crash-restart") else None
        owners = [*stays, successor] if successor else stays

        def taken(partition: int) -> float | None:
            later = [event for process in owners for event in restored(process)[before.get(process.log_path, 0) :]]
            return min((when(event) for event in later if partition in event["partitions"]), default=None)

        def pause(partition: int) -> float | None:
            at = taken(partition)
            first = None if at is None else self._moves.first_after(partition, at)
            return None if at is None or first is None else first - self._moves.last_before(partition, at)

        wait_for("all taken over", lambda: all(pause(partition) is not None for partition in lost), 60)
        samples = [seconds for partition in lost if (seconds := pause(partition)) is not None]
        return successor or self._start("1", inside=case == "kill-inside"), samples

    def _start(self, worker_id: str, *, inside: bool = False) -> Process:
        stop = f"flushed:kill:{_INSIDE_NTH}" if inside else ""
        return self._workers.start(worker_id, test_stop=stop, **self._session)

    def _hold_all(self, processes: Iterable[Process]) -> bool:
        each = [held(process) for process in processes]
        return all(each) and sorted(itertools.chain(*each)) == list(range(PARTITIONS))

    def _moved_since(self, partitions: Iterable[int], at: float) -> bool:
        return all(self._moves.first_after(partition, at) is not None for partition in partitions)


def restored(process: Process) -> list[dict[str, Any]]:
    return process.events("partitions.restored")


def when(event: Mapping[str, Any]) -> float:
    """Unix time of a log line."""
    return datetime.fromisoformat(event["timestamp"]).timestamp()


@contextmanager
def broker_of(setup: Setup, folder: Path) -> Iterator[ServiceSettings]:
    """A broker with the setup's properties, and the topics on it."""
    with EmbeddedKafka(folder / "kafka", properties=setup.properties) as kafka:
        assert kafka.info is not None
        settings = ServiceSettings(
            kafka_bootstrap_servers=kafka.info.bootstrap_servers, store="teststore", log_level="warning"
        )
        create_topics(settings)
        yield settings


def measure(setup: Setup, cases: Iterable[str], rounds: int, folder: Path) -> dict[str, Distribution]:
    """Every case on one broker, one after the other."""
    found = {}
    with broker_of(setup, folder) as settings, trickling(settings), watching(settings) as moves:
        for case in cases:
            logs = folder / case
            logs.mkdir()
            found[case] = Takeovers(settings, logs, setup, moves).measure(case, rounds)
    return found


def main() -> None:
    parser = argparse.ArgumentParser("tests.services.evaluator.engine.takeover", description=__doc__)
    parser.add_argument("--setup", choices=SETUPS, default="defaults")
    parser.add_argument("--case", choices=CASES, action="append", help="default: all")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--folder", type=Path, help="where the broker and the logs are; default: gone afterwards")
    asked = parser.parse_args()
    os.environ[TEST_RUN] = str(os.getpid())  # one case stops a worker by the tests' switch
    with tempfile.TemporaryDirectory() as gone:
        folder = asked.folder or Path(gone)
        folder.mkdir(exist_ok=True)
        found = measure(SETUPS[asked.setup], asked.case or CASES, asked.rounds, folder)
    setup = asdict(SETUPS[asked.setup])
    report = {"setup": setup, "seconds": {case: one.summary() for case, one in found.items()}}
    sys.stdout.write(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
