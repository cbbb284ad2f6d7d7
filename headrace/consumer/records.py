"""What the loop writes to Kafka: outcomes and dead letters, in the partition where the customer's actions are.

When something is an outcome or a dead letter is decided by the loop.
"""

import asyncio
from collections.abc import Sequence

from aiokafka import AIOKafkaProducer

from headrace.consumer.kind import OutcomeKind, Result, Source
from headrace.consumer.patience import insist, kafka_is_away
from headrace.contracts import topics
from headrace.contracts.actions import DeadLetter, OutcomeRecord, Version, encode
from headrace.runtime.kafka import topic
from headrace.runtime.logs import log
from headrace.runtime.metrics import counter
from headrace.runtime.process import FatalError, Running
from headrace.runtime.settings import KafkaSettings

DETAIL_CHARACTERS = 300
"""A vendor's words are cut here."""
DEAD_LETTER_LIMIT = 1000
"""So many in a row, with nothing applied between them, are no bad records but a bad release: the process stops."""

Closed = tuple[str, Version, Source, Result]
"""Customer, version, the record it came in, what became of it."""


class Records:
    """One producer's outcomes and dead letters of one kind."""

    def __init__(
        self,
        producer: AIOKafkaProducer,
        settings: KafkaSettings,
        *,
        name: str,
        outcome: tuple[OutcomeKind, str],
        running: Running,
    ) -> None:
        self._producer = producer
        self._outcomes = topic(settings, topics.OUTCOMES)
        self._dead_letters = topic(settings, topics.DEAD_LETTERS)
        self._prefix = settings.topic_prefix
        self._name = name
        self._outcome = outcome
        self._running = running
        self._in_a_row = 0

    async def outcomes(self, closed: Sequence[Closed]) -> None:
        """Publishes them all, and dead letters for those that ask; returns when Kafka has acknowledged."""
        kind, platform = self._outcome
        await asyncio.gather(
            *(
                self._send(
                    self._outcomes,
                    customer.encode(),
                    encode(
                        OutcomeRecord(
                            customer=customer,
                            kind=kind,
                            platform=platform,
                            version=version,
                            result=result.result,
                            reason=result.reason,
                            detail=result.detail[:DETAIL_CHARACTERS],
                        )
                    ),
                    source.partition,
                )
                for customer, version, source, result in closed
            )
        )
        for _, _, source, result in closed:
            counter("headrace_actions_total", kind=self._name, result=result.result).inc()
            if result.dead_letter:
                await self.dead_letter(source, reason=result.reason, detail=result.detail)
            elif result.result in ("applied", "unchanged"):
                self._in_a_row = 0

    async def outcome(self, outcome: OutcomeRecord, partition: int) -> None:
        """Publishes one as it is; returns when Kafka has acknowledged."""
        await self._send(self._outcomes, outcome.customer.encode(), encode(outcome), partition)
        if outcome.result == "applied":
            self._in_a_row = 0

    async def dead_letter(self, source: Source, *, reason: str, detail: str) -> None:
        """Sets a record aside. Raises FatalError at the limit."""
        self._in_a_row += 1
        if self._in_a_row > DEAD_LETTER_LIMIT:
            raise FatalError("dead_letter_limit", f"{self._name}: {DEAD_LETTER_LIMIT} records in a row were set aside")
        letter = DeadLetter(
            reason=reason,
            detail=detail[:DETAIL_CHARACTERS],
            service=self._name,
            topic=self._prefix + source.topic,
            partition=source.partition,
            offset=source.offset,
            key=source.key,
            value=source.value,
        )
        await self._send(self._dead_letters, source.key, encode(letter), source.partition)
        counter("headrace_dead_letters_total", service=self._name, reason=reason).inc()
        log.warning(
            "dead_letter.written",
            reason=reason,
            topic=letter.topic,
            partition=source.partition,
            offset=source.offset,
        )

    async def _send(self, name: str, key: bytes | None, value: bytes, partition: int) -> None:
        await insist(
            lambda: self._producer.send_and_wait(name, value, key=key, partition=partition),
            reason="kafka",
            running=self._running,
            worth_it=kafka_is_away,
        )
