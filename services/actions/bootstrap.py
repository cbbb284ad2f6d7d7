"""Composes the action consumers: the only place that builds their clients."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from typing import Final

from headrace.consumer import Consumer, Database, Kind, open_database
from headrace.consumer.database import AlreadyRunning, SingleReplica
from headrace.consumer.ledger import migrate_ledger
from headrace.consumer.patience import Stopping, database_is_away, insist, kafka_is_away, unless_stopping
from headrace.platforms.cost import GROUP_PART
from headrace.platforms.store import make_bigcommerce, writes_at_once
from headrace.runtime.health import STARTING
from headrace.runtime.kafka import make_producer
from headrace.runtime.process import FatalError, Running
from services.actions.email_tags import EmailTags
from services.actions.email_tags.platforms import PLATFORMS
from services.actions.group import GroupAssignment
from services.actions.settings import ActionsSettings, GroupSettings

GROUP: Final = "group"
EMAIL_TAGS: Final = "email-tags"
"""With a platform behind it where it is a kind: `email-tags.mailchimp`."""


def kinds_of(names: Sequence[str], platforms: Sequence[str]) -> list[str]:
    """`group`, `email-tags.mailchimp`: one for each consumer to run, from the names and platforms of a command line."""
    tags = [f"{EMAIL_TAGS}.{platform}" for platform in platforms]
    return [*dict.fromkeys(kind for name in names for kind in (tags if name == EMAIL_TAGS else [name]))]


def settings_for(kinds: Sequence[str]) -> type[ActionsSettings]:
    """The settings class that asks for what these kinds need, and no more."""
    bases = tuple(dict.fromkeys(_settings_of(kind) for kind in kinds))
    return bases[0] if len(bases) == 1 else type("SeveralSettings", bases, {"__module__": __name__})


def _settings_of(kind: str) -> type[ActionsSettings]:
    return GroupSettings if kind == GROUP else PLATFORMS[_platform(kind)].settings


def _platform(kind: str) -> str:
    return kind.removeprefix(f"{EMAIL_TAGS}.")


def main_of(kinds: Sequence[str]) -> Callable[[ActionsSettings, Running], "asyncio.Future[None]"]:
    """The `main` that runs these kinds in one process."""

    def main(settings: ActionsSettings, running: Running) -> "asyncio.Future[None]":
        return asyncio.ensure_future(_main(settings, running, kinds))

    return main


async def _main(settings: ActionsSettings, running: Running, kinds: Sequence[str]) -> None:
    async with AsyncExitStack() as stack:
        try:
            database = await _open(settings, running, kinds, stack)
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
        consumers = [
            Consumer(
                _build(kind, settings, database, stack),
                settings=settings,
                database=database,
                producer=producer,
                running=running,
            )
            for kind in dict.fromkeys(kinds)
        ]
        async with asyncio.TaskGroup() as tasks:
            for consumer in consumers:
                tasks.create_task(_run(consumer, running))
            running.health.clear(STARTING)


async def _run(consumer: Consumer, running: Running) -> None:
    try:
        await consumer.run()
    except FatalError as error:
        running.fail(error)


async def _open(settings: ActionsSettings, running: Running, kinds: Sequence[str], stack: AsyncExitStack) -> Database:
    try:
        database = open_database(settings.database_url.get_secret_value())
        stack.push_async_callback(database.close)
        for kind in dict.fromkeys(kinds):
            stack.callback(SingleReplica(database, kind).release)
    except AlreadyRunning as error:
        raise FatalError("already_running", str(error)) from error
    except (ValueError, OSError) as error:
        raise FatalError("database_url", str(error)) from error
    await insist(
        lambda: asyncio.to_thread(migrate_ledger, database),
        reason="database",
        running=running,
        worth_it=database_is_away,
    )
    return database


def _build(kind: str, settings: ActionsSettings, database: Database, stack: AsyncExitStack) -> Kind:
    if kind == GROUP:
        assert isinstance(settings, GroupSettings)
        weight = settings.quota_weight
        at_once = writes_at_once(weight, GROUP_PART)
        store = make_bigcommerce(settings, weight, max_concurrency=at_once, deadline_s=settings.vendor_deadline_s)
        stack.push_async_callback(store.aclose)
        return GroupAssignment(store, settings.store)
    platform = PLATFORMS[_platform(kind)]
    assert isinstance(settings, platform.settings)
    client = platform.client(settings)
    stack.push_async_callback(client.aclose)
    return EmailTags(platform.audience(client, settings), settings.store, database)
