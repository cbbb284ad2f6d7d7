"""Writing a partition in bulk: everything is acknowledged, or the replay hears why not."""

from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from headrace.runtime.settings import KafkaSettings
from services.evaluator.replay import changelog_writer
from services.evaluator.replay.changelog_writer import ChangelogWriter

VALUES = {b"s:a": b"one", b"s:b": b"two", b"s:c": b"three"}


class StandIn:
    """A producer whose queue holds two records; it delivers when it is polled with time, or flushed."""

    def __init__(self, error: KafkaError | None = None, *, left: int = 0) -> None:
        self.delivered: list[tuple[bytes, bytes, int]] = []
        self._queue: list[tuple[tuple[bytes, bytes, int], Callable[[Any, Any], None]]] = []
        self._error = error
        self._left = left

    def produce(
        self, _: str, value: bytes, key: bytes, partition: int, on_delivery: Callable[[Any, Any], None]
    ) -> None:
        if len(self._queue) == 2:
            raise BufferError
        self._queue.append(((key, value, partition), on_delivery))

    def poll(self, timeout: float) -> None:
        if timeout:
            self.flush(timeout)

    def flush(self, _: float) -> int:
        for record, on_delivery in self._queue:
            self.delivered.append(record)
            on_delivery(self._error, None)
        self._queue.clear()
        return self._left


def writer_on(producer: StandIn, monkeypatch: pytest.MonkeyPatch) -> ChangelogWriter:
    monkeypatch.setattr(changelog_writer, "_producer", lambda _: producer)
    return ChangelogWriter(KafkaSettings(kafka_bootstrap_servers="nowhere:1"), "changelog", 3, VALUES)


def test_changelog_writer__more_records_than_the_queue_holds__writes_them_all(monkeypatch: pytest.MonkeyPatch) -> None:
    producer = StandIn()
    writer_on(producer, monkeypatch).finish()

    assert producer.delivered == [(key, value, 3) for key, value in VALUES.items()]


def test_changelog_writer__record_that_is_refused__raises_when_it_finishes(monkeypatch: pytest.MonkeyPatch) -> None:
    writer = writer_on(StandIn(KafkaError(KafkaError.MSG_SIZE_TOO_LARGE)), monkeypatch)

    with pytest.raises(KafkaException):
        writer.finish()


def test_changelog_writer__records_that_nobody_acknowledges__raises(monkeypatch: pytest.MonkeyPatch) -> None:
    writer = writer_on(StandIn(left=2), monkeypatch)

    with pytest.raises(TimeoutError, match="2 records of changelog"):
        writer.finish()
