"""Runs a consumer of your own, for every store: what `headrace consume` starts."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any

from headrace.consumer.effects.clock import followed
from headrace.consumer.effects.loop import EffectConsumer
from headrace.consumer.ledger import migrate_ledger
from headrace.consumer.loop import Consumer
from headrace.consumer.patience import Stopping
from headrace.consumer.sdk import ConsumerSettings, EffectOfYourOwn, Own, as_kind, reads_of
from headrace.consumer.shared import Shared, open_shared, run_consumer, run_stores
from headrace.runtime.health import STARTING
from headrace.runtime.process import Running


async def run_own(own: Own, stores: Sequence[ConsumerSettings], running: Running) -> None:
    """Until the process is asked to stop."""
    async with AsyncExitStack() as stack:
        first = stores[0]
        try:
            shared = await open_shared(
                first,
                first.database_url.get_secret_value(),
                locks=[f"consumer.{own.name}"],
                migrate=migrate_ledger,
                running=running,
                stack=stack,
            )
        except Stopping:
            return

        async def lane(settings: ConsumerSettings, alone: Running) -> None:
            if isinstance(own, EffectOfYourOwn):
                await _effects(own, settings, shared, alone)
            else:
                await _state(own, settings, shared, alone)

        await run_stores(stores, lane, shared, running)


async def _effects(
    own: EffectOfYourOwn[Any, Any, Any], settings: ConsumerSettings, shared: Shared, running: Running
) -> None:
    async with own.sender(settings) as sender, followed(settings) as clock:
        consumer = EffectConsumer(
            sender,
            settings=settings,
            clock=clock,
            database=shared.database,
            producer=shared.producer,
            running=running,
            group=reads_of(own)[0],
            from_now=(settings.start or own.start) == "now",
        )
        running.health.clear(STARTING)
        await run_consumer(consumer, running)


async def _state(own: Any, settings: ConsumerSettings, shared: Shared, running: Running) -> None:
    instance = own(settings)
    async with instance.opened():
        start = settings.start or instance.start
        consumer = Consumer(
            as_kind(instance, every_value=start == "all history"),
            settings=settings,
            database=shared.database,
            producer=shared.producer,
            running=running,
            from_now=start == "now",
        )
        running.health.clear(STARTING)
        await run_consumer(consumer, running)
