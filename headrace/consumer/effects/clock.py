"""A store's clock, as the log tells it: the clock records of one partition of `headrace.events`, followed.

By it effects grow too old, quiet hours begin and end, and caps are counted: in a simulated store too.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Final

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from headrace.contracts import topics
from headrace.contracts.events import Clock, decode_event
from headrace.runtime.kafka import make_consumer, topic
from headrace.runtime.logs import log
from headrace.runtime.settings import ServiceSettings

_BACK: Final = 2_000
"""Records before the end that are looked at first; ten times as many when the clock is not among them."""
_AGAIN_S: Final = 1.0


@asynccontextmanager
async def followed(settings: ServiceSettings) -> AsyncIterator["StoreClock"]:
    """A store's clock, followed as long as the block lasts: one for all senders of the store."""
    clock = StoreClock(settings)
    following = asyncio.get_running_loop().create_task(clock.run())
    try:
        yield clock
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


class StoreClock:
    """The newest clock of one store. `run` follows it until cancelled, through outages."""

    def __init__(self, settings: ServiceSettings) -> None:
        self._settings = settings
        self._at = TopicPartition(topic(settings, topics.EVENTS), 0)
        self.now: datetime | None = None
        """None: none was seen yet. What it showed long ago is not shown: only what it shows at the end of the log."""
        self._seen: datetime | None = None

    async def run(self) -> None:
        """Never returns by itself."""
        while True:
            consumer = make_consumer(self._settings)
            try:
                await consumer.start()
                consumer.assign([self._at])
                await self._follow(consumer)
            except (KafkaError, OSError) as error:
                log.warning("kafka.unavailable", call="clock", problem=type(error).__name__)
                await asyncio.sleep(_AGAIN_S)
            except Exception:
                log.exception("task.failed", task="effects.clock")
                await asyncio.sleep(_AGAIN_S)
            finally:
                await consumer.stop()

    async def _follow(self, consumer: AIOKafkaConsumer) -> None:
        beginning = int((await consumer.beginning_offsets([self._at]))[self._at])
        end = int((await consumer.end_offsets([self._at]))[self._at])
        back, start, found = _BACK, end, False
        consumer.seek(self._at, end)
        while not found and start > beginning:
            start = max(beginning, end - back)
            consumer.seek(self._at, start)
            while await consumer.position(self._at) < end:
                found = await self._read(consumer) or found
            back *= 10
        while True:
            self.now = self._seen
            await self._read(consumer)

    async def _read(self, consumer: AIOKafkaConsumer) -> bool:
        """Whether this store's clock was among what was read."""
        found = False
        for records in (await consumer.getmany(timeout_ms=200, max_records=5_000)).values():
            for record in records:
                if record.key == topics.PARTITION_WIDE_KEY and record.value is not None:
                    found = self._take(record.value) or found
        return found

    def _take(self, value: bytes) -> bool:
        try:
            data = decode_event(value).data
        except (msgspec.DecodeError, ValueError, RecursionError):
            return False  # the evaluator has set it aside
        if not isinstance(data, Clock) or data.store != self._settings.store:
            return False
        self._seen = data.now if self._seen is None else max(self._seen, data.now)
        return True
