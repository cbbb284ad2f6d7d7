"""The door to a vendor: callers wait here until a call fits the quota.

The accounting is `quota`'s; what a reply means is `http`'s.
"""

import asyncio
import time
from collections.abc import Callable, Mapping

from headrace.platforms.quota import QuotaReply, Windows, read_quota


class Gate:
    """One per process and store. Callers pass in the order they came."""

    def __init__(self, windows: Windows, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._windows = windows
        self._clock = clock
        self._lock = asyncio.Lock()

    async def enter(self) -> int:
        """Waits until a call may go out; returns its ticket for `leave`."""
        async with self._lock:
            while True:
                answer = self._windows.take(self._clock())
                if isinstance(answer, int):
                    return answer
                await asyncio.sleep(answer)

    def leave(self, ticket: int, headers: Mapping[str, str] | None = None) -> QuotaReply | None:
        """The call ended; `headers` (lower-case names) are the reply's, None when there was none."""
        reply = read_quota(headers) if headers is not None else None
        self._windows.give_back(ticket, self._clock(), reply)
        return reply

    def block_for(self, seconds: float) -> None:
        """The vendor wants no call for so long."""
        self._windows.block(self._clock() + seconds)

    def pace(self) -> float:
        """Seconds a caller that gains by waiting should wait, so that calls spread over the window."""
        return self._windows.pace(self._clock())
