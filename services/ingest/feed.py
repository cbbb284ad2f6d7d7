"""Feed: the backfill once, then pass after pass over the change feed, at the pace of the store's time.

The passes themselves are in `backfill` and `reconcile`.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final

import msgspec

from headrace.contracts.progress import Progress
from headrace.platforms.errors import VendorError
from services.ingest.backfill import Backfill
from services.ingest.reconcile import Reconcile
from services.ingest.vendor_troubles import Troubles, pause, unless_stopped

_LAST_SAVE_S: Final = 2.0
SAVE_EVERY_S: Final = 5.0
"""Real seconds between two records of progress while nothing but the clock moves."""


class Pace:
    """When the next pass begins: every `every_s` of the store's time, at most `rate` a second of real time."""

    def __init__(self, every_s: float, rate: float) -> None:
        self._every_s = every_s
        self._shortest_s = 1 / rate
        self._last: tuple[float, datetime] | None = None

    def delay(self, now: float, clock: datetime) -> float:
        """Real seconds to wait after a pass that ended `now` (a steady clock) with the store's clock at `clock`."""
        last, self._last = self._last, (now, clock)
        if last is None or now <= last[0]:
            return self._shortest_s
        speed = max(1.0, (clock - last[1]).total_seconds() / (now - last[0]))
        return min(self._every_s, max(self._shortest_s, self._every_s / speed))


class Feed:
    """One store's feed; `save` keeps its progress."""

    def __init__(
        self,
        backfill: Backfill,
        reconcile: Reconcile,
        troubles: Troubles,
        pace: Pace,
        save: Callable[[Progress], Awaitable[None]],
        stopping: asyncio.Event,
    ) -> None:
        self._backfill = backfill
        self._reconcile = reconcile
        self._troubles = troubles
        self._pace = pace
        self._save = save
        self._stopping = stopping

    async def run(self, progress: Progress) -> None:
        """Until told to stop. Raises Kafka's errors; the vendor's are waited out."""
        saved_at = 0.0
        while not self._stopping.is_set():
            try:
                went_on = await unless_stopped(self._step(progress), self._stopping)
            except VendorError as error:
                await self._troubles.wait(error, self._stopping)
                continue
            if went_on is None:
                break
            self._troubles.over()
            progress, was_pass = went_on, progress.phase == "changes"
            if was_pass and time.monotonic() - saved_at > SAVE_EVERY_S:
                await self._save(progress)
                saved_at = time.monotonic()
            if was_pass:
                await pause(self._pace.delay(time.monotonic(), progress.changed_until), self._stopping)
        with contextlib.suppress(TimeoutError):  # Kafka may be away; what is not saved is done again
            async with asyncio.timeout(_LAST_SAVE_S):
                await self._save(progress)

    async def _step(self, progress: Progress) -> Progress:
        """A page of the backfill, or a pass."""
        if progress.phase != "changes":
            return await self._backfill.step(progress)
        until = await self._reconcile.run_pass(progress.changed_until)
        return msgspec.structs.replace(progress, changed_until=until)
