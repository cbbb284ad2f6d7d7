"""Composition of the three ingest processes: the only place that builds their clients.

What they do is in `receive`, `hydrate` and `feed`.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError
from pydantic import SecretStr

from headrace.contracts import topics
from headrace.contracts.events import Origin
from headrace.contracts.progress import Progress
from headrace.platforms.errors import VendorError
from headrace.platforms.http import VendorClient
from headrace.platforms.store import make_bigcommerce
from headrace.runtime.health import STARTING
from headrace.runtime.kafka import group_of, is_ours, leave, make_consumer, make_producer, topic
from headrace.runtime.process import Running
from headrace.runtime.settings import ServiceSettings
from services.ingest.backfill import Backfill
from services.ingest.consent_routes import ConsentDoor
from services.ingest.dead_letters import DeadLetters
from services.ingest.feed import Feed, Pace
from services.ingest.freshness import Policy
from services.ingest.hook_keeper import keep_hooks
from services.ingest.hydrate import Hydrator
from services.ingest.hydrate_loop import HydrateLoop
from services.ingest.kafka_writer import KafkaWriter
from services.ingest.lasting import background, started_producer, through_outages
from services.ingest.owner_log import OwnerLog
from services.ingest.owners import Owners
from services.ingest.progress import ProgressLog
from services.ingest.publish import Events, EventWriter
from services.ingest.publisher import Publisher
from services.ingest.reader import Fetched, StoreReader
from services.ingest.receive import Doorkeeper, make_app
from services.ingest.reconcile import Reconcile
from services.ingest.server import listen, serve
from services.ingest.settings import FeedSettings, HydrateSettings, ReceiveSettings, StoreSettings
from services.ingest.snapshots import Snapshots
from services.ingest.vendor_troubles import Troubles, unless_stopped
from services.ingest.webhook import SharedHeader

_READS_AT_ONCE = 6
_FLUSH_S = 3.0
# A killed process is missed after 6 s, the least a broker allows by default; one that waits for the vendor is not.
_MEMBERSHIP: dict[str, Any] = {
    "session_timeout_ms": 6_000,
    "heartbeat_interval_ms": 2_000,
    "max_poll_interval_ms": 600_000,
}


async def run_receive(stores: Sequence[ReceiveSettings], running: Running) -> None:
    """`python -m services.ingest receive`: one port for all stores; address, port and Kafka are the process's."""
    settings = stores[0]
    opened = listen(settings.host, settings.port)
    writer = KafkaWriter(lambda: make_producer(settings), running.health, deadline_s=settings.produce_deadline_s)
    app = make_app(*(_doorkeeper(each, writer) for each in stores))
    async with background(writer.run(), running):
        running.health.clear(STARTING)
        await serve(app, opened, running.stopping)


def _doorkeeper(settings: ReceiveSettings, writer: KafkaWriter) -> Doorkeeper:
    shared = settings.bigcommerce_webhook_header
    return Doorkeeper(
        store=settings.store,
        client_secret=_bytes(settings.bigcommerce_client_secret),
        signature=settings.bigcommerce_webhook_signature,
        tolerance_s=settings.webhook_tolerance_s,
        shared_header=SharedHeader.parse(shared.get_secret_value()) if shared else None,
        api_key=_bytes(settings.api_key),
        notices_topic=topic(settings, topics.NOTICES),
        events_topic=topic(settings, topics.EVENTS),
        write=writer.write,
        own_snapshots=settings.own_snapshots,
        consents=ConsentDoor(
            store=settings.store,
            hash_key=settings.hash_key.get_secret_value().encode(),
            notices_topic=topic(settings, topics.NOTICES),
            write=writer.write,
            clock=time.time,
            tolerance_s=settings.webhook_tolerance_s,
            mailchimp_token=_bytes(settings.mailchimp_webhook_token),
            mailchimp_key=_bytes(settings.mailchimp_webhook_key),
            klaviyo_key=_bytes(settings.klaviyo_webhook_key),
        ),
    )


def _bytes(secret: SecretStr | None) -> bytes | None:
    return secret.get_secret_value().encode() if secret else None


async def run_hydrate(settings: HydrateSettings, running: Running) -> None:
    """`python -m services.ingest hydrate`, for one store."""
    await through_outages(lambda: _hydrate(settings, running), running)


async def _hydrate(settings: HydrateSettings, running: Running) -> None:
    async with _store_parts(settings, running, settings.quota_weight) as parts:
        policy = Policy(settings.stale_slack_s, settings.reread_delays_s, settings.batch_orders)
        letters = DeadLetters(parts.producer, settings, "hydrate")
        hydrator = Hydrator(
            parts.reader,
            parts.snapshots,
            parts.events,
            parts.publisher,
            letters.write,
            letters.write_rows,
            policy,
            is_ours=partial(is_ours, settings),
        )
        consumer = make_consumer(settings, group=group_of(settings, "hydrate"), **_MEMBERSHIP)
        loop = HydrateLoop(hydrator, consumer, parts.client, parts.troubles, running.stopping, settings.pending_limit)
        hooks = keep_hooks(parts.client, settings, parts.troubles, running)
        async with _started(consumer, settings, loop), background(hooks, running):
            await loop.run()


