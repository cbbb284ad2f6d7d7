"""The records of one partition of a new generation, written in bulk to its changelog.

Not in a transaction: until the generation's offsets are committed nobody reads it.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from confluent_kafka import KafkaException, Producer

from headrace.runtime.kafka import MAX_REQUEST_BYTES, confluent_config
from headrace.runtime.settings import KafkaSettings

_FLUSH_S = 120.0


class ChangelogWriter:
    """Appends each value under its key; they are sent while whoever made it goes on. Raises `KafkaException`."""

    def __init__(self, settings: KafkaSettings, topic: str, partition: int, values: Mapping[bytes, bytes]) -> None:
        self._topic = topic
        self._producer = _producer(settings)
        self._failures: list[Any] = []
        for key, value in values.items():
            self._append(partition, key, value)

    def finish(self) -> None:
        """Returns when all are acknowledged. Raises `KafkaException`, `TimeoutError`."""
        left = self._producer.flush(_FLUSH_S)
        if self._failures:
            raise KafkaException(self._failures[0])
        if left:
            raise TimeoutError(f"{left} records of {self._topic} were not acknowledged in {_FLUSH_S:g} s")

    def _append(self, partition: int, key: bytes, value: bytes) -> None:
        while True:
            try:
                self._producer.produce(self._topic, value, key, partition, on_delivery=self._delivered)
                break
            except BufferError:
                self._producer.poll(0.1)
        self._producer.poll(0)

    def _delivered(self, error: Any, _: Any) -> None:
        if error is not None:
            self._failures.append(error)


@lru_cache(maxsize=1)
def _producer(settings: KafkaSettings) -> Producer:
    """One for all partitions of a process: a new one waits half a second for its id."""
    return Producer(
        {
            **confluent_config(settings),
            "enable.idempotence": True,
            "acks": "all",
            "linger.ms": 20,
            "batch.size": 1024 * 1024,
            "message.max.bytes": MAX_REQUEST_BYTES,
            "queue.buffering.max.kbytes": 64 * 1024,
            "log_level": 0,
        }
    )
