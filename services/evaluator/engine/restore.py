"""Restore: partitions read back from the changelog in bulk, up to the high watermark, committed records only.

When a restore is due is decided by Faust's recovery (a rebalance) or the core (an abort); both end here.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from headrace.runtime.kafka import make_consumer
from headrace.runtime.logs import log
from headrace.runtime.metrics import counter, gauge, histogram
from headrace.runtime.process import FatalError
from headrace.runtime.settings import KafkaSettings
from services.evaluator.engine import cures
from services.evaluator.engine.failures import fatal
from services.evaluator.engine.state import MARK_BYTES, Partition

_AGAIN_S: Final = 1.0
_SILENT_S: Final = 30.0
"""How long nothing may come before it is tried with new connections: longer than an open transaction can last."""
_POLL_MS: Final = 50
_POLL_RECORDS: Final = 20_000
_FETCH_BYTES: Final = 4 * 1024 * 1024
_METADATA_AGAIN_MS: Final = 20
"""A new client asks twice for a topic's partitions; aiokafka would rest 100 ms between."""


class Restorer:
    """Reads partitions of the state back. `source` and `changelog` are full topic names."""

    def __init__(self, settings: KafkaSettings, *, source: str, changelog: str) -> None:
        self._settings = settings
        self._source = source
        self._changelog = changelog

    async def restore(self, numbers: Iterable[int], wanted: Callable[[], bool]) -> dict[int, Partition] | None:
        """The partitions by number. Waits for Kafka as long as it is `wanted`, then None.

        Raises `FatalError` when waiting does not help: we may not read, or a topic is gone.
        """
        asked = sorted(numbers)
        while wanted():
            try:
                return await self._read(asked) if asked else {}
            except (KafkaError, OSError, TimeoutError) as error:
                if isinstance(error, KafkaError) and (ends := fatal(error.message, str(error))):
                    raise ends from error
                log.warning("kafka.unavailable", call="restore", error=repr(error))
                await asyncio.sleep(_AGAIN_S)
        return None

    async def _read(self, numbers: list[int]) -> dict[int, Partition]:
        options: dict[str, Any] = {"retry_backoff_ms": _METADATA_AGAIN_MS}
        committed = make_consumer(
            self._settings,
            read_committed=not cures.off("read_committed"),
            max_partition_fetch_bytes=_FETCH_BYTES,
            **options,
        )
        # The end of a read_committed consumer is the last stable offset, which lies before an open transaction that
        # may still be committed: the high watermark is asked of a read_uncommitted one.
        everything = make_consumer(self._settings, read_committed=cures.off("high_watermark"), **options)
        started = time.perf_counter()
        try:
            try:
                async with asyncio.timeout(_SILENT_S):
                    await committed.start()
                    await everything.start()
                    starts, ends = await asyncio.gather(
                        everything.beginning_offsets([TopicPartition(self._source, n) for n in numbers]),
                        everything.end_offsets([TopicPartition(self._changelog, n) for n in numbers]),
                    )
            except TimeoutError:
                self._are_visible(everything)
                raise
            log.info("partitions.restoring", partitions=numbers, offsets=sum(ends.values()))
            partitions = {at.partition: Partition(at.partition, log_start=start) for at, start in starts.items()}
            read = await _fill(committed, ends, partitions)
        finally:
            await committed.stop()
            await everything.stop()
        seconds = time.perf_counter() - started
        counter("headrace_evaluator_restored_records_total").inc(read)
        histogram("headrace_evaluator_restore_seconds").observe(seconds)
        log.info(
            "partitions.restored",
            partitions=numbers,
            records=read,
            keys=sum(len(partition.records) for partition in partitions.values()),
            seconds=round(seconds, 3),
        )
        return partitions

    def _are_visible(self, consumer: AIOKafkaConsumer) -> None:
        """Raises `FatalError` when Kafka answers, but does not tell of our topics: aiokafka would ask for ever."""
        cluster = consumer._client.cluster
        wanted = {self._source, self._changelog}
        if denied := wanted & cluster.unauthorized_topics:
            raise FatalError("not_authorized", f"topics {sorted(denied)}")
        if cluster.brokers() and (missing := wanted - cluster.topics(exclude_internal_topics=False)):
            raise FatalError("topic_missing", f"topics {sorted(missing)}")


async def _fill(consumer: AIOKafkaConsumer, ends: dict[TopicPartition, int], partitions: dict[int, Partition]) -> int:
    consumer.assign(list(ends))
    await consumer.seek_to_beginning(*ends)
    read = 0
    waiting = {at for at, end in ends.items() if end > 0}
    _tell_progress(ends, dict.fromkeys(waiting, 0))
    while waiting:
        # Each round moves on or ends in time, whatever a broker that came back answers.
        async with asyncio.timeout(_SILENT_S):
            before = read, len(waiting)
            while waiting and before == (read, len(waiting)):
                for at, records in (await consumer.getmany(timeout_ms=_POLL_MS, max_records=_POLL_RECORDS)).items():
                    read += len(records)
                    take(partitions[at.partition], records)
                # The position also moves over markers and aborted records, which getmany does not return.
                positions = {at: await consumer.position(at) for at in waiting}
                waiting = {at for at in waiting if positions[at] < ends[at]}
                _tell_progress(ends, {at: positions[at] for at in waiting})
    for partition in partitions.values():
        partition.restored()
    return read


def _tell_progress(ends: Mapping[TopicPartition, int], waiting: Mapping[TopicPartition, int]) -> None:
    """`waiting`: where those stand that have not come to their end."""
    wanted = sum(ends.values())
    gauge("headrace_evaluator_restore_offsets_wanted").set(wanted)
    gauge("headrace_evaluator_restore_offsets_read").set(wanted - sum(ends[at] - waiting[at] for at in waiting))


def take(partition: Partition, records: Sequence[Any]) -> None:
    """Records of the changelog, in offset order: a key's largest mark wins; what is no record is passed over."""
    for record in records:
        if record.value is not None and len(record.value) < MARK_BYTES:
            log.error("changelog.unreadable", partition=partition.number, offset=record.offset)
        elif not partition.restore(record.key, record.value):
            log.error("changelog.regressed", partition=partition.number, offset=record.offset)
