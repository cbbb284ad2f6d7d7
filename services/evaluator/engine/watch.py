"""A second pair of eyes on the worker: how far it is behind, whether it stands still, whether Kafka answers at all.

It looks every few seconds with a consumer of its own, so that it also sees what stops the first one; it mends nothing.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from headrace.runtime.health import Health
from headrace.runtime.kafka import make_consumer
from headrace.runtime.logs import log
from headrace.runtime.metrics import gauge
from headrace.runtime.settings import KafkaSettings
from services.evaluator.engine.meters import Standing

LOOK_EVERY_S: Final = 5.0
KAFKA_S: Final = 10.0
"""So long without an answer, and Kafka is away."""
STALLED_S: Final = 15.0
"""So long with lag and no commit, and a partition stands still. With two looks of delay it shows within 30 s."""
KAFKA: Final = "kafka"
STALLED: Final = "no progress"
_CALL_S: Final = 5.0
_PEEK_S: Final = 2.0
_PEEK_BYTES: Final = 65_536


@dataclass(slots=True)
class Lookout:
    """What follows from what was seen; `now` is any clock in seconds that never goes back."""

    answered_at: float
    _since: dict[int, tuple[int, float]] = field(default_factory=dict)
    """Where a partition stood, and since when it stands there or has had nothing to do."""

    def see(self, now: float, standing: Mapping[int, Standing], ends: Mapping[int, int] | None) -> set[int]:
        """The partitions that stand still. `ends` None: Kafka did not answer, so what it holds is not known."""
        if ends is None:
            return set()
        self.answered_at = now
        before, self._since = self._since, {}
        for number, stands in standing.items():
            idle = ends.get(number, 0) <= stands.committed
            position, since = before.get(number, (-1, now))
            self._since[number] = (stands.committed, now if idle or position != stands.committed else since)
        return {number for number, (_, since) in self._since.items() if now - since >= STALLED_S}

    def kafka_away(self, now: float) -> bool:
        """Whether it has been silent for too long."""
        return self.silent_s(now) >= KAFKA_S

    def silent_s(self, now: float) -> float:
        """Since Kafka answered last."""
        return now - self.answered_at


class Watch:
    """Looks after one engine. `standing` tells how its partitions stand, nothing during a restore."""

    def __init__(
        self, settings: KafkaSettings, *, source: str, standing: Callable[[], Mapping[int, Standing]], health: Health
    ) -> None:
        self._settings = settings
        self._source = source
        self._standing = standing
        self._health = health
        self._lookout = Lookout(time.monotonic())
        self._stalled: set[int] = set()
        self._away_since: float | None = None

    async def run(self) -> None:
        """Looks, for ever. What Kafka cannot tell is tried again with new connections."""
        while True:
            consumer = make_consumer(self._settings, max_partition_fetch_bytes=_PEEK_BYTES)
            try:
                async with asyncio.timeout(_CALL_S):
                    await consumer.start()
                while True:
                    await self._look(consumer)
                    await asyncio.sleep(LOOK_EVERY_S)
            except (KafkaError, OSError, TimeoutError) as error:
                log.debug("kafka.unavailable", call="watch", error=repr(error))
                self._judge(None)  # says it aloud, once, when this lasts
            finally:
                await consumer.stop()
            await asyncio.sleep(1.0)

    async def _look(self, consumer: AIOKafkaConsumer) -> None:
        places = {number: TopicPartition(self._source, number) for number in self._standing()}
        async with asyncio.timeout(_CALL_S):
            found = await consumer.end_offsets(list(places.values())) if places else await _any_answer(consumer)
        ends = {at.partition: end for at, end in found.items()}
        behind = self._judge(ends)
        ages = await self._ages(consumer, {places[number]: position for number, position in behind.items()})
        for number in places:
            if number in ages or number not in behind:
                gauge("headrace_evaluator_lag_seconds", partition=str(number)).set(ages.get(number, 0.0))

    def _judge(self, ends: Mapping[int, int] | None) -> dict[int, int]:
        """Sets what follows from a look; the partitions with lag, each with its first record not committed."""
        now, standing = time.monotonic(), self._standing()
        self._say_stalled(self._lookout.see(now, standing, ends))
        self._say_away(now)
        (self._health.block if self._stalled else self._health.clear)(STALLED)
        behind = {}
        for number, (committed, keys, pages) in standing.items():
            gauge("headrace_evaluator_state_keys", partition=str(number)).set(keys)
            gauge("headrace_evaluator_state_pages", partition=str(number)).set(pages)
            if ends is not None and number in ends:
                gauge("headrace_evaluator_lag_records", partition=str(number)).set(max(0, ends[number] - committed))
                if ends[number] > committed:
                    behind[number] = committed
        return behind

    def _say_away(self, now: float) -> None:
        """Once each way: a worker with nothing in hand has nobody else to say it."""
        if self._lookout.kafka_away(now):
            self._health.block(KAFKA)
            if self._away_since is None:
                self._away_since = self._lookout.answered_at
                log.warning("kafka.unavailable", call="watch", silent_s=round(self._lookout.silent_s(now), 1))
        else:
            self._health.clear(KAFKA)
            if self._away_since is not None:
                log.info("kafka.answered", silent_s=round(now - self._away_since, 1))
                self._away_since = None

    def _say_stalled(self, stalled: set[int]) -> None:
        gauge("headrace_evaluator_stalled_partitions").set(len(stalled))
        if new := stalled - self._stalled:
            log.warning("progress.stalled", partitions=sorted(new))
        self._stalled = stalled

    async def _ages(self, consumer: AIOKafkaConsumer, behind: Mapping[TopicPartition, int]) -> dict[int, float]:
        """Seconds since each partition's first uncommitted record was written, of those that can be read quickly."""
        ages: dict[int, float] = {}
        if not behind:
            return ages
        consumer.assign(list(behind))
        for at, position in behind.items():
            consumer.seek(at, position)
        try:
            async with asyncio.timeout(_PEEK_S):
                for at in behind:
                    record = await consumer.getone(at)
                    ages[at.partition] = max(0.0, time.time() - record.timestamp / 1000)
        except TimeoutError:
            pass  # the next look comes soon
        finally:
            consumer.assign([])
        return ages


async def _any_answer(consumer: AIOKafkaConsumer) -> dict[TopicPartition, int]:
    """Nothing is asked of a worker without partitions but that Kafka is there."""
    await consumer.topics()
    return {}
