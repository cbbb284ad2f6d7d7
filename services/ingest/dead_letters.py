"""Records that ingest sets aside, whole and with their reason.

Listing and resending them is the command line's.
"""

from collections.abc import Sequence

from aiokafka import AIOKafkaProducer

from headrace.contracts.actions import DeadLetter, encode
from headrace.runtime.logs import log
from headrace.runtime.metrics import counter
from services.ingest.hydrate import NoticeRecord


class DeadLetters:
    """Writes to the dead-letter topic (its full name)."""

    def __init__(self, producer: AIOKafkaProducer, topic: str, service: str) -> None:
        self._producer = producer
        self._topic = topic
        self._service = service

    async def write(self, letters: Sequence[tuple[NoticeRecord, str, str]]) -> None:
        """(record, reason, detail) each; returns when Kafka has them. Raises `KafkaError`."""
        for record, reason, detail in letters:
            letter = DeadLetter(
                reason=reason,
                detail=detail,
                service=self._service,
                topic=record.topic,
                partition=record.partition,
                offset=record.offset,
                key=record.key,
                value=record.value,
            )
            await self._producer.send_and_wait(self._topic, encode(letter), key=record.key or b"-")
            counter("headrace_dead_letters_total", service=self._service, reason=reason).inc()
            log.warning("dead_letter.written", reason=reason, partition=record.partition, offset=record.offset)
