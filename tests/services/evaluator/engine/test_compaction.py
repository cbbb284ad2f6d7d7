"""Real compaction with zombies at work: what the cleaner leaves restores exactly and tells new consumers all."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from confluent_kafka.admin import AdminClient, NewTopic
from sqlalchemy import Connection

from headrace.consumer import Arrival, Consumer, Finished, Limits, Result, Target, Task
from headrace.consumer.database import open_database
from headrace.consumer.kind import APPLIED, OutcomeKind
from headrace.consumer.ledger import migrate_ledger
from headrace.contracts import topics
from headrace.contracts.actions import Version
from headrace.contracts.topics import PARTITION_WIDE_KEY
from headrace.runtime.embedded_kafka import EmbeddedKafka
from headrace.runtime.health import STARTING
from headrace.runtime.kafka import confluent_config, make_producer, read_to_end, topic
from headrace.runtime.process import Running
from headrace.runtime.settings import ServiceSettings
from services.evaluator.engine.restore import Restorer
from tests.conftest import own_kafka, settings_at
from tests.services.consumer_harness import eventually, in_process
from tests.services.evaluator.engine.counting import OUTPUTS, SOURCE
from tests.services.evaluator.engine.harness import (
    CHANGELOG,
    PARTITIONS,
    Process,
    Workers,
    create_topics,
    held,
    judge,
    lag,
    load,
    restores,
    wait_for,
)
from tests.services.evaluator.engine.oracle import expect
from tests.services.evaluator.engine.positions import trickling

CLEANER = {"log.cleaner.backoff.ms": "100", "log.cleaner.delete.retention.ms": "100"}
COMPACTED = {
    "segment.ms": "400",
    "min.cleanable.dirty.ratio": "0.01",
    "min.compaction.lag.ms": "0",
    "max.compaction.lag.ms": "400",
    "delete.retention.ms": "100",
}
STOPS = ("flushed", "begin", "offsets_sent", "before_commit")
"""Where a worker is frozen in its transaction, one after the other."""
LEFT_AT_MOST = 0.25
"""The share of the records ever written that may be left when cleaning has really happened."""


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[EmbeddedKafka]:
    with own_kafka(tmp_path / "kafka", properties=CLEANER) as broker:
        yield broker


@pytest.fixture
def settings(broker: EmbeddedKafka) -> ServiceSettings:
    settings = settings_at(broker)
    create_topics(settings, compacted=COMPACTED)
    names = [topic(settings, name) for name in (topics.OUTCOMES, topics.DEAD_LETTERS)]
    admin = AdminClient(confluent_config(settings))
    for created in admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in names]).values():
        created.result(30)
    return settings


class Output(msgspec.Struct):
    """What the loop needs of an action."""

    customer: str
    version: Version
    n: int
    sum: int


class Newest:
    """A new sink, which knows nothing: what it holds when all is read is what the topic tells."""

    name = "newest"
    group = "consumer.newest"
    outcome: tuple[OutcomeKind, str] = ("group", "newest")
    decoders: Mapping[str, Callable[[bytes], Any]] = {OUTPUTS: msgspec.json.Decoder(Output).decode}
    limits = Limits(batch=100, concurrency=4)
    reads_back = False

    def __init__(self) -> None:
        self.held: dict[str, list[int]] = {}

    def prepare(self, connection: Connection, arrivals: Sequence[Arrival]) -> Sequence[Target | Finished]:
        return [Target(one.desired.version, [one.desired.n, one.desired.sum]) for one in arrivals]

    async def read_back(self, customers: Sequence[str]) -> Mapping[str, Any]:
        raise NotImplementedError

    async def perform(self, tasks: Sequence[Task]) -> Mapping[str, Result]:
        self.held |= {task.customer: task.target.value for task in tasks}
        return {task.customer: APPLIED for task in tasks}


@asynccontextmanager
async def bootstrapped(settings: ServiceSettings, sink: Newest, folder: Path) -> AsyncIterator[None]:
    async def main(running: Running) -> None:
        database = open_database(f"sqlite:///{folder / 'newest.db'}")
        migrate_ledger(database)
        producer = make_producer(settings)
        await producer.start()
        try:
            running.health.clear(STARTING)
            await Consumer(sink, settings=settings, database=database, producer=producer, running=running).run()
        finally:
            await producer.stop()
            await database.close()

    async with in_process(main):
        yield


def is_frozen(process: Process) -> bool:
    status = Path(f"/proc/{process.popen.pid}/stat").read_text(encoding="utf-8")
    return status.rpartition(")")[2].split()[0] == "T"


async def left(settings: ServiceSettings, name: str) -> float:
    """The share of a topic's offsets at which a record is left."""
    records = await read_to_end(settings, topic(settings, name), range(PARTITIONS), read_committed=False)
    last = {record.partition: record.offset for record in records}
    written: int = sum(offset + 1 for offset in last.values())
    return len(records) / written


