"""Composition of the three ingest processes: the only place that builds their clients.

What they do is in `receive`, `hydrate` and `feed`.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from headrace.contracts import topics
from headrace.runtime.health import STARTING, Health
from headrace.runtime.kafka import make_producer, topic
from headrace.runtime.logs import log
from headrace.runtime.process import Running
from headrace.runtime.settings import ServiceSettings
from services.ingest.kafka_writer import KAFKA, KafkaWriter
from services.ingest.receive import Doorkeeper, make_app
from services.ingest.server import listen, serve
from services.ingest.settings import ReceiveSettings
from services.ingest.webhook import SharedHeader


async def run_receive(settings: ReceiveSettings, running: Running) -> None:
    """`python -m services.ingest receive`."""
    opened = listen(settings.host, settings.port)
    writer = KafkaWriter(lambda: make_producer(settings), running.health, deadline_s=settings.produce_deadline_s)
    app = make_app(_doorkeeper(settings, writer))
    async with _background(writer.run()):
        running.health.clear(STARTING)
        await serve(app, opened, running.stopping)


def _doorkeeper(settings: ReceiveSettings, writer: KafkaWriter) -> Doorkeeper:
    shared, api_key = settings.bigcommerce_webhook_header, settings.api_key
    return Doorkeeper(
        store=settings.store,
        client_secret=settings.bigcommerce_client_secret.get_secret_value().encode(),
        signature=settings.bigcommerce_webhook_signature,
        tolerance_s=settings.webhook_tolerance_s,
        shared_header=SharedHeader.parse(shared.get_secret_value()) if shared else None,
        api_key=api_key.get_secret_value().encode() if api_key else None,
        notices_topic=topic(settings, topics.NOTICES),
        events_topic=topic(settings, topics.EVENTS),
        write=writer.write,
    )


@asynccontextmanager
async def _background(work: Coroutine[object, object, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def start_when_kafka_is_there(settings: ServiceSettings, health: Health) -> AIOKafkaProducer:
    """A started producer; while Kafka is away the process waits, not ready."""
    while True:
        producer = make_producer(settings)
        try:
            await producer.start()
        except (KafkaError, OSError) as error:
            health.block(KAFKA)
            log.warning("kafka.unavailable", problem=type(error).__name__)
            with contextlib.suppress(Exception):
                await producer.stop()
            await asyncio.sleep(1.0)
            continue
        health.clear(KAFKA)
        return producer
