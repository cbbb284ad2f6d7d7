"""Window accounting: how many calls may still go out in the vendor's current window, and when the next one opens.

Pure: times are arguments, in seconds of any one steady clock. Who waits is `gate`'s matter.

BigCommerce counts a call when it arrives, in fixed windows common to all apps of a store, and says with each reply
how long its window still lasts. The boundary is therefore known to an interval; where that leaves a doubt, a call is
counted in both windows. No order of calls and replies makes a vendor's window hold more of ours than the allowance.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_DRIFT: Final = 0.001
"""How far the vendor's clock may run apart from ours, and its windows be off what it states, per second."""
_ROUNDING_S: Final = 0.001
"""Durations are stated in whole milliseconds."""
_SKEW: Final = 0.005
_SKEW_S: Final = 0.05
"""The stated end of a window may be off by this share of the window, at most this many seconds."""
_ASK_AGAIN_S: Final = 0.02
_LONGEST_WINDOW_S: Final = 300.0
"""Calls are remembered so long while no window is known."""


@dataclass(frozen=True, slots=True)
class QuotaReply:
    """What the headers of one reply say: durations in seconds, calls of the whole store."""

    window_s: float
    reset_s: float
    quota: int
    left: int


def read_quota(headers: Mapping[str, str]) -> QuotaReply | None:
    """From headers with lower-case names; None when they are absent or make no sense."""
    try:
        reply = QuotaReply(
            window_s=float(headers["x-rate-limit-time-window-ms"]) / 1000,
            reset_s=float(headers["x-rate-limit-time-reset-ms"]) / 1000,
            quota=int(headers["x-rate-limit-requests-quota"]),
            left=int(headers["x-rate-limit-requests-left"]),
        )
    except (KeyError, ValueError):
        return None
    sane = 0 < reply.window_s < 86_400 and 0 <= reply.reset_s <= reply.window_s * 1.01 + 1 and reply.quota > 0
    return reply if sane else None


@dataclass(slots=True)
class _Call:
    sent_at: float
    done_at: float | None = None


