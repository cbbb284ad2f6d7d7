"""Accounting for a vendor that allows so many calls in any so many seconds, and says nothing in its replies.

Pure: times are arguments, in seconds of any one steady clock. Who waits is `gate`'s matter.
"""

import math
from collections import deque
from typing import Final

_MARGIN_S: Final = 0.1


class Window:
    """Calls that may be counted in a window that is not over: those under way, and those that ended within it.

    `margin_s`: a call may have been counted this much later than its answer seems to say.
    """

    def __init__(self, limit: int, length_s: float, *, margin_s: float = _MARGIN_S) -> None:
        self._flying = 0
        self._ended: deque[float] = deque()
        self._limit = limit
        self._length_s = length_s + margin_s
        self._margin_s = margin_s

    def wait(self, now: float) -> float:
        """Seconds until a call may go out; 0 when one may now."""
        while self._ended and self._ended[0] + self._length_s <= now:
            self._ended.popleft()
        if self._flying + len(self._ended) < self._limit:
            return 0.0
        return self._ended[0] + self._length_s - now if self._ended else self._margin_s

    def begin(self) -> None:
        """A call goes out."""
        self._flying += 1

    def end(self, now: float) -> None:
        """It was answered, or given up."""
        self._flying -= 1
        self._ended.append(now)

    def cancel(self) -> None:
        """It did not go out after all."""
        self._flying -= 1


class SlidingWindow:
    """At most `limit` calls in any `window_s` seconds at the vendor, wherever within its flight a call is counted.

    A call occupies its place from when it is sent until the window has passed since its answer.
    """

    def __init__(self, limit: int, window_s: float) -> None:
        self._window = Window(limit, window_s)
        self._tickets = 0
        self._blocked_until = -math.inf

    def take(self, now: float) -> int | float:
        """A ticket (int) when a call may go out now; else the seconds (float, > 0) after which to ask again."""
        wait = max(self._blocked_until - now, self._window.wait(now))
        if wait > 0:
            return wait
        self._tickets += 1
        self._window.begin()
        return self._tickets

    def give_back(self, ticket: int, now: float, reply: object = None) -> None:
        """The call of this ticket was answered (or given up) now; what the reply says of quotas is not read."""
        self._window.end(now)

    def cancel(self, ticket: int) -> None:
        """No call went out with this ticket."""
        self._window.cancel()

    def block(self, until: float) -> None:
        """No call goes out before this time: the vendor said so."""
        self._blocked_until = max(self._blocked_until, until)

    def pace(self, now: float) -> float:
        """Seconds a caller that gains by waiting should wait: none."""
        return 0.0


class Both:
    """Calls that count in two windows: `narrow`, their own, and `wide`, which others share."""

    def __init__(self, narrow: SlidingWindow, wide: SlidingWindow) -> None:
        self._narrow = narrow
        self._wide = wide
        self._wide_tickets: dict[int, int] = {}

    def take(self, now: float) -> int | float:
        """As of either: a ticket only when both give one."""
        ticket = self._narrow.take(now)
        if not isinstance(ticket, int):
            return ticket
        other = self._wide.take(now)
        if not isinstance(other, int):
            self._narrow.cancel(ticket)
            return other
        self._wide_tickets[ticket] = other
        return ticket

    def give_back(self, ticket: int, now: float, reply: object = None) -> None:
        """The call was answered (or given up) now."""
        self._narrow.give_back(ticket, now)
        self._wide.give_back(self._wide_tickets.pop(ticket), now)

    def cancel(self, ticket: int) -> None:
        """No call went out with this ticket."""
        self._narrow.cancel(ticket)
        self._wide.cancel(self._wide_tickets.pop(ticket))

    def block(self, until: float) -> None:
        """No such call goes out before this time; the others may."""
        self._narrow.block(until)

    def pace(self, now: float) -> float:
        """None."""
        return 0.0
