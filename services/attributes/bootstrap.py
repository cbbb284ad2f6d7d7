"""Composes the attributes service: one database, one API, and for each store a lane with its mirror."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from typing import Final

import uvicorn
from aiokafka import AIOKafkaProducer

from headrace.consumer import Database
from headrace.consumer.ledger import migrate_ledger
from headrace.consumer.patience import Stopping
from headrace.consumer.shared import Shared, open_shared, run_stores
from headrace.contracts import topics
from headrace.contracts.topics import partition_of
from headrace.runtime.kafka import topic
from headrace.runtime.process import FatalError, Running
from headrace.runtime.stores import StoreEntry
from services.attributes.api import Publish, Shop, create_app
from services.attributes.definition_table import scope_of
from services.attributes.lane import room_without_mirror, run_lane
from services.attributes.layout import Room
from services.attributes.settings import AttributesSettings, KeepingSettings
from services.attributes.tables import migrate_store

_PUBLISH_WITHIN_S: Final = 5.0
"""How long a PUT waits for Kafka before it answers 503."""
Rooms = dict[str, Callable[[], Room]]
"""By store, as its mirror knows it."""


def choose(entry: StoreEntry) -> type[KeepingSettings]:
    """Which settings a store needs: one without BigCommerce credentials is kept here only."""
    return AttributesSettings if entry.has("bigcommerce") else KeepingSettings


async def main(stores: Sequence[KeepingSettings], running: Running) -> None:
    """Runs until asked to stop."""
    async with AsyncExitStack() as stack:
        try:
            shared = await open_shared(
                stores[0],
                stores[0].database_url.get_secret_value(),
                locks=["attributes"],
                migrate=_migrate,
                running=running,
                stack=stack,
            )
        except Stopping:
            return
        rooms: Rooms = {settings.store: _room(settings) for settings in stores}
        server = _Server(_config(stores, shared, rooms, running))
        listening = _listen(stores[0])

        async def lane(settings: KeepingSettings, own: Running) -> None:
            await run_lane(settings, own, shared, rooms.__setitem__)

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(server.serve([listening]))
            tasks.create_task(_stop_serving(server, running))
            await run_stores(stores, lane, shared, running)


def _room(settings: KeepingSettings) -> Callable[[], Room]:
    room = room_without_mirror(settings)
    return lambda: room


def _migrate(database: Database) -> None:
    migrate_ledger(database)
    migrate_store(database)


async def _stop_serving(server: uvicorn.Server, running: Running) -> None:
    await running.stopping.wait()
    server.should_exit = True


class _Server(uvicorn.Server):
    """uvicorn without its own signal handlers: the process frame has them."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _config(stores: Sequence[KeepingSettings], shared: Shared, rooms: Rooms, running: Running) -> uvicorn.Config:
    publish = publisher(shared.producer, topic(stores[0], topics.EVENTS))
    shops = [
        Shop(shared.database, each.store, publish, _asked(rooms, each.store), scope=scope_of(each)) for each in stores
    ]
    return uvicorn.Config(
        create_app(shops, keys_of(stores, running)),
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=1,
        server_header=False,
    )


def keys_of(stores: Sequence[KeepingSettings], running: Running) -> dict[str, str]:
    """Store -> the key that opens it. Those that are closed for want of one are told among the notes."""
    keys = {each.store: each.api_key.get_secret_value() for each in stores if each.api_key}
    if closed := [each.store for each in stores if keys and each.store not in keys]:
        running.health.note("api_key", f"no API key opens {', '.join(closed)}: the API answers nobody about them")
    return keys


def _asked(rooms: Rooms, store: str) -> Callable[[], Room]:
    def ask() -> Room:
        return rooms[store]()  # a lane that begins anew has another

    return ask


def publisher(producer: AIOKafkaProducer, events: str) -> Publish:
    """Publishes an event where its customer lives."""

    async def publish(customer: str, event: bytes) -> None:
        key = customer.encode()
        async with asyncio.timeout(_PUBLISH_WITHIN_S):
            partitions = await producer.partitions_for(events)
            await producer.send_and_wait(events, event, key=key, partition=partition_of(key, len(partitions)))

    return publish


def _listen(settings: KeepingSettings) -> socket.socket:
    try:
        return socket.create_server((settings.host, settings.port), backlog=256)
    except OSError as error:
        raise FatalError("port_taken", f"port {settings.port}: {error.strerror}") from error
