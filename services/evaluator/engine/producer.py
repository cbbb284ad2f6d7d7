"""The blocking side of a worker's transactions: begin, produce, flush, offsets with the fence, commit, step by step.

Whose thread it is, and what happens when a step does not come back, is `transaction.py`'s business.
"""

import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer, TopicPartition

from headrace.runtime.logs import log
from headrace.runtime.process import FatalError
from services.evaluator.engine import cures, phases
from services.evaluator.engine.epoch import Batch
from services.evaluator.engine.failures import fatal
from services.evaluator.engine.membership import group_metadata
from services.evaluator.engine.seal import open_places, seal

FENCED: Final = frozenset({"ILLEGAL_GENERATION", "UNKNOWN_MEMBER_ID", "FENCED_INSTANCE_ID", "REBALANCE_IN_PROGRESS"})
"""The consumer group has moved on without us: after a rejoin and a restore work goes on."""
REPLACED: Final = frozenset({"_FENCED", "INVALID_PRODUCER_EPOCH", "PRODUCER_FENCED"})
"""Another worker took our transactional id over, and this one ends; or the transaction was open for too long."""
TRANSACTION_TIMEOUT_S: Final = 10.0
CALL_S: Final = 3.0
_FLUSH_S: Final = 12.0
_STEP_S: Final = 6.0
_AGAIN_S: Final = 0.01
_SEALS: Final = 4
_SEAL_AGAIN_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Aborted:
    """The transaction was rolled back, or will be by the next `start`. `fenced`: the group has moved on without us."""

    reason: str
    fenced: bool


