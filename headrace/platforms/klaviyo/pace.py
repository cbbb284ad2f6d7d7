"""How fast each endpoint may be called: so many calls in any second, and in any minute. Pure.

The vendor counts in windows of a second and of a minute, for each endpoint and account, all private keys together, and
does not say where the windows begin. Times are arguments, in seconds of any one steady clock.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from headrace.platforms.http import Request
from headrace.platforms.sliding import Window

_SECOND_S: Final = 1.0
_MINUTE_S: Final = 60.0
_MARGIN_S: Final = 0.05
"""A call may have been counted this much later than its answer seems to say."""


@dataclass(frozen=True, slots=True)
class Limit:
    """Calls in a second, and in a minute."""

    burst: int
    steady: int

    def share(self, share: float) -> "Limit":
        """Our part of it (0 to 1), one call at least."""
        return Limit(max(1, int(self.burst * share)), max(1, int(self.steady * share)))


SMALL: Final = Limit(3, 60)
MEDIUM: Final = Limit(10, 150)
LARGE: Final = Limit(75, 700)
PROFILES: Final = Limit(75, 750)
HUGE: Final = Limit(350, 3500)

LIMITS: Final[Mapping[str, Limit]] = {
    "POST /api/profile-import": PROFILES,
    "GET /api/profiles": PROFILES,
    "PATCH /api/profiles/{}": PROFILES,
    "GET /api/lists": PROFILES,
    "POST /api/lists": MEDIUM,
    "POST /api/lists/{}/relationships/profiles": MEDIUM,
    "DELETE /api/lists/{}/relationships/profiles": MEDIUM,
    "POST /api/profile-bulk-import-jobs": MEDIUM,
    "GET /api/profile-bulk-import-jobs/{}": MEDIUM,
    "GET /api/profile-bulk-import-jobs/{}/import-errors": MEDIUM,
    "POST /api/events": HUGE,
    "POST /api/event-bulk-create-jobs": MEDIUM,
}
"""By the route of a request, as the vendor's OpenAPI files state them."""


def limit_of(request: Request) -> Limit:
    """The limit of a request's endpoint; the narrowest for one that is not known."""
    return LIMITS.get(request.route, SMALL)


class Pace:
    """The calls to one endpoint (see `headrace.platforms.gate.Accounting`).

    Wherever within its flight a call is counted, no second and no minute at the vendor holds more of ours than the
    limit. After a first burst calls are spread, so that nobody waits for the end of a minute.
    """

    def __init__(self, limit: Limit) -> None:
        self._windows = (
            Window(limit.burst, _SECOND_S, margin_s=_MARGIN_S),
            Window(limit.steady, _MINUTE_S, margin_s=_MARGIN_S),
        )
        self._between_s = _MINUTE_S / limit.steady
        self._ahead_s = self._between_s * (limit.burst - 1)
        self._due = -math.inf
        """When the next call would go out if all were spread evenly."""
        self._tickets = 0
        self._blocked_until = -math.inf

    def take(self, now: float) -> int | float:
        """A ticket (int) when a call may go out now; else the seconds (float, > 0) after which to ask again."""
        wait = max(
            self._blocked_until - now,
            self._due - self._ahead_s - now,
            *(window.wait(now) for window in self._windows),
        )
        if wait > 0:
            return max(wait, 0.001)
        self._tickets += 1
        self._due = max(self._due, now) + self._between_s
        for window in self._windows:
            window.begin()
        return self._tickets

    def give_back(self, ticket: int, now: float, reply: object = None) -> None:
        """The call of this ticket was answered (or given up) now."""
        for window in self._windows:
            window.end(now)

    def cancel(self, ticket: int) -> None:
        """No call went out with this ticket."""
        self._due -= self._between_s
        for window in self._windows:
            window.cancel()

    def block(self, until: float) -> None:
        """No call goes out before this time: the vendor said so."""
        self._blocked_until = max(self._blocked_until, until)

    def pace(self, now: float) -> float:
        """Seconds a caller that gains by waiting should wait: none."""
        return 0.0
