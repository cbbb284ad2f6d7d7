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


def write_changelog(settings: KafkaSettings, topic: str, partition: int, values: Mapping[bytes, bytes]) -> None:
    """Appends each value under its key and returns when all are acknowledged. Raises `KafkaException`."""
    producer = _producer(settings)
    failures: list[Any] = []

    def done(error: Any, _: Any) -> None:
        if error is not None:
            failures.append(error)

    for key, value in values.items():
        while True:
            try:
                producer.produce(topic, value, key, partition, on_delivery=done)
                break
            except BufferError:
                producer.poll(0.1)
        producer.poll(0)
    left = producer.flush(_FLUSH_S)
    if failures:
        raise KafkaException(failures[0])
    if left:
        raise TimeoutError(f"{left} records of {topic} were not acknowledged in {_FLUSH_S:g} s")


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
