"""Whether a read is as new as its notice, and when it is repeated where it is not. The clock is given, seconds.

What is read and published is `hydrate`'s.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from services.ingest.backlog import Key, Pending
from services.ingest.normalise import modified_of
from services.ingest.reader import Fetched

_REMEMBERED: Final = 20_000


@dataclass(frozen=True, slots=True)
class Policy:
    """When a read counts as older than its notice, and what is done then. Seconds are real."""

    stale_slack_s: float
    reread_delays_s: tuple[float, ...]
    batch_size: int


class Freshness:
    """Remembers what was published lately: (date_modified, Date of the read)."""

    def __init__(self, policy: Policy, clock: Callable[[], float]) -> None:
        self._policy = policy
        self._clock = clock
        self._published: OrderedDict[Key, tuple[datetime, datetime]] = OrderedDict()

    def is_old(self, pending: Pending, row: Fetched | None) -> bool:
        """Missing, there although it was deleted, or not yet modified when the notice says it was.

        Also one with the revision of what we have published: dates are whole seconds, and equal is the same to the
        evaluator, so a second change within the second needs a read of a later second.
        """
        if row is None or pending.deleted_at is not None:
            return True
        if self.is_published(pending.key, row):
            return True
        slack = timedelta(seconds=self._policy.stale_slack_s)
        return pending.told_at is not None and modified_of(row.row) < pending.told_at - slack

    def is_published(self, key: Key, row: Fetched) -> bool:
        """With this very revision."""
        return self._published.get(key) == (modified_of(row.row), row.fetched_at)

    def remember(self, kind: str, rows: Mapping[int, Fetched]) -> None:
        """They have been acknowledged."""
        for number, each in rows.items():
            self._published[kind, number] = (modified_of(each.row), each.fetched_at)
            self._published.move_to_end((kind, number))
        while len(self._published) > _REMEMBERED:
            self._published.popitem(last=False)

    def again(self, pending: Pending) -> bool:
        """Sets the time of the next read; False after the last."""
        if pending.attempt >= len(self._policy.reread_delays_s):
            return False
        pending.due = self._clock() + self._policy.reread_delays_s[pending.attempt]
        pending.attempt += 1
        return True
