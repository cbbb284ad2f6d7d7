"""One record at a time into Kafka with a deadline: what stands between a delivery and its answer.

Batches of events are written by `publish`.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, ProducerFenced

from headrace.runtime.health import Health
from headrace.runtime.logs import log

_START_AGAIN_S: Final = 1.0
KAFKA: Final = "kafka"
"""What blocks readiness while Kafka does not acknowledge."""


class KafkaWriter:
    """Keeps a producer alive; while there is none, or it does not answer in time, `write` says False.

    A record whose acknowledgement did not come in time may still arrive: the sender sends it again, and repeats are
    harmless.
    """

    def __init__(self, make: Callable[[], AIOKafkaProducer], health: Health, *, deadline_s: float) -> None:
        self._make = make
        self._health = health
        self._deadline_s = deadline_s
        self._producer: AIOKafkaProducer | None = None
        self._broken = asyncio.Event()
        self._doubtful = asyncio.Event()
        """A record was not acknowledged in time: asks Kafka until it answers again."""
        self.started = asyncio.Event()
        """Set once there was a producer."""

    async def run(self) -> None:
        """Starts the producer, and a new one whenever it is broken for good; until cancelled."""
        self._health.block(KAFKA)
        try:
            while True:
                await self._start()
                await self._until_broken()
                await self._stop()
        finally:
            await self._stop()

    async def write(self, topic: str, key: bytes, value: bytes) -> bool:
        """True once every in-sync replica has it."""
        producer = self._producer
        if producer is None:
            return False
        try:
            async with asyncio.timeout(self._deadline_s):
                await (await producer.send(topic, value, key=key))
        except (KafkaError, TimeoutError) as error:
            self._failed(producer, error)
            return False
        self._fine()
        return True

    def _failed(self, producer: AIOKafkaProducer, error: BaseException) -> None:
        self._health.block(KAFKA)
        if not self._doubtful.is_set():  # once for all that fail while it is away
            log.warning("kafka.unavailable", problem=type(error).__name__)
        if not isinstance(error, TimeoutError) and producer is self._producer:
            self._broken.set()  # an idempotent producer that lost a batch cannot go on with its sequence
        self._doubtful.set()

    async def _until_broken(self) -> None:
        """Without deliveries, which come only to who is ready, nothing else would find that Kafka is back."""
        while not self._broken.is_set():
            await self._doubtful.wait()
            while self._doubtful.is_set() and not self._broken.is_set():
                await asyncio.sleep(_START_AGAIN_S)
                if self._producer is not None and await _answers(self._producer):
                    self._fine()

    def _fine(self) -> None:
        self._doubtful.clear()
        self._health.clear(KAFKA)

    async def _start(self) -> None:
        self._broken.clear()
        while self._producer is None:
            producer = self._make()
            try:
                await producer.start()
            except (KafkaError, OSError, ProducerFenced) as error:
                log.warning("kafka.unavailable", problem=type(error).__name__)
                with contextlib.suppress(Exception):
                    await producer.stop()
                await asyncio.sleep(_START_AGAIN_S)
                continue
            self._producer = producer
            self.started.set()
            self._fine()

    async def _stop(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            with contextlib.suppress(KafkaError, TimeoutError):
                async with asyncio.timeout(self._deadline_s):
                    await producer.stop()


async def _answers(producer: AIOKafkaProducer) -> bool:
    try:
        await producer.client.fetch_all_metadata()
    except (KafkaError, OSError):
        return False
    return True
