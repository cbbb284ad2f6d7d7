"""What a process does when the store does not answer as it should: say so, wait, go on where it stood.

Short troubles are over before they come here: `headrace.platforms.http` has tried for a while.
"""

import asyncio
from collections.abc import Coroutine
from typing import Final, TypeVar

from headrace.platforms.errors import RateLimited, Unauthorized, VendorError
from headrace.runtime.health import Health
from headrace.runtime.logs import log

T = TypeVar("T")
_LAST_WORDS_S: Final = 3.0
UNAUTHORIZED: Final = "vendor.unauthorized"
UNAVAILABLE: Final = "vendor.unavailable"


class Troubles:
    """Keeps readiness true to the last call."""

    def __init__(
        self, health: Health, *, unauthorized_retry_s: float, retry_s: float = 5.0, vendor: str = "bigcommerce"
    ) -> None:
        self._health = health
        self._vendor = vendor
        self._unauthorized_retry_s = unauthorized_retry_s
        self._retry_s = retry_s

    async def wait(self, error: VendorError, stopping: asyncio.Event) -> None:
        """Blocks readiness for this cause and waits before the work is tried again, or until `stopping`."""
        if isinstance(error, Unauthorized):
            self._health.block(UNAUTHORIZED)
            log.error("vendor.unauthorized", vendor=self._vendor, route=error.route)
            await pause(self._unauthorized_retry_s, stopping)
            return
        self._health.block(UNAVAILABLE)
        log.warning("vendor.unavailable", vendor=self._vendor, route=error.route, problem=type(error).__name__)
        asked = error.retry_after_s if isinstance(error, RateLimited) else None
        await pause(max(self._retry_s, asked or 0.0), stopping)

    def over(self) -> None:
        """The store has answered."""
        self._health.clear(UNAUTHORIZED)
        self._health.clear(UNAVAILABLE)


async def unless_stopped(work: Coroutine[object, object, T], stopping: asyncio.Event) -> T | None:
    """What the work returns; None when told to stop and it was not done shortly after: it is cancelled then.

    A call may wait for its window of the quota longer than a process has for its end.
    """
    task, stop = asyncio.ensure_future(work), asyncio.ensure_future(stopping.wait())
    try:
        await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            await asyncio.wait({task}, timeout=_LAST_WORDS_S)
        return task.result() if task.done() else None
    finally:
        task.cancel()
        stop.cancel()
        await asyncio.wait({task, stop})


async def pause(seconds: float, stopping: asyncio.Event) -> None:
    """Waits so long, or until told to stop."""
    try:
        async with asyncio.timeout(seconds):
            await stopping.wait()
    except TimeoutError:
        return
