"""What the engine's tests on real Kafka share: topics, loads, worker processes, and the separate fold that judges them.

The fold that runs in the workers is in `counting.py`.
"""

import asyncio
import itertools
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, KafkaException, Producer
from confluent_kafka import TopicPartition as ConfluentPartition
from confluent_kafka.admin import AdminClient, NewTopic

from headrace.contracts.topics import PARTITION_WIDE_KEY
from headrace.runtime.kafka import confluent_config, read_to_end, topic
from headrace.runtime.settings import ServiceSettings
from services.evaluator.engine.seal import open_places
from services.evaluator.engine.state import MARK_BYTES, mark_of
from tests.services.evaluator.engine.counting import OUTPUTS, SOURCE
from tests.services.evaluator.engine.oracle import expect
from tests.threads import repeating

PARTITIONS = 4
CHANGELOG = "evaluator-1-state-changelog"
GROUP = "evaluator-1"
_OUTAGE_S = 180.0
"""How long a load waits for a Kafka that a test took away."""


def wait_for(what: str, condition: Callable[[], bool], within_s: float = 60.0) -> None:
    """Looks again and again, also while Kafka is away; fails with `what` at the deadline."""
    deadline = time.monotonic() + within_s
    while not _holds(condition):
        assert time.monotonic() < deadline, f"waited {within_s:g} s for: {what}"
        time.sleep(0.05)


def _holds(condition: Callable[[], bool]) -> bool:
    try:
        return condition()
    except KafkaException:
        return False


def create_topics(
    settings: ServiceSettings, partitions: int = PARTITIONS, compacted: Mapping[str, str] | None = None
) -> None:
    """Source, outputs and changelog; with `compacted` outputs are compacted too, and both as it says."""
    admin = AdminClient(confluent_config(settings))
    compaction = {"cleanup.policy": "compact", **(compacted or {})}
    names = {SOURCE: {}, OUTPUTS: compaction if compacted else {}, CHANGELOG: compaction}
    new = [NewTopic(topic(settings, name), partitions, 1, config=config) for name, config in names.items()]
    for created in admin.create_topics(new).values():
        created.result(30)


def load(settings: ServiceSettings, count: int, *, seed: int = 1, customers: int = 300) -> None:
    """Appends `count` events; every fiftieth customer leaves no state."""
    producer = Producer({**confluent_config(settings), "acks": "all", "linger.ms": 5, "log_level": 0})
    chance = random.Random(seed)
    for _ in range(count):
        number = chance.randrange(customers)
        key = f"skip{number}" if number % 50 == 0 else f"c{number}"
        producer.produce(topic(settings, SOURCE), str(chance.randrange(100)), key, number % PARTITIONS)
    assert producer.flush(_OUTAGE_S) == 0


@dataclass
class Process:
    """A worker process; `log` is its JSON lines so far."""

    popen: subprocess.Popen[bytes]
    log_path: Path

    def log(self) -> list[dict[str, Any]]:
        text = self.log_path.read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines() if line.startswith("{") and line.endswith("}")]

    def events(self, name: str) -> list[dict[str, Any]]:
        return [line for line in self.log() if line["event"] == name]


def start_worker(
    settings: ServiceSettings,
    log_path: Path,
    *,
    worker_id: str = "0",
    servers: str | None = None,
    test_stop: str = "",
    **options: Any,
) -> Process:
    """A worker over the counting fold in a process of its own; its parent is this one.

    `servers`: where it finds Kafka, if not where we do. `test_stop`: see `engine/phases.py`.
    """
    environment = {
        **os.environ,
        "HEADRACE_KAFKA_BOOTSTRAP_SERVERS": servers or settings.kafka_bootstrap_servers,
        "HEADRACE_TOPIC_PREFIX": settings.topic_prefix,
        "HEADRACE_STORE": settings.store,
        "HEADRACE_WORKER_ID": worker_id,
        "HEADRACE_PARENT_PID": str(os.getpid()),
        "HEADRACE_TEST_STOP": test_stop,
    }
    arguments = json.dumps({"partitions": PARTITIONS, "session_s": 6.0, "heartbeat_s": 1.0, **options})
    command = [sys.executable, "-m", "tests.services.evaluator.engine.counting", arguments]
    with log_path.open("ab") as sink:
        return Process(subprocess.Popen(command, env=environment, stdout=sink, stderr=sink), log_path)


