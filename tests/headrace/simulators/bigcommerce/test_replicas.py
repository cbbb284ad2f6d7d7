"""Two clients of one role, half of the partitions each, against a store that counts: our share, and no more."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Final

import pytest
from pydantic import SecretStr

from headrace.platforms import bigcommerce
from headrace.platforms.errors import NotSent
from headrace.platforms.http import VendorClient
from headrace.platforms.store import make_bigcommerce
from headrace.simulators.options import Options
from headrace.simulators.server import serving

QUOTA: Final = 150
SHARE: Final = 0.5
WINDOW_S: Final = 1.5
WINDOWS: Final = 3


@dataclass(frozen=True)
class StoreSettings:
    """What a client asks of a service's settings."""

    bigcommerce_url: str
    store: str = "store"
    bigcommerce_token: SecretStr = field(default_factory=lambda: SecretStr("token"))
    bigcommerce_quota_share: float = SHARE


@pytest.mark.parametrize("parts", [(0.5, 0.5), pytest.param((1 / 12, 11 / 12), marks=pytest.mark.slow)], ids=str)
async def test_two_replicas__always_busy__use_our_share_of_every_window_and_no_more(parts: tuple[float, ...]) -> None:
    options = Options(quota=QUOTA, speed=30.0 / WINDOW_S, other_app_share=0.4)
    async with serving(options) as (simulator, addresses), AsyncExitStack() as stack:
        clients = [make_bigcommerce(StoreSettings(addresses.bigcommerce), 1.0) for _ in parts]
        for client, part in zip(clients, parts, strict=True):
            stack.push_async_callback(client.aclose)
            client.weigh(part)
        end = asyncio.get_running_loop().time() + (WINDOWS + 1.5) * WINDOW_S
        await asyncio.gather(*(_calls(client, end) for client in clients for _ in range(4)))
        windows = simulator.quota.windows(simulator.clock.elapsed())
    whole = [window.ours for window in windows[1:-1]]
    assert len(whole) >= WINDOWS - 1
    assert max(window.ours for window in windows) <= QUOTA * SHARE + len(parts), "each asks once what is left"
    assert min(whole) >= 0.9 * QUOTA * SHARE, whole
    assert all(window.asked == window.ours for window in windows), "nobody was refused"


async def _calls(client: VendorClient, end: float) -> None:
    """As many as it may."""
    while (left := end - asyncio.get_running_loop().time()) > 0:
        try:
            async with asyncio.timeout(left):
                await client.call(bigcommerce.customer_groups())
        except (TimeoutError, NotSent):
            return
