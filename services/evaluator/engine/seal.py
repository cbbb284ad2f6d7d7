"""Transactions of ours that a broker left open for ever, and their end: all of it blocks, in the producer's thread.

Kafka 4.3 writes the markers of a decided transaction once its coordinator is up again; a partition without a leader at
that moment is taken for a deleted one and gets none. A broker without replicas that is killed between the decision and
the markers does that to itself when it comes back (TransactionMarkerChannelManager.addTxnMarkersToBrokerQueue with
KRaftMetadataCache.getPartitionLeaderEndpoint). From then on no read_committed consumer passes what was written there,
and no restore ends: only a later transaction of the same id over the same partitions ends it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from confluent_kafka import IsolationLevel, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from headrace.runtime.logs import log

_KEY: Final = b"~seal"
_CALL_S: Final = 5.0
_CONNECTION: Final = ("bootstrap.servers", "security.protocol", "sasl.", "ssl.")

Place = tuple[str, int]
"""Topic and partition."""


def open_places(config: Mapping[str, Any], topics: Iterable[str]) -> list[Place]:
    """Where any transaction is open, of ours or not, still going on or forgotten. Raises `KafkaException`."""
    admin = AdminClient(_connection(config))
    latest: OffsetSpec = OffsetSpec.latest()
    asked = {
        TopicPartition(topic, number): latest
        for topic in topics
        for number in admin.list_topics(topic, timeout=_CALL_S).topics[topic].partitions
    }
    ends = [
        {at: _offset(end.result(_CALL_S)) for at, end in admin.list_offsets(asked, isolation_level=level).items()}
        for level in (IsolationLevel.READ_UNCOMMITTED, IsolationLevel.READ_COMMITTED)
    ]
    return sorted((at.topic, at.partition) for at in asked if ends[0][at] != ends[1][at])


def seal(producer: Producer, places: Sequence[Place], insist: Callable[[Callable[[], None]], None]) -> None:
    """Ends what is open of this producer's id in these places, by a transaction over them that is aborted.

    Where nothing is open of it, nothing comes of it. What is rolled back so comes again, whole: state and outputs of a
    partition are in partitions of one number. Offsets that hang are ended by the next commit: a newer one stays, and
    nobody trusts them beyond the state. Raises `KafkaException`.
    """
    producer.begin_transaction()
    for topic, number in places:
        producer.produce(topic, b"", _KEY, number)
    producer.flush(_CALL_S)
    insist(lambda: producer.abort_transaction(_CALL_S))
    log.info("transactions.sealed", places=len(places))


def _connection(config: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in config.items() if name.startswith(_CONNECTION)} | {"log_level": 0}


def _offset(answer: Any) -> int:
    """(The stubs do not know this class's one field.)"""
    return int(answer.offset)
