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

Edge = Callable[[date], datetime | None]


@dataclass(frozen=True, slots=True)
class Ages:
    """The entries of one time, and no other change. `timers`: of those that are still to change, sorted."""

    sources: frozenset[str]
    timers: Callable[[Facts], tuple[Timer, ...]]


def ages_of(entries: Iterable[Timed]) -> tuple[Ages, ...]:
    """Of those among them that change by the age of one time only, counted in days, months or years."""
    found: dict[tuple[object, ...], list[Timed]] = {}
    for entry in entries:
        (read, zone), *others = {_counted_from(change) for change in entry.changes}
        if zone is not None and not others:
            found.setdefault((read, zone, entry.reads), []).append(entry)
    return tuple(map(_ages, found.values()))


def _counted_from(change: object) -> tuple[object, ZoneInfo | None]:
    return (change.read, change.zone) if isinstance(change, Aged) else (None, None)


def _ages(entries: list[Timed]) -> Ages:
    aged = {entry.source: [change for change in entry.changes if isinstance(change, Aged)] for entry in entries}
    first = aged[entries[0].source][0]
    read, zone = first.read, first.zone
    assert zone is not None
    of_day = _of_day({source: tuple(one.edge for one in of) for source, of in aged.items()})

    def timers(facts: Facts) -> tuple[Timer, ...]:
        at, now = read(facts), facts.now
        if at is None:
            return ()
        edges, ahead = of_day(day_of(at, zone))
        return ahead[0 if now is None else bisect_right(edges, now)]

    return Ages(frozenset(aged), timers)


def _of_day(
    edges_of: Mapping[str, tuple[Edge, ...]],
) -> Callable[[date], tuple[list[datetime], list[tuple[Timer, ...]]]]:
    """Of a day: all edges in their order, and the timers while none, one, two ... of them have passed."""

    @lru_cache(maxsize=2048)
    def of_day(day: date) -> tuple[list[datetime], list[tuple[Timer, ...]]]:
        timers = sorted({Timer(at, source) for source, of in edges_of.items() for edge in of if (at := edge(day))})
        edges = sorted({timer.due for timer in timers})
        return edges, [_first_of_each(timers)] + [_first_of_each([t for t in timers if t.due > at]) for at in edges]

    return of_day


def _first_of_each(timers: Iterable[Timer]) -> tuple[Timer, ...]:
    first: dict[str, Timer] = {}
    for timer in timers:
        first.setdefault(timer.source, timer)
    return tuple(first.values())
