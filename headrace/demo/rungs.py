"""The demo's two ladders climbed a second time, by hand: up at once, down one rung at the end of each grace.

When somebody was first seen below a rung depends on where the log's clock stood, so it is taken from the log.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import ClassVar, Final
from zoneinfo import ZoneInfo

NAMES: Final = ("Silver", "Gold", "Platinum")
RHYTHMS: Final = ("quiet", "regular", "frequent")
GOLD_FROM_MINOR: Final = 1_000_00
PLATINUM_ABOVE_MINOR: Final = 5_000_00
ZONE: Final = ZoneInfo("Europe/London")
_BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Counted:
    """What an order counts for: pence, 0 and `counts` False when it does not."""

    at: datetime
    minor: int
    counts: bool


@dataclass(slots=True)
class Climber(ABC):
    """One customer on one ladder, and since when below the rung."""

    rung: int = 0
    below_since: datetime | None = None
    orders: dict[str, Counted] = field(default_factory=dict)
    clock: datetime | None = None
    grace_days: ClassVar[int]

    @abstractmethod
    def reached(self) -> int:
        """The rung of the number at this clock."""

    @abstractmethod
    def edges(self) -> Iterator[datetime]:
        """When time alone changes the number."""

    def ordered(self, order_id: str, order: Counted, clock: datetime | None) -> None:
        """An order came to this when the log's clock was there (None: it had not begun)."""
        self.pass_time(clock)
        self.orders[order_id] = order
        self._stand()

    def pass_time(self, clock: datetime | None) -> None:
        """Everything that time changes by then, in its order; with the first clock, all there was before it."""
        if self.clock is None and clock is not None:
            self.clock = _BEGINNING
        while clock is not None and self.clock is not None:
            moments = [*self.edges(), *([] if self.below_since is None else [self._end_of_grace()])]
            coming = [moment for moment in moments if self.clock < moment <= clock]
            if not coming:
                break
            self.clock = min(coming)
            self._stand()
        self.clock = clock if self.clock is None or (clock is not None and clock > self.clock) else self.clock

    def _stand(self) -> None:
        reached = self.reached()
        if reached >= self.rung:
            self.rung, self.below_since = reached, None
        elif self.below_since is None:
            self.below_since = self.clock
        elif self.clock is not None and self.clock >= self._end_of_grace():
            self.rung -= 1
            self.below_since = self.clock if reached < self.rung else None

    def _end_of_grace(self) -> datetime:
        assert self.below_since is not None
        return days_after(self.below_since, self.grace_days)


class Loyalty(Climber):
    """By lifetime spend."""

    grace_days = 60

    def reached(self) -> int:
        return rung_of(sum(order.minor for order in self.orders.values()))

    def edges(self) -> Iterator[datetime]:
        return iter(())


class Rhythm(Climber):
    """By orders within the last thirty days: one is regular, two are frequent."""

    grace_days = 30
    window_days: ClassVar[int] = 30

    def reached(self) -> int:
        return min(2, sum(self.clock is None or edge > self.clock for edge in self.edges()))

    def edges(self) -> Iterator[datetime]:
        return (days_after(order.at, self.window_days) for order in self.orders.values() if order.counts)


def rung_of(spent_minor: int) -> int:
    """0 Silver, 1 Gold, 2 Platinum."""
    return (spent_minor >= GOLD_FROM_MINOR) + (spent_minor > PLATINUM_ABOVE_MINOR)


def days_after(moment: datetime, days: int) -> datetime:
    """When so many whole days after that day are over, in the shop's calendar."""
    day = moment.astimezone(ZONE).date() + timedelta(days=days + 1)
    return datetime.combine(day, time.min, tzinfo=ZONE)
