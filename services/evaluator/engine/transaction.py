"""One transactional producer per worker, in one thread: begin, produce, flush, offsets with the fence, commit.

What is written and when is `core.py`'s business; here is only how, and what an error means.
"""

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition

from headrace.runtime.logs import log
from headrace.runtime.process import FatalError
from headrace.runtime.topics import MAX_DEAD_LETTER_BYTES
from services.evaluator.engine.epoch import Batch
from services.evaluator.engine.membership import group_metadata

FENCED: Final = frozenset({"ILLEGAL_GENERATION", "UNKNOWN_MEMBER_ID", "FENCED_INSTANCE_ID", "REBALANCE_IN_PROGRESS"})
"""The consumer group has moved on without us: after a rejoin and a restore work goes on."""
REPLACED: Final = frozenset({"_FENCED", "INVALID_PRODUCER_EPOCH", "PRODUCER_FENCED"})
"""Another worker took our transactional id over: this one ends."""
TRANSACTION_TIMEOUT_MS: Final = 10_000
_FLUSH_S: Final = 12.0
_CALL_S: Final = 3.0
_ABORT_WITHIN_S: Final = 60.0
_COMMIT_WITHIN_S: Final = 25.0
_AGAIN_S: Final = 0.01
_SAY_EVERY_S: Final = 10.0

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Aborted:
    """The transaction was rolled back. `fenced`: the group has moved on without us."""

    reason: str
    fenced: bool


@dataclass(frozen=True, slots=True)
class Written:
    """The transaction was committed, in `seconds`."""

    seconds: float


class Transactions:
    """Writes batches, one after the other. Not to be shared: `transactional_id` belongs to one living worker."""

    def __init__(
        self, connection: dict[str, Any], *, transactional_id: str, group: str, source: str, changelog: str
    ) -> None:
        self._config = {
            **connection,
            "transactional.id": transactional_id,
            "transaction.timeout.ms": TRANSACTION_TIMEOUT_MS,
            "linger.ms": 0,
            "batch.size": 1_000_000,
            "message.max.bytes": MAX_DEAD_LETTER_BYTES,
            "socket.nagle.disable": True,
            "retry.backoff.ms": 5,
            "retry.backoff.max.ms": 50,
            "delivery.report.only.error": True,
            "queue.buffering.max.messages": 1_000_000,
            "reconnect.backoff.max.ms": 1000,
            "log_level": 2,
            "error_cb": _BrokerErrors(),
        }
        self._group = group
        self._source = source
        self._changelog = changelog
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="transactions")
        self._producer: Producer | None = None
        self._ended = threading.Event()

    async def start(self) -> None:
        """Takes the transactional id over: an older worker's open transaction is ended. Harmless when started."""
        if self._producer is None:
            self._producer = await self._in_thread(self._init)

    async def write(self, batch: Batch) -> Written | Aborted:
        """Writes a batch whole or not at all. Raises `FatalError` when this worker was replaced or Kafka stays away."""
        return await self._in_thread(lambda: self._write(batch))

    def stop(self) -> None:
        """Ends the thread within a call's time; an open transaction is left to its time-out."""
        self._ended.set()
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _in_thread(self, call: Callable[[], R]) -> R:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)

    def _init(self) -> Producer:
        producer = Producer(self._config)
        try:
            self._insist(lambda: producer.init_transactions(_CALL_S), _ABORT_WITHIN_S)
        except KafkaException as error:
            raise FatalError("transactions_unavailable", str(error.args[0])) from error
        return producer

    def _write(self, batch: Batch) -> Written | Aborted:
        producer = self._producer
        if producer is None:
            raise FatalError("transactions_not_started")
        started = time.perf_counter()
        try:
            producer.begin_transaction()
            self._produce(producer, batch)
            # Flushed before the offsets: ending a transaction does not check the generation, so every record must
            # lie below the high watermark before it is checked (restore.py reads up to it).
            self._flush(producer)
            self._send_positions(producer, batch)
            self._insist(lambda: producer.commit_transaction(_CALL_S), _COMMIT_WITHIN_S)
        except KafkaException as error:
            return self._abort(producer, _cause(error))
        return Written(time.perf_counter() - started)

    def _flush(self, producer: Producer) -> None:
        deadline = time.monotonic() + _FLUSH_S
        while left := producer.flush(_CALL_S):
            if time.monotonic() > deadline or self._ended.is_set():
                raise KafkaException(KafkaError(KafkaError._TIMED_OUT, f"{left} records were not acknowledged"))

    def _insist(self, call: Callable[[], None], within_s: float) -> None:
        """Repeats what Kafka says may be repeated, for so long, but not beyond the end of this worker."""
        deadline = time.monotonic() + within_s
        while True:
            try:
                return call()
            except KafkaException as error:
                reason = _cause(error)
                hopeless = reason.fatal() or not reason.retriable() or reason.txn_requires_abort()
                if hopeless or self._ended.is_set() or time.monotonic() > deadline:
                    raise
                time.sleep(_AGAIN_S)

    def _abort(self, producer: Producer, error: KafkaError) -> Aborted:
        try:
            if not error.fatal():
                self._insist(lambda: producer.abort_transaction(_CALL_S), _ABORT_WITHIN_S)
                return Aborted(f"{error.name()}: {error.str()}", error.name() in FENCED)
            second = error
        except KafkaException as failed:
            second = _cause(failed)
        if self._ended.is_set():
            raise FatalError("stopped_within_transaction", second.name())
        if second.name() in REPLACED:
            raise FatalError("worker_replaced", f"{second.name()}: {second.str()}")
        # The producer is beyond use (after a broker was away). A new one under the same id ends the transaction, one
        # way or the other; the restore that follows reads which.
        producer.purge()
        self._producer = self._init()
        return Aborted(f"{error.name()}, then {second.name()}: {second.str()}", fenced=False)

    def _produce(self, producer: Producer, batch: Batch) -> None:
        for partition, values in batch.changelog.items():
            for key, value in values.items():
                _produce(producer, self._changelog, value, key, partition)
        for output in batch.outputs:
            headers = list(output.headers) or None
            _produce(producer, output.topic, output.value, output.key, output.partition, headers)

    def _send_positions(self, producer: Producer, batch: Batch) -> None:
        positions = [TopicPartition(self._source, number, offset) for number, offset in batch.positions.items()]
        metadata = group_metadata(self._group, batch.member)
        self._insist(lambda: producer.send_offsets_to_transaction(positions, metadata, _CALL_S), _COMMIT_WITHIN_S)


def _produce(
    producer: Producer,
    topic: str,
    value: bytes | None,
    key: bytes | None,
    partition: int,
    headers: list[tuple[str, bytes]] | None = None,
) -> None:
    while True:
        try:
            producer.produce(topic, value, key, partition, headers=headers)  # type: ignore[arg-type]  # None is no headers
        except BufferError:
            producer.poll(0.1)
        else:
            return


def _cause(error: KafkaException) -> KafkaError:
    cause = error.args[0]
    return cause if isinstance(cause, KafkaError) else KafkaError(KafkaError._FAIL, str(cause))


class _BrokerErrors:
    """Says that a broker is away once in a while: librdkafka gives each failed connection, later and all at once."""

    def __init__(self) -> None:
        self._said = -_SAY_EVERY_S

    def __call__(self, error: KafkaError) -> None:
        if time.monotonic() - self._said >= _SAY_EVERY_S:
            self._said = time.monotonic()
            log.warning("kafka.unavailable", call="transaction", error=error.str())
