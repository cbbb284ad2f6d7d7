"""When partitions moved on: the group's committed positions, looked at all the time, and what follows from them.

Who owned a partition when is told by the workers' logs (`harness.py`).
"""

import itertools
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from headrace.runtime.kafka import confluent_config, topic
from headrace.runtime.settings import ServiceSettings
from tests.services.evaluator.engine.counting import SOURCE
from tests.services.evaluator.engine.harness import GROUP, PARTITIONS
from tests.threads import repeating

_LOOK_EVERY_S = 0.01


@dataclass
class Moves:
    """Per partition: (Unix time, position) of every advance that was seen, about 10 ms after it happened."""

    seen: dict[int, list[tuple[float, int]]] = field(default_factory=dict)

    def last_before(self, partition: int, at: float) -> float:
        """When the partition moved last before a moment. Raises ValueError when it did not."""
        return max(moved for moved, _ in self.seen[partition] if moved <= at)

    def first_after(self, partition: int, at: float) -> float | None:
        """When it moved first after a moment, None if it has not yet."""
        return next((moved for moved, _ in self.seen.get(partition, ()) if moved > at), None)

    def longest_pause(self, partition: int, since: float, until: float) -> float:
        """The longest time (s) without an advance between two moments."""
        moments = [since, *(moved for moved, _ in self.seen.get(partition, ()) if since < moved < until), until]
        return max(later - earlier for earlier, later in itertools.pairwise(moments))


@contextmanager
def watching(settings: ServiceSettings, partitions: int = PARTITIONS) -> Iterator[Moves]:
    """Looks at the positions until the block ends; while Kafka is away nothing moves."""
    moves = Moves({number: [] for number in range(partitions)})
    # read_uncommitted: else the question waits for an open transaction, and the answer comes late.
    config = {"group.id": topic(settings, GROUP), "isolation.level": "read_uncommitted", "log_level": 0}
    consumer = Consumer(confluent_config(settings) | config)
    asked = [TopicPartition(topic(settings, SOURCE), number) for number in range(partitions)]

    def look() -> None:
        try:
            answers = consumer.committed(asked, timeout=1)
        except KafkaException:
            return
        now = time.time()
        for place in answers:
            before = moves.seen[place.partition]
            if place.error is None and place.offset > (before[-1][1] if before else 0):
                before.append((now, place.offset))

    try:
        with repeating(look, every_s=_LOOK_EVERY_S):
            yield moves
    finally:
        consumer.close()


@contextmanager
def trickling(
    settings: ServiceSettings,
    partitions: Iterable[int] = range(PARTITIONS),
    *,
    per_s: int = 2_000,
    customers: int = 300,
) -> Iterator[None]:
    """Appends events to every partition all the time, about `per_s` in all, until the block ends."""
    numbers, counts = list(partitions), itertools.count(1)
    producer = Producer({**confluent_config(settings), "acks": "all", "linger.ms": 0, "log_level": 0})
    every_s = 0.02
    each = max(1, round(per_s * every_s / len(numbers)))

    def append() -> None:
        for number in numbers:
            for count in itertools.islice(counts, each):
                key = f"c{number}-{count % customers}"
                producer.produce(topic(settings, SOURCE), str(count % 100), key, number)
        producer.poll(0)

    try:
        with repeating(append, every_s=every_s):
            yield
    finally:
        assert producer.flush(60) == 0
