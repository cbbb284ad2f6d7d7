"""A store's part of the service: its consumer, and its mirror with what looks after it."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

from headrace.consumer import Consumer, Kind
from headrace.consumer.bootstrap import begun_by, forget_begun
from headrace.consumer.patience import Stopping, Store
from headrace.consumer.shared import Shared, run_consumer
from headrace.platforms.cost import MIRROR_PART
from headrace.platforms.http import VendorClient
from headrace.platforms.store import make_bigcommerce, writes_at_once
from headrace.runtime.health import STARTING
from headrace.runtime.logs import log
from headrace.runtime.process import FatalError, Running
from services.attributes.definition_table import scope_of
from services.attributes.kept import KeptHere
from services.attributes.layout import Room
from services.attributes.metafields import CustomerMetafields
from services.attributes.mirror import AttributeMirror
from services.attributes.settings import AttributesSettings, KeepingSettings
from services.attributes.store_attributes import StoreAttributes
from services.attributes.watch import watch

Work = Callable[[], Coroutine[Any, Any, None]]
ShowRoom = Callable[[str, Callable[[], Room]], None]
"""Told a store and how to ask its mirror what room there is."""


def room_without_mirror(settings: KeepingSettings) -> Room:
    """What is known of a store's room while its mirror does not run, or without one."""
    return Room(
        settings.mirror_attribute,
        metafields=settings.mirror_overflow == "metafield",
        kept_here=not isinstance(settings, AttributesSettings),
    )


async def run_lane(settings: KeepingSettings, running: Running, shared: Shared, show_room: ShowRoom) -> None:
    """Until the store's lane is asked to stop."""
    store = Store(shared.database, running)
    if not isinstance(settings, AttributesSettings):
        running.health.note("attributes", "no BigCommerce credentials: the values are kept here only")
        await _run(_consumer(KeptHere(), settings, shared, running), running, lambda: _forget_mirror(settings, store))
        return
    async with AsyncExitStack() as stack:
        client = make_bigcommerce(
            settings,
            settings.quota_weight,
            max_concurrency=writes_at_once(settings.quota_weight, MIRROR_PART),
            deadline_s=settings.vendor_deadline_s,
        )
        stack.push_async_callback(client.aclose)
        mirror = _mirror(settings, client, store, running)
        mirror.limits = replace(mirror.limits, deadline_s=2 * settings.vendor_deadline_s)
        show_room(settings.store, lambda: mirror.room)
        consumer = _consumer(mirror, settings, shared, running)
        await _run(consumer, running, lambda: watch(consumer, mirror, store, running, scope=scope_of(settings)))


def _consumer(kind: Kind, settings: KeepingSettings, shared: Shared, running: Running) -> Consumer:
    return Consumer(
        kind,
        settings=settings,
        database=shared.database,
        producer=shared.producer,
        running=running,
        bounds=settings.bounds,
    )


async def _forget_mirror(settings: KeepingSettings, store: Store) -> None:
    """Once there are credentials (again), the mirror has to be told all of it: what came meanwhile, it has not seen."""
    kind = begun_by(AttributeMirror.name, settings)
    await store.write(lambda connection: forget_begun(connection, kind))


async def _run(consumer: Consumer, running: Running, beside: Work) -> None:
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(_beside(beside, running))
        running.health.clear(STARTING)
        try:
            await run_consumer(consumer, running)
        finally:
            task.cancel()


async def _beside(beside: Work, running: Running) -> None:
    try:
        await beside()
    except Stopping:
        return
    except Exception as error:
        log.exception("task.failed", task="attributes.watch")
        running.fail(FatalError("watch_crashed", type(error).__name__))


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
