"""A worker under a paced load: how long its outputs take to be there for a reader of committed records, and its CPU.

Open loop: an event's time is the one at which it was meant to be sent, so a loader or a worker that falls behind shows.
"""

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from confluent_kafka import Consumer, KafkaException, TopicPartition

from benchmarks.engine.machine import cpu_seconds
from benchmarks.engine.results import percentile
from benchmarks.engine.systems import ROOT
from benchmarks.engine.worker_process import RunFailed, WorkerProcess
from benchmarks.engine.workload import PARTITIONS, TIMED_EVERY

WARM_S: Final = 3.0
_REST_WITHIN_S: Final = 10.0
_LOADER_WITHIN_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Load:
    """`rate` events a second for `seconds`, the first `WARM_S` of which do not count."""

    topic: str
    customers: int
    rate: float
    seconds: float

    @property
    def events(self) -> int:
        """All of them."""
        return int(self.rate * self.seconds)

    @property
    def outputs(self) -> int:
        """How many events are timed."""
        return -(-self.events // TIMED_EVERY)


class Sink:
    """Reads an output topic from its beginning, committed records only; its poll returns when a record is there."""

    def __init__(self, bootstrap: str, output: str) -> None:
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": "bench-sink",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "fetch.wait.max.ms": 500,  # how long the broker waits when there is nothing: a record ends the wait
                "fetch.min.bytes": 1,
            }
        )
        self._consumer.assign([TopicPartition(output, number, 0) for number in range(PARTITIONS)])

    def read(self, within_s: float) -> tuple[int, int] | None:
        """An output's time and when it was here, in ns; None when none came. Raises `KafkaException`."""
        message = self._consumer.poll(within_s)
        if message is None:
            return None
        if (error := message.error()) is not None:
            raise KafkaException(error)
        return int(message.value() or b""), time.time_ns()

    def close(self) -> None:
        """Leaves."""
        self._consumer.close()


def run_paced(worker: WorkerProcess, broker_pid: int, bootstrap: str, sink: Sink, load: Load) -> dict[str, Any]:
    """Latency in ms and CPU per event under a load. Raises `RunFailed`, `KafkaException`."""
    arguments = [bootstrap, load.topic, str(load.events), str(load.customers), str(load.rate)]
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.engine.loader", *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as loader:
        assert loader.stdout is not None
        try:
            begin_ns = int(_line(loader.stdout.readline())["begin_ns"])
            arrived, window = _collect(worker, broker_pid, sink, load, begin_ns)
            told = _line(loader.stdout.readline())
        except BaseException:
            loader.kill()
            raise
    if len(arrived) < load.outputs:
        raise RunFailed(f"{load.outputs - len(arrived)} of {load.outputs} outputs did not come")
    return {**_latency(arrived, begin_ns), **window, "loader_late_p99_ms": told["late_p99_ms"]}


def _collect(
    worker: WorkerProcess, broker_pid: int, sink: Sink, load: Load, begin_ns: int
) -> tuple[dict[int, int], dict[str, float]]:
    """Time of an event -> when its output came first; and the CPU that the counted part took."""
    arrived: dict[int, int] = {}
    counted_ns, end_ns = (begin_ns + int(seconds * 1e9) for seconds in (WARM_S, load.seconds))
    samples: list[tuple[int, float, float]] = []
    while len(arrived) < load.outputs and time.time_ns() < end_ns + _REST_WITHIN_S * 1e9:
        if (found := sink.read(0.05)) is not None:
            arrived.setdefault(*found)
        if time.time_ns() >= (counted_ns, end_ns, sys.maxsize)[min(len(samples), 2)]:
            samples.append((time.time_ns(), worker.cpu_s, cpu_seconds(broker_pid)))
            worker.check()
    if len(samples) < 2:  # the last output came a little before the end
        samples.append((time.time_ns(), worker.cpu_s, cpu_seconds(broker_pid)))
    return arrived, _cpu(samples, load.rate)


def _cpu(samples: list[tuple[int, float, float]], rate: float) -> dict[str, float]:
    (from_ns, worker_from, broker_from), (to_ns, worker_to, broker_to) = samples[0], samples[-1]
    events = (to_ns - from_ns) / 1e9 * rate
    return {
        "cpu_us_per_event": round((worker_to - worker_from) / events * 1e6, 2),
        "broker_cpu_us_per_event": round((broker_to - broker_from) / events * 1e6, 2),
    }


def _latency(arrived: Mapping[int, int], begin_ns: int) -> dict[str, float]:
    counted = begin_ns + int(WARM_S * 1e9)
    ms = sorted((came - sent) / 1e6 for sent, came in arrived.items() if sent >= counted)
    if not ms:
        raise RunFailed("nothing was counted")
    names = {"p50_ms": 0.5, "p90_ms": 0.9, "p99_ms": 0.99, "max_ms": 1.0}
    return {name: round(percentile(ms, share), 1) for name, share in names.items()}


def _line(line: str) -> dict[str, Any]:
    if not line:
        raise RunFailed("the loader ended")
    found: dict[str, Any] = json.loads(line)
    return found
