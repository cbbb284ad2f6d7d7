"""Composes the attributes service: store, mirror and API in one process."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Final

import uvicorn
from aiokafka import AIOKafkaProducer

from headrace.consumer import Consumer, Database, open_database
from headrace.consumer.database import AlreadyRunning, SingleReplica
from headrace.consumer.ledger import migrate_ledger
from headrace.consumer.patience import Stopping, Store, database_is_away, insist, kafka_is_away, unless_stopping
from headrace.contracts import topics
from headrace.contracts.topics import partition_of
from headrace.platforms.cost import MIRROR_PART
from headrace.platforms.http import VendorClient
from headrace.platforms.store import make_bigcommerce, writes_at_once
from headrace.runtime.health import STARTING
from headrace.runtime.kafka import make_producer, topic
from headrace.runtime.logs import log
from headrace.runtime.process import FatalError, Running
from services.attributes.api import Publish, create_app
from services.attributes.metafields import CustomerMetafields
from services.attributes.mirror import AttributeMirror
from services.attributes.settings import AttributesSettings
from services.attributes.store_attributes import StoreAttributes
from services.attributes.tables import migrate_store
from services.attributes.watch import watch

_PUBLISH_WITHIN_S: Final = 5.0
"""How long a PUT waits for Kafka before it answers 503."""


async def main(settings: AttributesSettings, running: Running) -> None:
    """Runs until asked to stop."""
    async with AsyncExitStack() as stack:
        try:
            database = await _open(settings, running, stack)
            producer = make_producer(settings)
            stack.push_async_callback(producer.stop)
            await insist(
                lambda: unless_stopping(producer.start, running),
                reason="kafka",
                running=running,
                worth_it=kafka_is_away,
            )
        except Stopping:
            return
        client = make_bigcommerce(
            settings,
            settings.quota_weight,
            max_concurrency=writes_at_once(settings.quota_weight, MIRROR_PART),
            deadline_s=settings.vendor_deadline_s,
        )
        stack.push_async_callback(client.aclose)
        mirror = _mirror(settings, client, Store(database, running), running)
        mirror.limits = replace(mirror.limits, deadline_s=2 * settings.vendor_deadline_s)
        consumer = Consumer(mirror, settings=settings, database=database, producer=producer, running=running)
        server = _Server(_config(settings, database, producer, mirror))
        listening = _listen(settings)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(server.serve([listening]))
            tasks.create_task(_stop_serving(server, running))
            watching = tasks.create_task(_watch(consumer, mirror, Store(database, running), running))
            running.health.clear(STARTING)
            try:
                await consumer.run()
            except FatalError as error:
                running.fail(error)
            finally:
                watching.cancel()


def _mirror(settings: AttributesSettings, client: VendorClient, database: Store, running: Running) -> AttributeMirror:
    def tell(missing: frozenset[str]) -> None:
        names = ", ".join(sorted(missing))
        text = f"the store has no customer attribute for {names} and makes none; the values are in metafields"
        running.health.note("attributes", text if missing else "")

    return AttributeMirror(
        client,
        settings.store,
        settings.mirror_attribute,
        metafields=CustomerMetafields(client, database, settings.store),
        attributes=StoreAttributes(client, tell),
        overflow_to_metafields=settings.mirror_overflow == "metafield",
    )


async def _watch(consumer: Consumer, mirror: AttributeMirror, database: Store, running: Running) -> None:
    try:
        await watch(consumer, mirror, database, running)
    except Stopping:
        return
    except Exception as error:
        log.exception("task.failed", task="attributes.watch")
        running.fail(FatalError("watch_crashed", type(error).__name__))


async def _stop_serving(server: uvicorn.Server, running: Running) -> None:
    await running.stopping.wait()
    server.should_exit = True


class _Server(uvicorn.Server):
    """uvicorn without its own signal handlers: the process frame has them."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _config(
    settings: AttributesSettings, database: Database, producer: AIOKafkaProducer, mirror: AttributeMirror
) -> uvicorn.Config:
    app = create_app(
        database=database,
        store=settings.store,
        api_key=settings.api_key.get_secret_value() if settings.api_key else None,
        publish=publisher(producer, topic(settings, topics.EVENTS)),
        room=lambda: mirror.room,
    )
    return uvicorn.Config(
        app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1, server_header=False
    )


def publisher(producer: AIOKafkaProducer, events: str) -> Publish:
    """Publishes an event where its customer lives."""

    async def publish(customer: str, event: bytes) -> None:
        key = customer.encode()
        async with asyncio.timeout(_PUBLISH_WITHIN_S):
            partitions = await producer.partitions_for(events)
            await producer.send_and_wait(events, event, key=key, partition=partition_of(key, len(partitions)))

    return publish


def _listen(settings: AttributesSettings) -> socket.socket:
    try:
        return socket.create_server((settings.host, settings.port), backlog=256)
    except OSError as error:
        raise FatalError("port_taken", f"port {settings.port}: {error.strerror}") from error


async def _open(settings: AttributesSettings, running: Running, stack: AsyncExitStack) -> Database:
    try:
        database = open_database(settings.database_url.get_secret_value())
        stack.push_async_callback(database.close)
        stack.callback(SingleReplica(database, "attributes").release)
    except AlreadyRunning as error:
        raise FatalError("already_running", str(error)) from error
    except (ValueError, OSError) as error:
        raise FatalError("database_url", str(error)) from error

    def migrate() -> None:
        migrate_ledger(database)
        migrate_store(database)

    await insist(lambda: asyncio.to_thread(migrate), reason="database", running=running, worth_it=database_is_away)
    return database