def cleaned(settings: ServiceSettings) -> bool:
    return all(asyncio.run(left(settings, name)) < LEFT_AT_MOST for name in (CHANGELOG, OUTPUTS))


def freeze_and_wake(workers: Workers, stays: Process, phase: str) -> None:
    """A second worker that is frozen within a transaction, and woken when its partitions are long another's."""
    zombie = workers.start("1", test_stop=f"{phase}:stop:40")
    wait_for("both hold some", lambda: len(held(zombie)) == len(held(stays)) == PARTITIONS // 2, 40)
    wait_for("it is frozen", lambda: is_frozen(zombie), 40)
    before = restores(zombie)
    wait_for("the other has all", lambda: len(held(stays)) == PARTITIONS, 40)
    zombie.popen.send_signal(signal.SIGCONT)
    # It finds that it was replaced: it restores in a new generation, or ends for its supervisor to start it.
    wait_for("it noticed", lambda: restores(zombie) > before or zombie.popen.poll() is not None, 40)
    zombie.popen.terminate()
    zombie.popen.wait(15)


async def restored(settings: ServiceSettings) -> dict[bytes, bytes]:
    restorer = Restorer(settings, source=topic(settings, SOURCE), changelog=topic(settings, CHANGELOG))
    partitions = await restorer.restore(range(PARTITIONS), lambda: True)
    assert partitions is not None
    return {
        key: value
        for partition in partitions.values()
        for key, value in partition.records.items()
        if key != PARTITION_WIDE_KEY
    }


async def newest(settings: ServiceSettings, folder: Path, expected: Mapping[str, list[int]]) -> dict[str, list[int]]:
    """What a new consumer holds when it has everything; or, at the deadline, what it has by then."""
    sink = Newest()

    async def complete() -> bool:
        return sink.held == expected

    async with bootstrapped(settings, sink, folder):
        await eventually(complete, what="the new consumer holds what is expected", deadline_s=40)
    return sink.held


@pytest.mark.slow
def test_compaction__zombies_and_an_eager_cleaner__restores_exactly_and_tells_all(
    settings: ServiceSettings, workers: Workers, tmp_path: Path
) -> None:
    """Four workers, one after the other, frozen in their transactions beyond the session and woken."""
    stays = workers.start("0")
    wait_for("it has all", lambda: len(held(stays)) == PARTITIONS)
    with trickling(settings, per_s=1_000, customers=120):
        for phase in STOPS:
            freeze_and_wake(workers, stays, phase)
        wait_for("cleaning has happened", lambda: cleaned(settings), 60)
    wait_for("all committed", lambda: lag(settings) == 0)
    verdict = asyncio.run(judge(settings))
    assert (verdict.state, verdict.regressed, verdict.applied_wrong) == ([], 0, [])
    assert (verdict.extra, verdict.repeated) == (set(), [])

    expected = asyncio.run(expect(settings, PARTITIONS))
    assert asyncio.run(restored(settings)) == expected.records
    decoded = [msgspec.json.decode(value, type=Output) for value in expected.newest.values()]
    wanted = {one.customer: [one.n, one.sum] for one in decoded}
    assert asyncio.run(newest(settings, tmp_path, wanted)) == wanted

    # And a worker goes on from what the cleaner left.
    stays.popen.terminate()
    stays.popen.wait(15)
    load(settings, 5_000, seed=9)
    workers.start("2")
    wait_for("all committed", lambda: lag(settings) == 0)
    verdict = asyncio.run(judge(settings))
    assert (verdict.state, verdict.regressed, verdict.extra, verdict.repeated) == ([], 0, set(), [])
