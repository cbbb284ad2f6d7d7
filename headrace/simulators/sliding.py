"""A vendor's limit of so many calls in any so many seconds, as the vendor counts: when a call arrives."""

from collections import deque


class Sliding:
    """At most `limit` calls that were let through in any `window_s` of elapsed time."""

    def __init__(self, limit: int, window_s: float) -> None:
        self._limit = limit
        self._window_s = window_s
        self._passed: deque[float] = deque()

    def take(self, elapsed: float) -> float | None:
        """None when the call passes; else the seconds of elapsed time until one may."""
        while self._passed and self._passed[0] <= elapsed - self._window_s:
            self._passed.popleft()
        if len(self._passed) >= self._limit:
            return self._passed[0] + self._window_s - elapsed
        self._passed.append(elapsed)
        return None
