"""Records that ingest sets aside, whole and with their reason.

Listing and resending them is the command line's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from aiokafka import AIOKafkaProducer

from headrace.contracts import topics
from headrace.contracts.actions import DeadLetter, encode
from headrace.runtime.kafka import topic
from headrace.runtime.logs import log
from headrace.runtime.metrics import counter
from headrace.runtime.settings import ServiceSettings
from services.ingest.hydrate import NoticeRecord
from services.ingest.webhook import notice_key, notice_of


@dataclass(frozen=True, slots=True)
class _Unsent:
    """A record that stands in no topic."""

    topic: str
    key: bytes
    value: bytes
    partition: int = -1
    offset: int = -1


class DeadLetters:
    """Writes to the dead-letter topic."""

    def __init__(self, producer: AIOKafkaProducer, settings: ServiceSettings, service: str) -> None:
        self._producer = producer
        self._topic = topic(settings, topics.DEAD_LETTERS)
        self._notices = topic(settings, topics.NOTICES)
        self._store = settings.store
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

    async def write_rows(self, bad: Mapping[tuple[str, int], str]) -> None:
        """(resource, id) -> what is wrong with its row, of rows that no notice asked for.

        The letter holds a notice that asks for the row: sent again, it is read again. Raises `KafkaError`.
        """
        letters: list[tuple[NoticeRecord, str, str]] = []
        for (resource, resource_id), problem in bad.items():
            kind: Literal["order", "customer"] = "order" if resource == "order" else "customer"
            notice = notice_of(kind, resource_id, store=self._store, at=datetime.now(UTC))
            letters.append((_Unsent(self._notices, notice_key(notice), encode(notice)), "malformed_row", problem))
            log.error("row.skipped", resource=resource, resource_id=resource_id, problem=problem)
        await self.write(letters)
