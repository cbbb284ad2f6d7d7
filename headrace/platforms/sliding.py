"""Accounting for a vendor that allows so many calls in any so many seconds, and says nothing in its replies.

Pure: times are arguments, in seconds of any one steady clock. Who waits is `gate`'s matter.
"""

import math
from collections import deque
from typing import Final

_MARGIN_S: Final = 0.1
"""A call may have been counted this much later than its answer seems to say."""


class SlidingWindow:
    """At most `limit` calls in any `window_s` seconds at the vendor, wherever within its flight a call is counted.

    A call occupies its place from when it is sent until the window has passed since its answer.
    """

    def __init__(self, limit: int, window_s: float) -> None:
        self._limit = limit
        self._window_s = window_s
        self._flying: set[int] = set()
        self._ended: deque[float] = deque()
        self._tickets = 0
        self._blocked_until = -math.inf

    def take(self, now: float) -> int | float:
        """A ticket (int) when a call may go out now; else the seconds (float, > 0) after which to ask again."""
        if now < self._blocked_until:
            return self._blocked_until - now
        while self._ended and self._ended[0] + self._window_s + _MARGIN_S <= now:
            self._ended.popleft()
        if len(self._flying) + len(self._ended) >= self._limit:
            return self._ended[0] + self._window_s + _MARGIN_S - now if self._ended else _MARGIN_S
        self._tickets += 1
        self._flying.add(self._tickets)
        return self._tickets

    def give_back(self, ticket: int, now: float, reply: object = None) -> None:
        """The call of this ticket was answered (or given up) now; what the reply says of quotas is not read."""
        self._flying.discard(ticket)
        self._ended.append(now)

    def cancel(self, ticket: int) -> None:
        """No call went out with this ticket."""
        self._flying.discard(ticket)

    def block(self, until: float) -> None:
        """No call goes out before this time: the vendor said so."""
        self._blocked_until = max(self._blocked_until, until)

    def pace(self, now: float) -> float:
        """Seconds a caller that gains by waiting should wait: none."""
        return 0.0