@dataclass(frozen=True, slots=True)
class Written:
    """The transaction was committed, in `seconds`."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Topics:
    """Full names: the consumer group, its source topic, the changelog, what else the transactions write to."""

    group: str
    source: str
    changelog: str
    outputs: tuple[str, ...] = ()


class TransactionalProducer:
    """librdkafka's producer under one transactional id. All but `end` and `is_overdue` in one thread only."""

    def __init__(self, config: dict[str, Any], topics: Topics) -> None:
        self._config = {**config, "error_cb": self._broker_error, "on_delivery": self._failed}
        self._say: Callable[[KafkaError], None] = config["error_cb"]
        self._topics = topics
        self._producer: Producer | None = None
        self._ended = threading.Event()
        self._due: float | None = None
        self._undelivered: KafkaError | None = None
        self._broker_was_away = False
        self._seals_left = 0

    def end(self) -> None:
        """From any thread: nothing more is repeated; an open transaction is left to its time-out."""
        self._ended.set()

    def is_overdue(self) -> bool:
        """From any thread: whether the call that goes on should have ended by its own time-out."""
        due = self._due
        return due is not None and time.monotonic() > due

    def start(self, kept: Collection[int] = ()) -> None:
        """Takes the transactional id over: an older open transaction is ended. Harmless when started.

        What a broker forgot to end is rolled back by a new producer, and by one that saw the broker go: but for the
        `kept` partitions, whose state in memory counts as committed (the next transaction over them ends it well).
        Waits for Kafka until `end`. Raises `FatalError`.
        """
        if self._producer is not None:
            self._producer.poll(0)  # what became of the broker is told here
            if self._broker_was_away:
                self._seal_or_give_up(self._producer, kept)
        self._broker_was_away = False
        self._seals_left = _SEALS
        while self._producer is None:
            self._producer = self._take_over(kept)

    def _take_over(self, kept: Collection[int]) -> Producer | None:
        """A producer that has the id now, None when it is to be tried again. Raises `FatalError`."""
        producer = Producer(self._config)
        sealing = False
        try:
            self._insist(lambda: producer.init_transactions(CALL_S))
            if self._seals_left:
                self._seals_left -= 1  # what it cannot do in a while is not worth the worker
                sealing = True
                self._seal(producer, kept)
        except KafkaException as error:
            reason = _cause(error)
            if ends := fatal(reason.name(), reason.str()):
                raise ends from error
            # What the seal asks of the topics is not told to be worth repeating: a partition may be without a leader.
            if self._ended.is_set() or reason.fatal() or not (sealing or reason.retriable()):
                raise FatalError("transactions_unavailable", f"{reason.name()}: {reason.str()}") from error
            log.warning("kafka.unavailable", call="seal" if sealing else "init_transactions", error=reason.str())
            producer.purge()
            self._ended.wait(_SEAL_AGAIN_S if sealing else 0)
            return None
        return producer

    def _seal(self, producer: Producer, kept: Collection[int]) -> None:
        if cures.off("seal"):
            return
        found = open_places(self._config, (self._topics.changelog, *self._topics.outputs))
        if places := [place for place in found if place[1] not in kept]:
            seal(producer, places, self._insist)

    def _broker_error(self, error: KafkaError) -> None:
        self._broker_was_away = True
        self._say(error)

    def _seal_or_give_up(self, producer: Producer, kept: Collection[int]) -> None:
        try:
            self._seal(producer, kept)
        except KafkaException as error:
            log.warning("kafka.unavailable", call="seal", error=_cause(error).str())
            producer.purge()
            self._producer = None

    def write(self, batch: Batch) -> Written | Aborted:
        """Writes a batch whole or not at all.

        Raises `FatalError` when this worker was replaced, or when Kafka will never take the batch (`failures.py`).
        """
        producer = self._producer
        if producer is None:
            return Aborted("the producer was given up", fenced=False)
        started = time.perf_counter()
        self._undelivered = None
        try:
            for part in _transactions(batch):
                self._transact(producer, part)
        except KafkaException as error:
            return self._abort(producer, self._told(_cause(error)), time.perf_counter() - started)
        return Written(time.perf_counter() - started)

    def _transact(self, producer: Producer, batch: Batch) -> None:
        producer.begin_transaction()
        phases.reached("begin")
        # Flushed before the offsets: ending a transaction does not check the generation, so every record must
        # lie below the high watermark before it is checked (restore.py reads up to it).
        steps = [self._send_records, self._send_positions]
        for step in reversed(steps) if cures.off("flush_first") else steps:
            step(producer, batch)
        phases.reached("before_commit")
        self._insist(lambda: producer.commit_transaction(CALL_S))
        phases.reached("committed")

    def _send_records(self, producer: Producer, batch: Batch) -> None:
        self._produce(producer, batch)
        phases.reached("produced")
        self._flush(producer)
        phases.reached("flushed")

    def _flush(self, producer: Producer) -> None:
        deadline = time.monotonic() + _FLUSH_S
        with self._step(_FLUSH_S):
            while left := producer.flush(CALL_S):
                if time.monotonic() > deadline or self._ended.is_set():
                    raise KafkaException(KafkaError(KafkaError._TIMED_OUT, f"{left} records were not acknowledged"))

    def _insist(self, call: Callable[[], None]) -> None:
        """Repeats what Kafka says may be repeated, for so long, but not beyond the end of this worker."""
        deadline = time.monotonic() + _STEP_S
        while True:
            try:
                with self._step(CALL_S):
                    return call()
            except KafkaException as error:
                reason = _cause(error)
                hopeless = reason.fatal() or not reason.retriable() or reason.txn_requires_abort()
                if hopeless or self._ended.is_set() or time.monotonic() > deadline:
                    raise
                time.sleep(_AGAIN_S)

    def _abort(self, producer: Producer, error: KafkaError, open_s: float) -> Aborted:
        second = self._roll_back(producer, error)
        if ends := fatal(error.name(), error.str()):
            raise ends
        if second is None:
            return Aborted(f"{error.name()}: {error.str()}", error.name() in FENCED)
        if self._ended.is_set():
            raise FatalError("stopped_within_transaction", second.name())
        if second.name() in REPLACED and open_s < TRANSACTION_TIMEOUT_S:
            raise FatalError("worker_replaced", f"{second.name()}: {second.str()}")
        # The producer is beyond use (a broker was away, or we stood still). A new one under the same id ends the
        # transaction, one way or the other; the restore that follows reads which.
        producer.purge()
        self._producer = None
        return Aborted(f"{error.name()}, then {second.name()}: {second.str()}", fenced=False)

    def _roll_back(self, producer: Producer, error: KafkaError) -> KafkaError | None:
        """None when it is done, else why this producer cannot."""
        if error.fatal() or error.code() == KafkaError._TIMED_OUT:
            return error
        try:
            self._insist(lambda: producer.abort_transaction(CALL_S))
        except KafkaException as failed:
            return _cause(failed)
        return None

    def _told(self, cause: KafkaError) -> KafkaError:
        """`_INCONSISTENT` says no more than "see individual delivery reports": what the first of them said."""
        return self._undelivered or cause if cause.code() == KafkaError._INCONSISTENT else cause

    def _failed(self, error: KafkaError | None, _: Message) -> None:
        self._undelivered = self._undelivered or error

    def _produce(self, producer: Producer, batch: Batch) -> None:
        for partition, values in batch.changelog.items():
            for key, value in values.items():
                _produce(producer, self._topics.changelog, value, key, partition)
        for output in batch.outputs:
            headers = list(output.headers) or None
            _produce(producer, output.topic, output.value, output.key, output.partition, headers)

    def _send_positions(self, producer: Producer, batch: Batch) -> None:
        positions = [
            TopicPartition(self._topics.source, number, offset, batch.notes.get(number, ""))
            for number, offset in batch.positions.items()
        ]
        metadata = group_metadata(self._topics.group, batch.member)
        if positions:
            self._insist(lambda: producer.send_offsets_to_transaction(positions, metadata, CALL_S))
        phases.reached("offsets_sent")

    @contextmanager
    def _step(self, seconds: float) -> Iterator[None]:
        self._due = time.monotonic() + seconds
        try:
            yield
        finally:
            self._due = None


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
        except KafkaException:
            if not cures.off("failed_send_aborts"):
                raise
            return log.exception("task.failed", task="produce")
        else:
            return None


def _transactions(batch: Batch) -> tuple[Batch, ...]:
    """One; a test shows what two would do: first the outputs, then what tells that they were written."""
    if not cures.off("one_transaction"):
        return (batch,)
    return replace(batch, changelog={}, positions={}), replace(batch, outputs=())


def _cause(error: KafkaException) -> KafkaError:
    cause = error.args[0]
    return cause if isinstance(cause, KafkaError) else KafkaError(KafkaError._FAIL, str(cause))