class Windows:
    """The accounting of one process: `share` of the store's quota is ours (a number from 0 to 1)."""

    def __init__(self, share: float) -> None:
        self._share = share
        self._calls: dict[int, _Call] = {}
        self._tickets = 0
        self._reply: QuotaReply | None = None
        self._learning = True
        """We do not know where the windows' boundaries are: one call at a time, until a reply tells."""
        self._end_from = -math.inf
        """The current window ends between here ..."""
        self._end_to = -math.inf
        """... and here."""
        self._first = True
        """The first window we see: what an earlier life of this process used of it is unknown."""
        self._first_allowance = 0
        self._blocked_until = -math.inf

    def take(self, now: float) -> int | float:
        """A ticket (int) when a call may go out now; else the seconds (float, > 0) after which to ask again."""
        wait = self._wait(now)
        if wait > 0:
            return wait
        self._tickets += 1
        self._calls[self._tickets] = _Call(now)
        return self._tickets

    def give_back(self, ticket: int, now: float, reply: QuotaReply | None = None) -> None:
        """The call of this ticket was answered (or given up) now."""
        call = self._calls[ticket]
        call.done_at = now
        if reply is not None:
            self._observe(ticket, call, now, reply)

    def cancel(self, ticket: int) -> None:
        """No call went out with this ticket."""
        self._calls.pop(ticket, None)

    def block(self, until: float) -> None:
        """No call goes out before this time: the vendor said so."""
        self._blocked_until = max(self._blocked_until, until)

    def allowance(self) -> int:
        """Calls per window that are ours; 1 while the vendor has not spoken."""
        if self._reply is None:
            return 1
        whole = _whole(self._reply, self._share)
        return min(whole, self._first_allowance) if self._first else whole

    def used(self) -> int:
        """Calls that may have landed in the current window."""
        return len(self._calls)

    def pace(self, now: float, *, head_start: float = 0.35) -> float:
        """Seconds to wait so that the calls of a window spread over it, after a first burst of `head_start` of them.

        For callers that gain by waiting (larger batches); 0 when there is plenty left.
        """
        self._advance(now)
        if self._reply is None or self._learning or now >= self._end_to:
            return 0.0
        elapsed = 1 - (self._end_to - now) / self._reply.window_s
        ahead = self.used() / max(1, self.allowance()) - head_start - max(0.0, elapsed)
        return max(0.0, min(ahead * self._reply.window_s, self._end_to - now))

    def _wait(self, now: float) -> float:
        if now < self._blocked_until:
            return self._blocked_until - now
        self._advance(now)
        if self._learning:
            in_flight = any(call.done_at is None for call in self._calls.values())
            full = self._reply is not None and self.used() >= self.allowance()
            return _ASK_AGAIN_S if in_flight or full else 0.0
        if now < self._end_from and self.used() < self.allowance():
            return 0.0
        if now >= self._end_to:  # the new window is still full of what may have landed in it
            return _ASK_AGAIN_S
        return max(self._end_to - now, _ASK_AGAIN_S / 10)

    def _advance(self, now: float) -> None:
        """Moves to the window of `now`; calls that cannot have landed in it are forgotten."""
        if self._reply is None:  # a vendor that states no quota, or has not answered yet
            self._forget(now - _LONGEST_WINDOW_S)
            return
        if self._learning:
            self._forget(now - _bounds(self._reply.window_s)[1])
        if self._learning or now < self._end_to:
            return
        fastest, slowest = _bounds(self._reply.window_s)
        passed = math.floor((now - self._end_to) / slowest) + 1
        self._forget(self._end_from + (passed - 1) * fastest)
        self._end_from += passed * fastest
        self._end_to += passed * slowest
        self._first = False
        self._learning = self._end_to - self._end_from > self._reply.window_s / 2  # too long without a word

    def _forget(self, started_from: float) -> None:
        calls = self._calls.items()
        self._calls = {key: call for key, call in calls if call.done_at is None or call.done_at >= started_from}

    def _observe(self, ticket: int, call: _Call, now: float, reply: QuotaReply) -> None:
        guard = _guard(reply.window_s)
        end_from, end_to = call.sent_at + reply.reset_s - guard, now + reply.reset_s + guard
        self._advance(now)
        if self._reply is None or self._learning or reply.window_s != self._reply.window_s:
            self._learn(end_from, end_to, reply, now)
        elif end_to < self._end_from - reply.window_s / 2:
            self._calls.pop(ticket, None)  # it landed in a window that is over
            return
        elif end_from > self._end_to + reply.window_s / 2 or end_to - end_from > reply.window_s / 2:
            return  # the vendor is a window ahead, or the reply was too slow to tell: the call stays counted
        else:
            self._narrow(end_from, end_to)
            self._reply = reply
        if reply.left <= max(1, reply.quota // 100):
            self.block(self._end_to)

    def _narrow(self, end_from: float, end_to: float) -> None:
        """Both intervals hold the boundary; if they do not meet, the vendor's clock was set: the newer one is right."""
        low, high = max(self._end_from, end_from), min(self._end_to, end_to)
        self._end_from, self._end_to = (low, high) if low <= high else (end_from, end_to)

    def _learn(self, end_from: float, end_to: float, reply: QuotaReply, now: float) -> None:
        self._reply = reply
        self._learning = False
        self._end_from, self._end_to = end_from, end_to
        self._forget(end_from - _bounds(reply.window_s)[1])
        whole = _whole(reply, self._share)
        self._first_allowance = max(1, math.ceil(whole * max(0.0, end_from - now) / reply.window_s))


def _whole(reply: QuotaReply, share: float) -> int:
    return max(1, math.floor(reply.quota * share + 1e-9))


def _bounds(window_s: float) -> tuple[float, float]:
    """The shortest and the longest a window of this stated length can be, by our clock."""
    slack = window_s * _DRIFT + _ROUNDING_S
    return window_s - slack, window_s + slack


def _guard(window_s: float) -> float:
    """How far the stated end of a window may be off."""
    return _ROUNDING_S + min(_SKEW_S, window_s * _SKEW)
