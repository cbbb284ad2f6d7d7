"""What a vendor allows: BigCommerce's store-wide window of calls, and limits of calls at one time.

Pure accounting over elapsed time. A second app uses its part of the same window, evenly; no headers are written here.
"""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

KEPT_WINDOWS: Final = 1000


@dataclass(slots=True)
class Window:
    """One window: calls of ours let through and asked for, and calls of the other app."""

    index: int
    ours: int = 0
    asked: int = 0
    others: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a call may pass. `ours` is true of a refusal that our calls alone brought about."""

    allowed: bool
    ours: bool
    left: int
    quota: int
    window_s: float
    reset_s: float
    """Store seconds until the window ends."""


class StoreQuota:
    """Fixed windows of `window_s` store seconds with `quota` calls for all apps of the store together."""

    def __init__(self, *, quota: int, window_s: float, other_app_share: float = 0.0) -> None:
        if quota < 1 or window_s <= 0 or not 0 <= other_app_share < 1:
            raise ValueError("quota from 1, window above 0, other app's share from 0 to below 1")
        self.quota = quota
        self._window_s = window_s
        self._others_quota = int(quota * other_app_share)
        self._current = Window(0)
        self._past: deque[Window] = deque(maxlen=KEPT_WINDOWS)

    def take(self, elapsed: float) -> Verdict:
        """Ask for one call at this moment of elapsed time."""
        fraction = self._move_to(elapsed)
        window = self._current
        window.asked += 1
        allowed = window.ours + window.others < self.quota
        if allowed:
            window.ours += 1
        ours = not allowed and window.asked > self.quota - self._others_quota
        left = max(0, self.quota - window.ours - window.others)
        return Verdict(allowed, ours, left, self.quota, self._window_s, (1 - fraction) * self._window_s)

    def windows(self, elapsed: float) -> list[Window]:
        """The last windows in which somebody of ours called, the current one last."""
        self._move_to(elapsed)
        return [*self._past, self._current]

    def _move_to(self, elapsed: float) -> float:
        position = elapsed / self._window_s
        index = int(position)
        if index > self._current.index:
            self._let_others_call(1.0)
            if self._current.asked:
                self._past.append(self._current)
            self._current = Window(index)
        fraction = position - self._current.index
        self._let_others_call(fraction)
        return fraction

    def _let_others_call(self, fraction: float) -> None:
        window = self._current
        due = int(self._others_quota * fraction)
        window.others = max(window.others, min(due, self.quota - window.ours))


class AtOnce:
    """Limits of calls at one time, by the name of what they limit."""

    def __init__(self, limits: dict[str, int]) -> None:
        self._limits = limits
        self._running: dict[str, int] = {}
        self.highest: dict[str, int] = {}
        """The most that ran at one time, refused calls not counted."""

    @contextmanager
    def enter(self, name: str) -> Iterator[bool]:
        """Whether the call may run; a name without a limit always may."""
        running = self._running.get(name, 0)
        limit = self._limits.get(name)
        if limit is not None and running >= limit:
            yield False
            return
        self._running[name] = running + 1
        self.highest[name] = max(self.highest.get(name, 0), running + 1)
        try:
            yield True
        finally:
            self._running[name] -= 1
