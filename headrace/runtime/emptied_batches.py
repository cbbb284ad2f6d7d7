"""Compacted topics of transactions, read with aiokafka: a marker that the cleaner has removed leaves an empty batch.

aiokafka 0.14 takes such a batch for broken, and a committed reader never gets past it; Kafka's own client passes it by.
"""

from typing import Any, Final

from aiokafka.consumer.fetcher import PartitionRecords
from aiokafka.errors import KafkaError

_contains_abort_marker: Final = PartitionRecords._contains_abort_marker


def _is_abort_marker(self: Any, batch: Any) -> bool:
    try:
        found: bool = _contains_abort_marker(self, batch)
    except KafkaError:
        # Of a transaction that a time-out or a successor ended, the cleaner keeps the marker's batch without its
        # record, for the producer's epoch, until the broker forgets the producer. The transaction's own records are
        # gone by then. (Fetcher.containsAbortMarker of Kafka's client does the same, KAFKA-7467.)
        return False
    return found


def read_over_emptied_batches() -> None:
    """For every aiokafka consumer of this process."""
    PartitionRecords._contains_abort_marker = _is_abort_marker
