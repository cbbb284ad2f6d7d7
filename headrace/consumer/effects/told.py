"""What is told of effects: outcomes to `headrace.outcomes`, and records that cannot be read to the dead letters."""

from datetime import UTC, datetime
from typing import Literal

from headrace.consumer.bootstrap import Record
from headrace.consumer.effects.rows import Entry
from headrace.consumer.kind import Source
from headrace.consumer.records import Records
from headrace.contracts.actions import OutcomeRecord
from headrace.runtime.metrics import counter


class Told:
    """One sender's."""

    def __init__(self, records: Records, sender: str) -> None:
        self._records = records
        self._sender = sender

    async def tell(
        self,
        entry: Entry,
        result: Literal["applied", "unknown", "refused", "skipped", "held"],
        reason: str = "",
        detail: str = "",
    ) -> None:
        """Publishes what became of an effect. Raises Stopping."""
        counter("headrace_effects_total", sender=self._sender, kind=entry.kind, result=result).inc()
        outcome = OutcomeRecord(
            customer=entry.customer,
            kind="effect",
            platform=self._sender,
            version=entry.version,
            result=result,
            reason=reason,
            detail=detail,
            effect=entry.id,
        )
        await self._records.outcome(outcome, entry.partition)

    async def unreadable(self, topic: str, record: Record, error: Exception) -> None:
        """Sets a record aside. Raises Stopping, and FatalError at the limit."""
        source = Source(
            topic=topic,
            partition=record.partition,
            offset=record.offset,
            key=record.key,
            value=record.value,
            timestamp=datetime.fromtimestamp(max(0, record.timestamp) / 1000, UTC),
        )
        await self._records.dead_letter(source, reason="undecodable", detail=type(error).__name__)