async def run_feed(settings: FeedSettings, running: Running) -> None:
    """`python -m services.ingest feed`, for one store."""
    await through_outages(lambda: _feed(settings, running), running)


async def _feed(settings: FeedSettings, running: Running) -> None:
    async with _store_parts(settings, running, settings.quota_weight) as parts:
        log_ = ProgressLog(settings, parts.producer, settings.store)
        letters = DeadLetters(parts.producer, settings, "feed")

        async def publish(customers: dict[int, Fetched], orders: dict[int, Fetched], origin: Origin) -> None:
            batch = await parts.snapshots.batch(customers=customers, orders=orders, origin=origin)
            await parts.publisher.write(batch)
            await letters.write_rows(batch.bad)

        async def write_clock(now: datetime) -> None:
            await letters.write_rows(await parts.publisher.settle())
            await parts.writer.write_everywhere(parts.events.clock(now))

        reconcile = Reconcile(
            parts.reader,
            parts.snapshots.consents,
            publish,
            write_clock,
            settle=timedelta(seconds=settings.settle_s),
            overlap=timedelta(seconds=settings.overlap_s),
        )
        backfill = Backfill(parts.reader, publish, log_.save)
        pace = Pace(settings.pass_every_s, settings.clock_rate)
        feed = Feed(backfill, reconcile, parts.troubles, pace, log_.save, running.stopping)
        progress = await _first_progress(settings, running, parts, log_)
        if progress is not None:
            await feed.run(progress)


async def _first_progress(
    settings: FeedSettings, running: Running, parts: "_StoreParts", log_: ProgressLog
) -> Progress | None:
    """What is recorded; else now, by the store's clock. None when told to stop before the store answered."""
    recorded = await log_.load()
    if recorded is not None:
        running.health.clear(STARTING)
        wanted = settings.backfill and recorded.phase == "changes" and not recorded.backfilled
        return msgspec.structs.replace(recorded, phase="customers") if wanted else recorded
    while not running.stopping.is_set():
        try:
            date = await unless_stopped(parts.snapshots.consents.refresh(), running.stopping)
        except VendorError as error:
            await parts.troubles.wait(error, running.stopping)
            continue
        if date is None:
            return None
        parts.troubles.over()
        progress = Progress(
            phase="customers" if settings.backfill else "changes",
            changed_until=date - timedelta(seconds=settings.settle_s),
        )
        await log_.save(progress)
        running.health.clear(STARTING)  # not before: what happens in the store from now on will be found
        return progress
    return None


@dataclass(frozen=True, slots=True)
class _StoreParts:
    client: VendorClient
    producer: AIOKafkaProducer
    reader: StoreReader
    events: Events
    snapshots: Snapshots
    writer: EventWriter
    publisher: Publisher
    troubles: Troubles


@asynccontextmanager
async def _store_parts(settings: StoreSettings, running: Running, weight: float) -> AsyncIterator[_StoreParts]:
    producer = await started_producer(settings, running)
    client = make_bigcommerce(settings, weight, max_concurrency=_READS_AT_ONCE)
    owners = Owners(settings.store, settings.hash_key.get_secret_value().encode())
    owner_log = OwnerLog(settings, producer, owners)
    try:
        await owner_log.catch_up(running.stopping)
        reader = StoreReader(client)
        events = Events(settings.store)
        snapshots = Snapshots(reader, events, owners)
        writer = EventWriter(producer, topic(settings, topics.EVENTS))
        async with background(owner_log.follow(), running):
            yield _StoreParts(
                client=client,
                producer=producer,
                reader=reader,
                events=events,
                snapshots=snapshots,
                writer=writer,
                publisher=Publisher(reader, snapshots, writer, owner_log),
                troubles=Troubles(running.health, unauthorized_retry_s=settings.unauthorized_retry_s),
            )
    finally:
        await client.aclose()
        with contextlib.suppress(KafkaError, TimeoutError):
            async with asyncio.timeout(_FLUSH_S):
                await owner_log.close()
        with contextlib.suppress(KafkaError, TimeoutError):
            async with asyncio.timeout(_FLUSH_S):
                await producer.stop()


@asynccontextmanager
async def _started(consumer: AIOKafkaConsumer, settings: ServiceSettings, listener: Any) -> AsyncIterator[None]:
    consumer.subscribe([topic(settings, topics.NOTICES)], listener=listener)
    try:
        await consumer.start()
        yield
    finally:
        await leave(consumer, _FLUSH_S)
