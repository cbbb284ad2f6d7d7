"""One transactional producer per worker, in a thread of its own; both are replaced when a call does not come back.

What is written and when is `core.py`'s business, how it is written and what an error means `producer.py`'s.
"""

import asyncio
import time
from collections.abc import Collection
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final, TypeVar
from uuid import uuid4

from confluent_kafka import KafkaError

from headrace.runtime.logs import log
from headrace.runtime.topics import MAX_DEAD_LETTER_BYTES
from services.evaluator.engine import cures
from services.evaluator.engine.epoch import Batch
from services.evaluator.engine.producer import (
    TRANSACTION_TIMEOUT_S,
    Aborted,
    Topics,
    TransactionalProducer,
    Written,
)

_LOOK_EVERY_S: Final = 1.0
_LATE_LOOKS: Final = 3
_SAY_EVERY_S: Final = 10.0

R = TypeVar("R")


class _Stuck(Exception):
    """A call into librdkafka did not come back long after its own time-out."""


class Transactions:
    """Writes batches, one after the other. Not to be shared: `transactional_id` belongs to one living worker."""

    def __init__(
        self,
        connection: dict[str, Any],
        *,
        transactional_id: str,
        group: str,
        source: str,
        changelog: str,
        outputs: tuple[str, ...] = (),
    ) -> None:
        self._config = {
            **connection,
            "transactional.id": f"{transactional_id}-{uuid4()}" if cures.off("stable_id") else transactional_id,
            "transaction.timeout.ms": _timeout_ms(),
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
        self._topics = Topics(group, source, changelog, outputs)
        self._written: Future[Written | Aborted] | None = None
        self._begin()

    async def start(self, kept: Collection[int] = ()) -> None:
        """Takes the transactional id over: an older open transaction is ended. Harmless when started.

        `kept`: partitions whose state in memory counts as committed. A batch that is still being written is nobody's
        any more: not waited for, it may take half a minute to fail.
        Waits for Kafka until `stop`. Raises `FatalError`.
        """
        if self._written is not None and not self._written.done():
            self._leave_behind("a transaction still goes on, and nobody waits for it")
        while True:
            try:
                return await self._come_back(self._thread.submit(self._producer.start, kept))
            except _Stuck:
                continue

    async def write(self, batch: Batch) -> Written | Aborted:
        """Writes a batch whole or not at all; `start` must precede the next one after an abort.

        Raises `FatalError` when this worker was replaced.
        """
        self._written = self._thread.submit(self._producer.write, batch)
        try:
            return await self._come_back(self._written)
        except _Stuck:
            return Aborted("a call to Kafka did not come back", fenced=False)

    def stop(self) -> None:
        """Ends the thread within a call's time; an open transaction is left to its time-out."""
        self._producer.end()
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _begin(self) -> None:
        self._producer = TransactionalProducer(self._config, self._topics)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="transactions")

    def _leave_behind(self, why: str) -> None:
        log.warning("kafka.unavailable", call="transaction", error=f"{why}: a new producer")
        self.stop()
        self._begin()

    async def _come_back(self, call: "Future[R]") -> R:
        """What `call` gives. Raises `_Stuck` when it had to be left behind.

        librdkafka 2.16 may look for a group coordinator for ever that it has forgotten while a broker was away, and
        `send_offsets_to_transaction` does not keep its time-out then (its issues 5511 and 5456). Whatever the thread
        does when it wakes is refused: `start` of the next producer fences this one.
        """
        producer = self._producer
        waiting = asyncio.wrap_future(call)
        late = 0
        try:
            # Several: after a SIGSTOP of ours everything looks late once. None, when `start` has left it behind: how it
            # fails then is nobody's business any more, `start` itself has ended it.
            while late < _LATE_LOOKS and producer is self._producer:
                done, _ = await asyncio.wait({waiting}, timeout=_LOOK_EVERY_S)
                if done and (producer is self._producer or waiting.exception() is None):
                    return waiting.result()
                late = late + 1 if producer.is_overdue() else 0
        finally:
            waiting.cancel()
        if producer is self._producer:
            self._leave_behind("a call does not come back")
        raise _Stuck


def _timeout_ms() -> int:
    kafkas_own = 60_000
    return kafkas_own if cures.off("transaction_timeout") else int(TRANSACTION_TIMEOUT_S * 1000)


class _BrokerErrors:
    """Says that a broker is away once in a while: librdkafka gives each failed connection, later and all at once."""

    def __init__(self) -> None:
        self._said = -_SAY_EVERY_S

    def __call__(self, error: KafkaError) -> None:
        if time.monotonic() - self._said >= _SAY_EVERY_S:
            self._said = time.monotonic()
            log.warning("kafka.unavailable", call="transaction", error=error.str())
