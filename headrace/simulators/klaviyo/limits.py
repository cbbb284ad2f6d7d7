"""What each endpoint allows: a fixed window of one second and one of a minute, for some also one of a day.

Pure accounting over elapsed time.
"""

from dataclasses import dataclass, field
from typing import Final

SECOND_S: Final = 1.0
MINUTE_S: Final = 60.0
DAY_S: Final = 86_400.0

SMALL: Final = (3, 60)
MEDIUM: Final = (10, 150)
PROFILES: Final = (75, 750)
HUGE: Final = (350, 3500)
_MEDIUM: Final = (
    "POST /api/lists",
    "PATCH /api/lists/{id}",
    "DELETE /api/lists/{id}",
    "POST /api/lists/{id}/relationships/profiles",
    "DELETE /api/lists/{id}/relationships/profiles",
    "POST /api/event-bulk-create-jobs",
)
_HUGE: Final = ("POST /api/events", "GET /api/events")
_DAILY: Final = {"POST /api/lists": 150}


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a call may pass; `wait_s`: how long the window that refuses it still lasts. The rest is the minute's."""

    allowed: bool
    wait_s: float
    limit: int
    left: int
    reset_s: float


@dataclass(slots=True)
class _Window:
    limit: int
    length_s: float
    index: int = -1
    used: int = 0

    def at(self, elapsed: float) -> "_Window":
        index = int(elapsed // self.length_s)
        if index != self.index:
            self.index, self.used = index, 0
        return self

    def left_s(self, elapsed: float) -> float:
        return (self.index + 1) * self.length_s - elapsed


@dataclass(slots=True)
class EndpointLimits:
    """By endpoint, `POST /api/profile-import`. Refused calls do not count."""

    _windows: dict[str, tuple[_Window, ...]] = field(default_factory=dict)

    def take(self, endpoint: str, elapsed: float) -> Verdict:
        """Ask for one call at this moment of elapsed time."""
        windows = self._windows.setdefault(endpoint, _windows_of(endpoint))
        steady = windows[1].at(elapsed)
        full = next((each for each in windows if each.at(elapsed).used >= each.limit), None)
        if full is None:
            for each in windows:
                each.used += 1
        wait = 0.0 if full is None else full.left_s(elapsed)
        return Verdict(full is None, wait, steady.limit, steady.limit - steady.used, steady.left_s(elapsed))


def _windows_of(endpoint: str) -> tuple[_Window, ...]:
    burst, minute = _tier(endpoint)
    daily = (_Window(_DAILY[endpoint], DAY_S),) if endpoint in _DAILY else ()
    return (_Window(burst, SECOND_S), _Window(minute, MINUTE_S), *daily)


def _tier(endpoint: str) -> tuple[int, int]:
    if endpoint in _HUGE:
        return HUGE
    if endpoint in _MEDIUM or "/api/profile-bulk-import-jobs" in endpoint:
        return MEDIUM
    return SMALL if endpoint == "GET /api/profiles/{id}/lists" else PROFILES
