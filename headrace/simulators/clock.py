"""The one clock of a simulated store: its date, which may jump, and its elapsed time, which may not.

Quota windows, webhook delays and retries run on elapsed time; what the store states as a date is its date. Nothing here
waits: who must wait asks how many real seconds a span takes.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta


class StoreClock:
    """Runs at `speed` store seconds per real second, from `start`. Elapsed time begins at 0."""

    def __init__(self, start: datetime, *, speed: float = 1.0, monotonic: Callable[[], float] = time.monotonic) -> None:
        if speed <= 0:
            raise ValueError("speed must be above 0")
        self._origin = start.astimezone(UTC)
        self._speed = speed
        self._monotonic = monotonic
        self._anchor = monotonic()
        self._elapsed_at_anchor = 0.0
        self._jumped_s = 0.0

    @property
    def speed(self) -> float:
        """Store seconds per real second."""
        return self._speed

    def elapsed(self) -> float:
        """Store seconds since the start, without the jumps of the date."""
        return self._elapsed_at_anchor + (self._monotonic() - self._anchor) * self._speed

    def date(self) -> datetime:
        """The store's date, aware UTC."""
        return self._origin + timedelta(seconds=self.elapsed() + self._jumped_s)

    def advance_to(self, moment: datetime) -> datetime:
        """Move the date forward to `moment`; an earlier moment changes nothing. Returns the date."""
        ahead = (moment - self.date()).total_seconds()
        if ahead > 0:
            self._jumped_s += ahead
        return self.date()

    def set_speed(self, speed: float) -> None:
        """Change the speed from now on; neither the date nor elapsed time jumps. Raises ValueError at 0 or below."""
        if speed <= 0:
            raise ValueError("speed must be above 0")
        self._elapsed_at_anchor, self._anchor = self.elapsed(), self._monotonic()
        self._speed = speed

    def real_seconds(self, store_seconds: float) -> float:
        """How long a span of elapsed time takes in real seconds."""
        return store_seconds / self._speed