class Workers:
    """Worker processes, each with a log of its own."""

    def __init__(self, settings: ServiceSettings, folder: Path) -> None:
        self._settings = settings
        self._folder = folder
        self._all: list[Process] = []

    def start(self, worker_id: str = "0", **options: Any) -> Process:
        log_path = self._folder / f"worker-{len(self._all)}.log"
        process = start_worker(self._settings, log_path, worker_id=worker_id, **options)
        self._all.append(process)
        return process

    def kill_all(self) -> None:
        for process in self._all:
            process.popen.kill()
            process.popen.wait()


@contextmanager
def loading(settings: ServiceSettings, *, batch: int = 400) -> Iterator[None]:
    """Appends events in small batches until the block ends."""
    seeds = itertools.count(101)
    with repeating(lambda: load(settings, batch, seed=next(seeds)), every_s=0.1):
        yield


def restores(process: Process) -> int:
    return len(process.events("partitions.restored"))


def held(process: Process) -> list[int]:
    """The partitions in the worker's hands, as its log tells; none after a release."""
    mine: set[int] = set()
    for line in process.log():
        if line["event"] == "partitions.released":
            mine = set()
        elif line["event"] in ("partitions.restored", "partitions.kept"):
            mine |= set(line["partitions"])
    return sorted(mine)


def committed(settings: ServiceSettings, partitions: int = PARTITIONS) -> int:
    """Records of the source that the group has committed, over all partitions."""
    consumer = Consumer({**confluent_config(settings), "group.id": topic(settings, GROUP)})
    try:
        at = [ConfluentPartition(topic(settings, SOURCE), number) for number in range(partitions)]
        return sum(max(place.offset, 0) for place in consumer.committed(at, timeout=10))
    finally:
        consumer.close()


def lag(settings: ServiceSettings, partitions: int = PARTITIONS) -> int:
    """Records of the source that the group has not committed."""
    consumer = Consumer(confluent_config(settings) | {"group.id": "looks-at-ends"})
    try:
        at = [ConfluentPartition(topic(settings, SOURCE), number) for number in range(partitions)]
        ends = [consumer.get_watermark_offsets(place, timeout=10)[1] for place in at]
    finally:
        consumer.close()
    return sum(ends) - committed(settings, partitions)


@dataclass
class Verdict:
    """What differs between the workers' result and the separate fold of the log."""

    state: list[str]
    missing: set[str]
    extra: set[str]
    repeated: list[str]
    regressed: int
    applied_wrong: list[int]

    @property
    def exact(self) -> bool:
        return self == Verdict([], set(), set(), [], 0, [])


def _until_visible(settings: ServiceSettings, within_s: float = 15.0) -> None:
    """The committed offset may be seen a moment before the markers of the same transaction elsewhere."""
    topics = (topic(settings, CHANGELOG), topic(settings, OUTPUTS))
    deadline = time.monotonic() + within_s
    while open_places(confluent_config(settings), topics) and time.monotonic() < deadline:
        time.sleep(0.05)


async def judge(settings: ServiceSettings, partitions: int = PARTITIONS) -> Verdict:
    """Folds the source by itself and compares changelog (last committed value of each key), marks and outputs."""
    await asyncio.to_thread(_until_visible, settings)
    expected = await expect(settings, partitions)
    last, applied, regressed = await _changelog(settings, partitions)
    got: dict[str, bytes] = {}
    repeated = []
    for record in await read_to_end(settings, topic(settings, OUTPUTS), range(partitions)):
        assert record.value is not None
        identity = json.loads(record.value)["id"]
        if identity in got or record.value != expected.outputs.get(identity):
            repeated.append(identity)
        got[identity] = record.value
    return Verdict(
        state=[repr(key) for key in expected.records.keys() | last if expected.records.get(key) != last.get(key)],
        missing=expected.outputs.keys() - got.keys(),
        extra=got.keys() - expected.outputs.keys(),
        repeated=repeated,
        regressed=regressed,
        applied_wrong=[number for number, end in expected.ends.items() if applied.get(number) != end],
    )


async def _changelog(settings: ServiceSettings, partitions: int) -> tuple[dict[bytes, bytes], dict[int, int], int]:
    last: dict[bytes, bytes] = {}
    marks: dict[tuple[int, bytes], int] = {}
    applied: dict[int, int] = {}
    regressed = 0
    for record in await read_to_end(settings, topic(settings, CHANGELOG), range(partitions)):
        assert record.key is not None
        assert record.value is not None
        mark, place = mark_of(record.value), (record.partition, record.key)
        regressed += mark < marks.get(place, -1)
        marks[place] = mark
        applied[record.partition] = max(applied.get(record.partition, -1), mark)
        if record.key != PARTITION_WIDE_KEY:
            last[record.key] = record.value
    assert all(len(value) >= MARK_BYTES for value in last.values())
    return last, applied, regressed
