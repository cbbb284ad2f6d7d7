"""Composes the action consumers: the only place that builds their clients. Each store has its own, in its lane."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Final

from headrace.consumer import Consumer, Kind
from headrace.consumer.effects.clock import StoreClock, followed
from headrace.consumer.effects.loop import EffectConsumer
from headrace.consumer.ledger import migrate_ledger
from headrace.consumer.patience import Stopping
from headrace.consumer.shared import Runs, Shared, open_shared, run_consumer, run_stores
from headrace.contracts.effects import EFFECT_KINDS
from headrace.platforms.cost import GROUP_PART
from headrace.platforms.store import make_bigcommerce, writes_at_once
from headrace.runtime.health import STARTING
from headrace.runtime.logs import log
from headrace.runtime.process import Running
from headrace.runtime.stores import StoreEntry
from services.actions.effects.build import build_senders, served
from services.actions.effects.settings import EffectsSettings
from services.actions.email_tags import EmailTags
from services.actions.email_tags.accounts import Account, accounts_of
from services.actions.email_tags.platforms import PLATFORMS
from services.actions.group import GroupAssignment
from services.actions.settings import ActionsSettings, GroupSettings

GROUP: Final = "group"
EFFECTS: Final = "effects"
"""One consumer for each sender that the settings name."""
EMAIL_TAGS: Final = "email-tags"
"""With a platform behind it where it is a kind: `email-tags.mailchimp`."""

Accounts = Mapping[str, Mapping[str, Account]]
"""Kind -> store -> the account its tags go to."""
Main = Callable[[Sequence[ActionsSettings], Running], Awaitable[None]]


def kinds_of(names: Sequence[str], platforms: Sequence[str]) -> list[str]:
    """`group`, `email-tags.mailchimp`: one for each consumer to run, from the names and platforms of a command line."""
    tags = [f"{EMAIL_TAGS}.{platform}" for platform in platforms]
    return [*dict.fromkeys(kind for name in names for kind in (tags if name == EMAIL_TAGS else [name]))]


def choose_for(kinds: Sequence[str]) -> Callable[[StoreEntry], type[ActionsSettings] | None]:
    """Which settings a store needs: those of the kinds that it names credentials for; None when there is no such."""

    def choose(entry: StoreEntry) -> type[ActionsSettings] | None:
        able = [kind for kind in kinds if kind == EFFECTS or entry.has(_vendor(kind))]
        return settings_for(able) if able else None

    return choose


def settings_for(kinds: Sequence[str]) -> type[ActionsSettings]:
    """The settings class that asks for what these kinds need, and no more."""
    bases = tuple(dict.fromkeys(_settings_of(kind) for kind in kinds))
    return bases[0] if len(bases) == 1 else type("SeveralSettings", bases, {"__module__": __name__})


def _settings_of(kind: str) -> type[ActionsSettings]:
    ours: dict[str, type[ActionsSettings]] = {GROUP: GroupSettings, EFFECTS: EffectsSettings}
    return ours[kind] if kind in ours else PLATFORMS[_platform(kind)].settings


def _vendor(kind: str) -> str:
    return "bigcommerce" if kind == GROUP else _platform(kind)


def _platform(kind: str) -> str:
    return kind.removeprefix(f"{EMAIL_TAGS}.")


def main_of(kinds: Sequence[str]) -> Main:
    """The `main` that runs these kinds in one process: of each store those that its settings are for."""

    async def main(stores: Sequence[ActionsSettings], running: Running) -> None:
        await _main(stores, running, list(dict.fromkeys(kinds)))

    return main


async def _main(stores: Sequence[ActionsSettings], running: Running, kinds: Sequence[str]) -> None:
    async with AsyncExitStack() as stack:
        database_url = stores[0].database_url.get_secret_value()
        try:
            shared = await open_shared(
                stores[0], database_url, locks=kinds, migrate=migrate_ledger, running=running, stack=stack
            )
        except Stopping:
            return
        accounts = {kind: _accounts(kind, stores) for kind in kinds if kind not in (GROUP, EFFECTS)}

        async def lane(settings: ActionsSettings, own: Running) -> None:
            await _lane(settings, own, kinds, shared, accounts)

        _tell_left_out(stores, kinds)
        await run_stores(stores, lane, shared, running)


def _accounts(kind: str, stores: Sequence[ActionsSettings]) -> Mapping[str, Account]:
    platform = PLATFORMS[_platform(kind)]
    return accounts_of(
        {settings.store: platform.account(settings) for settings in stores if isinstance(settings, platform.settings)}
    )


def _tell_left_out(stores: Sequence[ActionsSettings], kinds: Sequence[str]) -> None:
    for kind in kinds:
        if without := [settings.store for settings in stores if not isinstance(settings, _settings_of(kind))]:
            log.info("store.left_out", kind=kind, stores=without)


async def _lane(
    settings: ActionsSettings, running: Running, kinds: Sequence[str], shared: Shared, accounts: Accounts
) -> None:
    async with AsyncExitStack() as stack:
        consumers: list[Runs] = [
            Consumer(
                _build(kind, settings, shared, accounts, stack),
                settings=settings,
                database=shared.database,
                producer=shared.producer,
                running=running,
                bounds=settings.bounds,
            )
            for kind in kinds
            if kind != EFFECTS and isinstance(settings, _settings_of(kind))
        ]
        if EFFECTS in kinds and isinstance(settings, EffectsSettings):
            clock = await stack.enter_async_context(followed(settings))
            consumers += _senders(settings, clock, running, shared, stack)
        async with asyncio.TaskGroup() as tasks:
            for consumer in consumers:
                tasks.create_task(run_consumer(consumer, running))
            running.health.clear(STARTING)


def _senders(
    settings: EffectsSettings, clock: StoreClock, running: Running, shared: Shared, stack: AsyncExitStack
) -> list[Runs]:
    senders = build_senders(settings, stack)
    if missing := sorted({*EFFECT_KINDS} - {"do"} - served(senders)):
        running.health.note("effects", f"nothing is set here to do: {', '.join(missing)}")
        log.warning("effects.unserved", kinds=missing)
    return [
        EffectConsumer(
            sender,
            settings=settings,
            clock=clock,
            database=shared.database,
            producer=shared.producer,
            running=running,
            policy=settings.policy,
        )
        for sender in senders
    ]


def _build(kind: str, settings: ActionsSettings, shared: Shared, accounts: Accounts, stack: AsyncExitStack) -> Kind:
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
    account = accounts[kind][settings.store]
    return EmailTags(platform.audience(client, settings), settings.store, shared.database, account)
