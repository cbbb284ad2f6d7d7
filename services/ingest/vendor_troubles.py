"""What a process does when the store does not answer as it should: say so, wait, go on where it stood.

Short troubles are over before they come here: `headrace.platforms.http` has tried for a while.
"""

import asyncio
from typing import Final

from headrace.platforms.errors import RateLimited, Unauthorized, VendorError
from headrace.runtime.health import Health
from headrace.runtime.logs import log

UNAUTHORIZED: Final = "vendor.unauthorized"
UNAVAILABLE: Final = "vendor.unavailable"


class Troubles:
    """Keeps readiness true to the last call."""

    def __init__(self, health: Health, *, unauthorized_retry_s: float, retry_s: float = 5.0) -> None:
        self._health = health
        self._unauthorized_retry_s = unauthorized_retry_s
        self._retry_s = retry_s

    async def wait(self, error: VendorError, stopping: asyncio.Event) -> None:
        """Blocks readiness for this cause and waits before the work is tried again, or until `stopping`."""
        if isinstance(error, Unauthorized):
            self._health.block(UNAUTHORIZED)
            log.error("vendor.unauthorized", vendor="bigcommerce", route=error.route)
            await pause(self._unauthorized_retry_s, stopping)
            return
        self._health.block(UNAVAILABLE)
        log.warning("vendor.unavailable", vendor="bigcommerce", route=error.route, problem=type(error).__name__)
        asked = error.retry_after_s if isinstance(error, RateLimited) else None
        await pause(max(self._retry_s, asked or 0.0), stopping)

    def over(self) -> None:
        """The store has answered."""
        self._health.clear(UNAUTHORIZED)
        self._health.clear(UNAVAILABLE)


async def pause(seconds: float, stopping: asyncio.Event) -> None:
    """Waits so long, or until told to stop."""
    try:
        async with asyncio.timeout(seconds):
            await stopping.wait()
    except TimeoutError:
        return
