"""Entries that time alone changes by how long ago one time of the customer is: the timers of all of them at once.

Such an age changes at the edges of its spans, which depend on nothing but the day it is counted from. So they are found
once for a day, whoever has that time on it: customers with their last order on one day share their timers.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from headrace.segmentation.conditions.change import Timed
from headrace.segmentation.conditions.tree import Aged
from headrace.segmentation.days import day_of
from headrace.segmentation.facts import Facts
from headrace.segmentation.state import Timer

Read = Callable[[Facts], datetime | None]
Edge = Callable[[date], datetime | None]
Ahead = tuple[tuple[datetime, ...], tuple[tuple[Timer, ...], ...]]
"""All edges of a day in their order, and the timers ahead of who has passed none, one, two ... of them."""


@dataclass(frozen=True, slots=True)
class Ages:
    """Entries that nothing else changes by time. `timers`: of those that are still to change, sorted."""

    sources: frozenset[str]
    timers: Callable[[Facts], tuple[Timer, ...]]


def ages_of(entries: Iterable[Timed]) -> tuple[Ages, ...]:
    """Of those among them that change by the age of one time only, counted in days, months or years."""
    found: dict[tuple[Read, ZoneInfo, frozenset[str]], dict[str, list[Edge]]] = {}
    for entry in entries:
        aged = [change for change in entry.changes if isinstance(change, Aged)]
        counted_from = {(change.read, change.zone) for change in aged}
        if len(aged) < len(entry.changes) or len(counted_from) != 1:
            continue
        ((read, zone),) = counted_from
        if zone is not None:
            found.setdefault((read, zone, entry.reads), {})[entry.source] = [change.edge for change in aged]
    return tuple(_ages(read, zone, edges_of) for (read, zone, _), edges_of in found.items())


def _ages(read: Read, zone: ZoneInfo, edges_of: Mapping[str, list[Edge]]) -> Ages:
    of_day = _ahead_of_day(edges_of)

    def timers(facts: Facts) -> tuple[Timer, ...]:
        at, now = read(facts), facts.now
        if at is None:
            return ()
        edges, ahead = of_day(day_of(at, zone))
        return ahead[0 if now is None else bisect_right(edges, now)]

    return Ages(frozenset(edges_of), timers)


def _ahead_of_day(edges_of: Mapping[str, list[Edge]]) -> Callable[[date], Ahead]:
    @lru_cache(maxsize=2048)
    def of_day(day: date) -> Ahead:
        dues = [(edge(day), source) for source, edges in edges_of.items() for edge in edges]
        timers = sorted([Timer(due, source) for due, source in dues if due is not None])
        ahead: list[tuple[Timer, ...]] = [()]
        for timer in reversed(timers):
            ahead.append((timer, *[later for later in ahead[-1] if later.source != timer.source]))
        return tuple([timer.due for timer in timers]), tuple(reversed(ahead))

    return of_day
