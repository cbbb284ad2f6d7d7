"""A delivery's record is kept or not, within its deadline; readiness follows Kafka without any delivery."""

import asyncio
from typing import Any, cast

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError

from headrace.runtime.health import STARTING, Health
from headrace.runtime.process import Running
from services.ingest import kafka_writer
from services.ingest.kafka_writer import KAFKA, KafkaWriter
from services.ingest.lasting import background


class Producer:
    """Kafka behind it is silent until it is told to be there."""

    def __init__(self) -> None:
        self.there = asyncio.Event()
        self.client = self

    async def start(self) -> None:
        return

    async def stop(self) -> None:
        return

    async def send(self, *_: Any, **__: Any) -> asyncio.Future[None]:
        await self.there.wait()
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    async def fetch_all_metadata(self) -> None:
        if not self.there.is_set():
            raise KafkaConnectionError


async def test_writer__kafka_comes_back_and_nobody_delivers__ready_again(monkeypatch: Any) -> None:
    """Who is not ready gets no deliveries: only asking Kafka can tell that it is back."""
    monkeypatch.setattr(kafka_writer, "_START_AGAIN_S", 0.01)
    producer, health = Producer(), Health()
    health.clear(STARTING)
    writer = KafkaWriter(lambda: cast("AIOKafkaProducer", producer), health, deadline_s=0.02)
    async with background(writer.run(), Running()), asyncio.timeout(5):
        await writer.started.wait()
        assert await writer.write("t", b"k", b"v") is False
        assert health.reasons == [KAFKA]
        producer.there.set()
        while not health.ready:
            await asyncio.sleep(0.01)
        assert await writer.write("t", b"k", b"v") is True


async def test_background__work_fails__the_process_is_told_at_once() -> None:
    async def work() -> None:
        raise KeyError("odd")

    running = Running()
    async with background(work(), running), asyncio.timeout(5):
        await running.stopping.wait()
    assert running.cause is not None
    assert running.cause.reason == "crashed"
