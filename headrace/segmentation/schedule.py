"""Rules that time sets off: by a schedule in the store's zone, or a span or every year after a time of the customer."""

from bisect import bisect_right
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from headrace.rules.model import Reached, Rule
from headrace.segmentation.conditions import time
from headrace.segmentation.conditions.change import TIME, NextChange, Timed, newest_fact
from headrace.segmentation.facts import Facts, depends_on

SCHEDULE: Final = "schedule"
REACHED: Final = "time.reached"
TIME_TRIGGERS: Final = (SCHEDULE, REACHED)
_KEPT: Final = 1024
ALWAYS: Final = "always"
"""Among what something reads: whatever happens, its timer must be there."""


def timed_rule(rule: Rule, timezone: str) -> Timed:
    """When a rule on time fires next. Raises ValueError for a schedule that is none, or a field that is no time."""
    source, when = f"rule:{rule.id}", rule.when
    if when.name == SCHEDULE and when.cron is not None:
        following = next_of(when.cron, timezone)
        due: NextChange = lambda facts: None if facts.now is None else following(facts.now)  # noqa: E731  # typed
        return Timed(source, frozenset({TIME, ALWAYS}), due, (due,))
    if when.name == REACHED and when.reached is not None:
        reached = _reached(when.reached, timezone)
        return Timed(source, frozenset({depends_on(when.reached.field), TIME}), reached, (reached,))
    raise ValueError(f"no schedule in {rule.id!r}")


def next_of(cron: str, timezone: str) -> Callable[[datetime], datetime | None]:
    """The first moment of a schedule after another; None: there is none. Raises ValueError for what is no schedule.

    Many customers ask at about the same moments, so the answers are kept: each of them for the time up to it.
    """
    zone = ZoneInfo(timezone)
    try:
        CronSim(cron, datetime(2026, 1, 1, tzinfo=zone))
    except CronSimError as error:
        raise ValueError(f"no schedule {cron!r}: {error}") from error
    begins, dues_known = list[datetime](), list[datetime]()

    def following(now: datetime) -> datetime | None:
        place = bisect_right(begins, now)
        if place and now < dues_known[place - 1]:
            return dues_known[place - 1]
        # In an hour that clocks repeat, the first of them is offered also to who is in the second.
        dues = (due.astimezone(UTC) for due in CronSim(cron, now.astimezone(zone)))
        due = next((due for due in dues if due > now), None)
        if due is not None and due in dues_known[place : place + 1]:
            begins[place] = now
        elif due is not None:
            if len(begins) >= _KEPT:
                begins.clear()
                dues_known.clear()
                place = 0
            begins.insert(place, now)
            dues_known.insert(place, due)
        return due

    return following


def _reached(reached: Reached, timezone: str) -> NextChange:
    if reached.field not in time.FIELDS:
        raise ValueError(f"no time {reached.field!r}")
    read, zone = time.reader(reached.field, timezone), ZoneInfo(timezone)
    if reached.span is None:
        return lambda facts: _next_yearly(read(facts), facts, zone)
    edge = time.reached_of(reached.span, timezone)

    def due(facts: Facts) -> datetime | None:
        at, now = read(facts), _looked_at(facts)
        moment = None if at is None else edge(at)
        return moment if moment is not None and now is not None and moment > now else None

    return due


def _next_yearly(at: datetime | None, facts: Facts, zone: ZoneInfo) -> datetime | None:
    now = _looked_at(facts)
    return None if at is None or now is None else time.next_yearly(at, now, zone)


def _looked_at(facts: Facts) -> datetime | None:
    """Without a clock yet, as of the newest fact: what was reached before that is left out."""
    return facts.now or newest_fact(facts)
