"""Work that outlasts Kafka's outages: begun anew with new clients, beside other work, and ended in good order."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from headrace.runtime.kafka import make_producer
from headrace.runtime.logs import log
from headrace.runtime.process import FatalError, Running
from headrace.runtime.settings import ServiceSettings
from services.ingest.kafka_writer import KAFKA
from services.ingest.vendor_troubles import pause


class StoppedWaiting(Exception):
    """Told to stop before Kafka answered."""


async def through_outages(run: Callable[[], Awaitable[None]], running: Running) -> None:
    """Runs until told to stop; when Kafka was away for longer than its clients wait, with new ones.

    Nothing is lost by that: offsets and progress are committed behind what is done, never before it.
    """
    while not running.stopping.is_set():
        try:
            return await run()
        except StoppedWaiting:
            return None
        except KafkaError as error:
            running.health.block(KAFKA)
            log.warning("kafka.unavailable", problem=type(error).__name__)
            await pause(1.0, running.stopping)
    return None


@asynccontextmanager
async def background(work: Coroutine[object, object, None], running: Running) -> AsyncIterator[None]:
    """Runs beside the block and is cancelled at its end; if it fails, the process ends and says so."""
    task = asyncio.create_task(work)
    task.add_done_callback(lambda done: _failed(done, running))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


def _failed(task: asyncio.Task[None], running: Running) -> None:
    error = None if task.cancelled() else task.exception()
    if error is not None:
        log.error("task.failed", exc_info=(type(error), error, error.__traceback__))
        running.fail(FatalError("crashed", type(error).__name__))


async def started_producer(settings: ServiceSettings, running: Running) -> AIOKafkaProducer:
    """While Kafka is away the process waits, not ready. Raises `StoppedWaiting`."""
    while True:
        producer = make_producer(settings)
        try:
            await producer.start()
        except (KafkaError, OSError) as error:
            running.health.block(KAFKA)
            log.warning("kafka.unavailable", problem=type(error).__name__)
            with contextlib.suppress(Exception):
                await producer.stop()
            await pause(1.0, running.stopping)
            if running.stopping.is_set():
                raise StoppedWaiting from error
            continue
        running.health.clear(KAFKA)
        return producer
