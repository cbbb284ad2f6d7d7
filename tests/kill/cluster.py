"""The Kafka of one run, its own broker in its own folder: topics, ends, committed offsets, and whole topics read.

What is in the topics is the folds' and the judge's business.
"""

import asyncio
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, Self

from confluent_kafka import Consumer, IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec

from headrace.contracts.topics import DESIRED_STATE_TOPICS, EVENTS, changelog
from headrace.runtime.embedded_kafka import EmbeddedKafka
from headrace.runtime.kafka import confluent_config, topic
from headrace.runtime.settings import ServiceSettings
from headrace.runtime.topics import create_topics
from tests.kill.counting import OUTPUTS
from tests.kill.judge import LogRecord
from tests.kill.plan import FoldName

PARTITIONS: Final = 12
STORE: Final = "teststore"
_CALL_S: Final = 10.0
_SETTLE_S: Final = 60.0
_EAGER_CLEANER: Final = {"log.cleaner.backoff.ms": 500}
_SMALL_SEGMENTS: Final = {"segment.ms": "2000", "min.cleanable.dirty.ratio": "0.01", "max.compaction.lag.ms": "1000"}


class Cluster:
    """One broker and what stands on it. `kill` and the calls that read may be used at any time."""

    def __init__(self, folder: Path, fold: FoldName, *, compacted: bool) -> None:
        self._kafka = EmbeddedKafka(folder / "kafka", properties=_EAGER_CLEANER)
        self._fold: FoldName = fold
        self._compacted = compacted
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="broker")

    def __enter__(self) -> Self:
        info = self._kafka.start()
        self.settings = ServiceSettings(kafka_bootstrap_servers=info.bootstrap_servers, store=STORE)
        self.group = topic(self.settings, "evaluator-1")
        self.events = topic(self.settings, EVENTS)
        self.changelog = topic(self.settings, changelog(1))
        outputs = OUTPUTS if self._fold == "counting" else DESIRED_STATE_TOPICS
        self.outputs = tuple(topic(self.settings, name) for name in outputs)
        quiet = {**confluent_config(self.settings), "log_level": 0}
        self._admin = AdminClient(quiet)
        # read_uncommitted: else the question for the offsets waits for open transactions.
        self._group = Consumer({**quiet, "group.id": self.group, "isolation.level": "read_uncommitted"})
        self._create_topics()
        return self

    def __exit__(self, *_: object) -> None:
        self._group.close()
        self._pool.shutdown()
        self._kafka.stop()

    def kill_broker(self, away_s: float) -> "Future[None]":
        """SIGKILL now, back after `away_s` and its own time, in a thread."""
        self._kafka.kill()

        def back() -> None:
            time.sleep(away_s)
            self._kafka.start()

        return self._pool.submit(back)

    def ends(self, topics: Iterable[str], *, committed: bool = False) -> dict[tuple[str, int], int]:
        """High watermarks (`committed`: last stable offsets). Raises `KafkaException` while Kafka is away."""
        latest: OffsetSpec = OffsetSpec.latest()
        asked = {TopicPartition(name, number): latest for name in topics for number in range(PARTITIONS)}
        level = IsolationLevel.READ_COMMITTED if committed else IsolationLevel.READ_UNCOMMITTED
        answers = self._admin.list_offsets(asked, isolation_level=level, request_timeout=_CALL_S)
        return {(at.topic, at.partition): _offset(answer.result(_CALL_S)) for at, answer in answers.items()}

    def committed(self) -> dict[int, int]:
        """The group's offsets, 0 for none. Raises `KafkaException` while Kafka is away."""
        asked = [TopicPartition(self.events, number) for number in range(PARTITIONS)]
        return {at.partition: max(at.offset, 0) for at in self._group.committed(asked, timeout=_CALL_S)}

    def settle(self) -> None:
        """Waits until no transaction is open. Raises `TimeoutError`."""
        deadline = time.monotonic() + _SETTLE_S
        topics = (self.events, self.changelog, *self.outputs)
        while self.ends(topics) != self.ends(topics, committed=True):
            if time.monotonic() > deadline:
                raise TimeoutError("a transaction stays open")
            time.sleep(0.2)

    def read(self, name: str) -> list[LogRecord]:
        """Every committed record of a topic, each partition's in offset order."""
        config: Mapping[str, Any] = {
            "group.id": "judge",
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "log_level": 0,
        }
        consumer = Consumer({**confluent_config(self.settings), **config})
        try:
            consumer.assign([TopicPartition(name, number, 0) for number in range(PARTITIONS)])
            return _read(consumer)
        finally:
            consumer.close()

    def _create_topics(self) -> None:
        kept = {"cleanup.policy": "compact"} | (
            _SMALL_SEGMENTS if self._compacted else {"min.cleanable.dirty.ratio": "1"}
        )
        names: dict[str, dict[str, str]] = {self.changelog: kept}
        # Never compacted here, whatever their policy is in production: the judge wants to see every record.
        names |= {name: {"retention.ms": "-1"} for name in (*self.outputs, self.events)}
        for made in self._admin.create_topics(
            [NewTopic(name, PARTITIONS, 1, config=config) for name, config in names.items()]
        ).values():
            made.result(_CALL_S)
        if self._fold == "customers":
            asyncio.run(create_topics(self.settings, partitions=PARTITIONS))


def _offset(answer: Any) -> int:
    """(The stubs do not know this class's one field.)"""
    return int(answer.offset)


def _read(consumer: Consumer) -> list[LogRecord]:
    found: dict[int, list[LogRecord]] = {}
    ended: set[int] = set()
    while len(ended) < PARTITIONS:
        for message in consumer.consume(10_000, 1.0):
            number = message.partition() or 0
            if (error := message.error()) is None:
                record = LogRecord(number, message.offset() or 0, message.key() or b"", message.value())
                found.setdefault(number, []).append(record)
            elif error.code() == KafkaError._PARTITION_EOF:
                ended.add(number)
            else:
                raise KafkaException(error)
    return [record for number in sorted(found) for record in found[number]]
