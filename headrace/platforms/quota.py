"""Window accounting: how many calls may still go out in the vendor's current window, and when the next one opens.

Pure: times are arguments, in seconds of any one steady clock. Who waits is `gate`'s matter.

BigCommerce counts a call when it arrives, in fixed windows common to all apps of a store, and says with each reply
how long its window still lasts. The boundary is therefore known to an interval; where that leaves a doubt, a call is
counted in both windows. No order of calls and replies makes a vendor's window hold more of ours than the allowance.

Several processes share the store. Each has its part of our share, replicas divide theirs (`weigh`), and each takes more
when replies show that it is left (`borrowing`).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from headrace.platforms.borrowing import View, held, is_fresh, may_borrow, opens_at

_DRIFT: Final = 0.001
"""How far the vendor's clock may run apart from ours, and its windows be off what it states, per second."""
_ROUNDING_S: Final = 0.001
"""Durations are stated in whole milliseconds."""
_SKEW: Final = 0.005
_SKEW_S: Final = 0.05
"""The stated end of a window may be off by this share of the window, at most this many seconds."""
_ASK_AGAIN_S: Final = 0.02
_STEP: Final = 0.003
"""While it waits for calls that others leave, a process asks again after this part of a window."""
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
    """The accounting of one process: `share` of the store's quota is ours, `part` of that is its own (0 to 1 each)."""

    def __init__(self, share: float, part: float = 1.0) -> None:
        self._share = share
        self._weight = part
        self._part = part
        self._next_part = part
        """Of the vendor's next window."""
        self._right = math.inf
        """Calls of its own part that it may still make in this window; less with time, for the others' good."""
        self._view: View | None = None
        self._asked = False
        """A call went out in this window to learn what is left, and did not tell yet."""
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
        self._first_rest = 0.0
        """The part of the first window that was left when we saw it."""
        self._blocked_until = -math.inf

    def take(self, now: float) -> int | float:
        """A ticket (int) when a call may go out now; else the seconds (float, > 0) after which to ask again."""
        wait = self._wait(now)
        if wait > 0:
            return wait
        self._tickets += 1
        self._calls[self._tickets] = _Call(now)
        if self._right < 1 and not self._is_told(now):
            self._asked = True
        self._right = max(0.0, self._right - 1)
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

    def weigh(self, part: float, now: float) -> None:
        """Of what it was built with, `part` (0 to 1) is its own; the rest is other replicas'. 0: one call a window.

        What is more than before counts from the vendor's next window on: in this one another may have used it.
        """
        self._advance(now)
        self._next_part = self._weight * part
        self._part = min(self._part, self._next_part)

    def allowance(self) -> int:
        """Calls per window that are this process's own; 1 while the vendor has not spoken."""
        if self._reply is None:
            return 1
        own = _whole(self._reply, self._share * self._part)
        return max(1, math.ceil(own * self._first_rest)) if self._first else own

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
        if now < self._end_from:
            return self._wait_within(now)
        if now >= self._end_to:  # the new window is still full of what may have landed in it
            return _ASK_AGAIN_S
        return max(self._end_to - now, _ASK_AGAIN_S / 10)

    def _wait_within(self, now: float) -> float:
        """In a window that we know to be in: our own part first, then what the others leave."""
        assert self._reply is not None
        until_end = max(self._end_to - now, _ASK_AGAIN_S / 10)
        if self._part >= 1 or self._first:
            return 0.0 if self.used() < self.allowance() else until_end
        elapsed = 1 - (self._end_to - now) / self._reply.window_s
        self._right = min(self._right, self.allowance() - self.used(), self.allowance() * held(elapsed))
        if self._right >= 1:
            return 0.0
        whole, step = _whole(self._reply, self._share), _STEP * self._reply.window_s
        if not self._is_told(now):
            # What we know is old: one call asks, where that could be worth while.
            known = 0 if self._view is None else self._view.used
            in_flight = any(call.done_at is None for call in self._calls.values())
            if self._asked or in_flight or not may_borrow(whole, self._part, View(known, now), 0, elapsed):
                return min(until_end, max(step, self._opens_in(whole, known, elapsed)))
            return 0.0
        assert self._view is not None
        view, unseen = self._view, self._unseen(self._view)
        if may_borrow(whole, self._part, view, unseen, elapsed):
            return 0.0
        return min(until_end, max(step, self._opens_in(whole, view.used + unseen, elapsed)))

    def _opens_in(self, whole: int, used: int, elapsed: float) -> float:
        assert self._reply is not None
        return (opens_at(whole, self._part, used) - elapsed) * self._reply.window_s

    def _is_told(self, now: float) -> bool:
        """True when a reply tells what everybody has used."""
        return self._reply is not None and self._view is not None and is_fresh(self._view, now, self._reply.window_s)

    def _unseen(self, view: View) -> int:
        """Calls of ours that may have landed after the one that the view is of; that one is seen."""
        later = sum(call.done_at is None or call.done_at > view.sent_at for call in self._calls.values())
        return max(0, later - any(call.sent_at == view.sent_at for call in self._calls.values()))

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
        self._part = self._next_part
        self._new_window()
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
            self._look(call, reply)
        if reply.left <= max(1, reply.quota // 100):
            self.block(self._end_to)

    def _look(self, call: _Call, reply: QuotaReply) -> None:
        used = reply.quota - reply.left
        if self._view is None or used >= self._view.used:
            self._view = View(used, call.sent_at)
            self._asked = False

    def _new_window(self) -> None:
        self._right, self._view, self._asked = math.inf, None, False

    def _narrow(self, end_from: float, end_to: float) -> None:
        """Both intervals hold the boundary; if they do not meet, the vendor's clock was set: the newer one is right."""
        low, high = max(self._end_from, end_from), min(self._end_to, end_to)
        self._end_from, self._end_to = (low, high) if low <= high else (end_from, end_to)

    def _learn(self, end_from: float, end_to: float, reply: QuotaReply, now: float) -> None:
        self._reply = reply
        self._learning = False
        self._new_window()
        self._end_from, self._end_to = end_from, end_to
        self._forget(end_from - _bounds(reply.window_s)[1])
        self._first_rest = min(1.0, max(0.0, end_from - now) / reply.window_s)


def _whole(reply: QuotaReply, share: float) -> int:
    return max(1, math.floor(reply.quota * share + 1e-9))


def _bounds(window_s: float) -> tuple[float, float]:
    """The shortest and the longest a window of this stated length can be, by our clock."""
    slack = window_s * _DRIFT + _ROUNDING_S
    return window_s - slack, window_s + slack


def _guard(window_s: float) -> float:
    """How far the stated end of a window may be off."""
    return _ROUNDING_S + min(_SKEW_S, window_s * _SKEW)
