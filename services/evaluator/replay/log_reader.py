"""One partition of the log or of a changelog, read in bulk from one offset to another.

What the records mean is the fold's; nothing is committed here.
"""

import time
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from headrace.runtime.kafka import confluent_config
from headrace.runtime.settings import KafkaSettings

_BATCH: Final = 1_000
_WAIT_S: Final = 0.1
"""The library waits so long for a batch to be full, also at the end of the log."""
_SILENT_S: Final = 60.0
_CALL_S: Final = 30.0


class LogRecord(NamedTuple):
    """One record of the log. `timestamp` is 0: no fold reads it."""

    offset: int
    key: bytes | None
    value: bytes | None
    timestamp: int = 0


def bounds(settings: KafkaSettings, topic: str, partitions: tuple[int, ...]) -> dict[int, tuple[int, int]]:
    """First offset and high watermark of each partition. Raises `KafkaException`."""
    consumer = _consumer(settings, isolation="read_uncommitted")
    try:
        return {
            number: consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=_CALL_S)
            for number in partitions
        }
    finally:
        consumer.close()


def read_log(settings: KafkaSettings, topic: str, partition: int, *, begin: int, end: int) -> Iterator[list[LogRecord]]:
    """The partition's records from `begin` up to and without `end`, in batches. Raises `KafkaException`."""
    if begin >= end:
        return
    consumer = _consumer(settings)
    try:
        consumer.assign([TopicPartition(topic, partition, begin)])
        heard, at = time.monotonic(), begin
        while True:
            # No more than there are, or the library waits for others behind the last.
            messages = consumer.consume(min(_BATCH, end - at), timeout=_WAIT_S)
            if messages:
                heard = time.monotonic()
            elif time.monotonic() - heard > _SILENT_S:
                raise KafkaException(KafkaError(KafkaError._TIMED_OUT, f"{topic} {partition}: nothing came"))
            records, ended = _take(messages, end)
            if records:
                at = records[-1].offset + 1
                yield records
            if ended:
                return
    finally:
        consumer.close()


def _take(messages: list[Message], end: int) -> tuple[list[LogRecord], bool]:
    """The records before `end`, and whether it was reached (also by the end of the partition)."""
    records: list[LogRecord] = []
    for message in messages:
        error = message.error()
        if error is not None:
            if error.code() != KafkaError._PARTITION_EOF:
                raise KafkaException(error)
            if _offset(message) >= end:
                return records, True
            continue
        offset = _offset(message)
        if offset >= end:
            return records, True
        records.append(LogRecord(offset, message.key(), message.value()))
    return records, bool(records) and records[-1].offset + 1 >= end


def _offset(message: Message) -> int:
    offset: Any = message.offset()
    return int(offset)


def _consumer(settings: KafkaSettings, isolation: str = "read_committed") -> Consumer:
    return Consumer(
        {
            **confluent_config(settings),
            "group.id": f"{settings.topic_prefix}replay-reader",  # asked for by the library; never joined
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "error",
            "isolation.level": isolation,
            "fetch.wait.max.ms": 50,
            "fetch.min.bytes": 1,
            "max.partition.fetch.bytes": 4 * 1024 * 1024,
            "queued.max.messages.kbytes": 16 * 1024,
            # With a full queue the library would rest a second by default, and the fold is through with it before.
            "fetch.queue.backoff.ms": 50,
            "log_level": 0,
        }
    )
