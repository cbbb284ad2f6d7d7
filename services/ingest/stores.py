"""Which stores each process of ingest serves, and a lane for each.

What a lane does is in `bootstrap`, `own_clock` and `suppressions`.
"""

import os
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TypeVar

from headrace.runtime.lanes import run_lanes
from headrace.runtime.process import Running
from headrace.runtime.settings import ServiceSettings, SettingsError, variable
from headrace.runtime.stores import StoreEntry
from headrace.runtime.variables import STORE_NAME
from services.ingest.settings import (
    ClockSettings,
    FeedSettings,
    HydrateSettings,
    ReceiveSettings,
    SuppressionSettings,
)

S = TypeVar("S", bound=ServiceSettings)


def of_receive(_: StoreEntry) -> type[ReceiveSettings]:
    """All: own events come to each."""
    return ReceiveSettings


def of_hydrate(entry: StoreEntry) -> type[HydrateSettings] | None:
    """Those on BigCommerce. Raises SettingsError where several have one address for their webhooks."""
    if not entry.has("bigcommerce"):
        return None
    check_webhook_url(entry)
    return HydrateSettings


def of_feed(entry: StoreEntry) -> type[FeedSettings] | None:
    """Those on BigCommerce."""
    return FeedSettings if entry.has("bigcommerce") else None


def of_clock(entry: StoreEntry) -> type[ClockSettings] | None:
    """Those whose clock no feed writes."""
    return ClockSettings if not entry.among or not entry.has("bigcommerce") else None


def of_suppressions(entry: StoreEntry) -> type[SuppressionSettings] | None:
    """Those with an account at Klaviyo."""
    return SuppressionSettings if entry.has("klaviyo") else None


def check_webhook_url(entry: StoreEntry) -> None:
    """Deliveries are told apart by their address. Raises SettingsError where one is meant for several stores."""
    own = entry.values.get("webhook_url")
    url = str(own or os.environ.get(variable("webhook_url"), ""))
    named = STORE_NAME.findall(url)
    if not url or "{store}" in url or entry.name in named or len(entry.among) < 2:
        return
    if own is not None and not set(named) & set(entry.among):  # whatever stands before `receive` may tell them apart
        return
    problem = f"is no address of store {entry.name}: write {{store}} in it, https://.../webhooks/bigcommerce/{{store}}"
    raise SettingsError({variable("webhook_url"): problem})


def in_lanes(
    lane: Callable[[S, Running], Awaitable[None]],
) -> Callable[[Sequence[S], Running], Awaitable[None]]:
    """A process's `main` that serves each store by itself: one's trouble is nobody else's."""

    async def main(stores: Sequence[S], running: Running) -> None:
        lanes = {settings.store if settings.among else "": partial(lane, settings) for settings in stores}
        await run_lanes(lanes, running)

    return main
