"""What the consumers of one process share, whichever store they serve: the database, the producer, and who ends when.

What is a store's own (its consumers, its vendors' clients) is its lane's.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeVar

from aiokafka import AIOKafkaProducer

from headrace.consumer.database import AlreadyRunning, Database, SingleReplica, open_database
from headrace.consumer.patience import database_is_away, insist, kafka_is_away, unless_stopping
from headrace.runtime.kafka import make_producer
from headrace.runtime.lanes import run_lanes
from headrace.runtime.process import FatalError, Running
from headrace.runtime.settings import ServiceSettings

S = TypeVar("S", bound=ServiceSettings)


class Runs(Protocol):
    """A consumer, of either kind."""

    async def run(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Shared:
    """Open until the stack that it was opened on is closed."""

    database: Database
    producer: AIOKafkaProducer


async def open_shared(
    settings: ServiceSettings,
    database_url: str,
    *,
    locks: Iterable[str],
    migrate: Callable[[Database], None],
    running: Running,
    stack: AsyncExitStack,
) -> Shared:
    """`locks`: what only one process may do on one SQLite file. Raises FatalError; Stopping while it waits."""
    try:
        database = open_database(database_url)
        stack.push_async_callback(database.close)
        for name in locks:
            stack.callback(SingleReplica(database, name).release)
    except AlreadyRunning as error:
        raise FatalError("already_running", str(error)) from error
    except (ValueError, OSError) as error:
        raise FatalError("database_url", str(error)) from error
    await insist(
        lambda: asyncio.to_thread(migrate, database), reason="database", running=running, worth_it=database_is_away
    )
    producer = make_producer(settings)
    stack.push_async_callback(producer.stop)
    await insist(
        lambda: unless_stopping(producer.start, running), reason="kafka", running=running, worth_it=kafka_is_away
    )
    return Shared(database, producer)


async def run_stores(
    stores: Sequence[S], lane: Callable[[S, Running], Awaitable[None]], shared: Shared, running: Running
) -> None:
    """Each store's lane until the process is asked to stop; a lane clears its own "starting"."""
    lanes = {
        settings.store if settings.among else "": partial(_guarded, partial(lane, settings), shared, running)
        for settings in stores
    }
    await run_lanes(lanes, running)


async def run_consumer(consumer: Runs, running: Running) -> None:
    """Until it ends; a fatal error stops whatever else runs in this lane."""
    try:
        await consumer.run()
    except FatalError as error:
        running.fail(error)


async def _guarded(lane: Callable[[Running], Awaitable[None]], shared: Shared, process: Running, own: Running) -> None:
    """A producer that has failed for good fails every store: only the process can begin anew with another."""
    try:
        await lane(own)
    finally:
        if is_broken(shared.producer):
            process.fail(FatalError("producer_broken", "Kafka's producer has ended"))


def is_broken(producer: AIOKafkaProducer) -> bool:
    """Whether nothing will ever be sent by it again, and nobody has closed it."""
    return producer._message_accumulator._exception is not None
