"""The door to a vendor: callers wait here until a call fits the quota.

The accounting is `quota`'s; what a reply means is `http`'s.
"""

import asyncio
import math
import time
from collections.abc import Callable, Mapping
from typing import Protocol

from headrace.platforms.quota import QuotaReply, read_quota


class Accounting(Protocol):
    """What knows how many calls may still go out: `quota.Windows` where the vendor tells, `sliding.SlidingWindow`."""

    def take(self, now: float) -> int | float: ...
    def give_back(self, ticket: int, now: float, reply: QuotaReply | None = None) -> None: ...
    def cancel(self, ticket: int) -> None: ...
    def block(self, until: float) -> None: ...
    def pace(self, now: float) -> float: ...


class GateClosed(Exception):
    """No call fits within the time that the caller has; `wait_s` seconds from now one may."""

    def __init__(self, wait_s: float) -> None:
        super().__init__(f"{wait_s:.3f} s")
        self.wait_s = wait_s


class Gate:
    """One per process and store. Callers pass in the order they came."""

    def __init__(self, windows: Accounting, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._windows = windows
        self._clock = clock
        self._lock = asyncio.Lock()

    async def enter(self, within_s: float = math.inf) -> int:
        """Waits until a call may go out; returns its ticket for `leave`. Raises GateClosed where that is too late."""
        end = self._clock() + within_s
        async with self._lock:
            while True:
                now = self._clock()
                answer = self._windows.take(now)
                if isinstance(answer, int):
                    return answer
                if now + answer > end:
                    raise GateClosed(answer)
                await asyncio.sleep(answer)

    def leave(self, ticket: int, headers: Mapping[str, str] | None = None) -> QuotaReply | None:
        """The call ended; `headers` (lower-case names) are the reply's, None when there was none."""
        reply = read_quota(headers) if headers is not None else None
        self._windows.give_back(ticket, self._clock(), reply)
        return reply

    def unused(self, ticket: int) -> None:
        """No call went out with this ticket."""
        self._windows.cancel(ticket)

    def block_for(self, seconds: float) -> None:
        """The vendor wants no call for so long."""
        self._windows.block(self._clock() + seconds)

    def pace(self) -> float:
        """Seconds a caller that gains by waiting should wait, so that calls spread over the window."""
        return self._windows.pace(self._clock())
