"""Time: how long ago something happened, on which day, in which calendar, and whether its yearly day is today.

Days are those of the store's zone. How long ago has an *edge*, the one moment such a test changes with time alone.
Unset is None and fails every test but `not_during` and `is_unset`.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from headrace.rules.model import Calendar, Day, Duration, Leaf
from headrace.segmentation.conditions import calendar as calendars_
from headrace.segmentation.conditions import text
from headrace.segmentation.conditions.change import NextChange, newest_fact
from headrace.segmentation.conditions.tree import Aged
from headrace.segmentation.days import begins, begins_or_none, day_after, day_of, later, same_time, yearly
from headrace.segmentation.facts import TIMES, Facts

Edge = Callable[[datetime], datetime | None]
"""From when a thing happened to when it is older than the span; None: not within the calendar."""
TimeTest = Callable[[datetime | None, datetime | None], bool]
"""On when it happened (None: it did not), and now (None: the store's time is not known yet)."""

BIRTHDAY: Final = "customer.birthday"
FIELDS: Final = frozenset({*TIMES, BIRTHDAY})
SPANS: Final = ("within_last", "older_than")
ANNIVERSARY: Final = "anniversary"
OPERATORS: Final = (
    *SPANS,
    "before",
    "after",
    "on_date",
    "during",
    "not_during",
    ANNIVERSARY,
    "is_set",
    "is_unset",
)


@lru_cache(maxsize=64)
def reader(field: str, timezone: str) -> Callable[[Facts], datetime | None]:
    """A time of the customer or of the order; a birthday is when that day began in the zone."""
    if field != BIRTHDAY:
        return TIMES[field]
    zone = ZoneInfo(timezone)
    return lambda facts: None if facts.profile is None else _begin_of(facts.profile.birthday, zone)


@lru_cache(maxsize=1024)
def edge_of(span: Duration, timezone: str) -> Edge:
    """`36 hours`: exactly those later. `90 days`: when the 91st day after the day it happened on begins in the zone.

    So a thing is not older than 90 days through the whole of the 90th day, whatever the hour it happened at; nor than
    6 months through the whole of that day six months later, or of that month's last where it has no such day.

    One edge serves all who ask for the same span: many customers have orders on one day, many rules ask for one moment.
    """
    if span.unit == "hour":
        exact = timedelta(hours=span.count)
        return lambda at: _later(at, exact)
    zone, midnight = ZoneInfo(timezone), edge_of_day(span, timezone)
    return lru_cache(maxsize=4096)(lambda at: midnight(day_of(at, zone)))


@lru_cache(maxsize=1024)
def edge_of_day(span: Duration, timezone: str) -> Callable[[date], datetime | None]:
    """The edge of a span of days, months or years, by the day a thing happened on."""
    zone = ZoneInfo(timezone)

    @lru_cache(maxsize=4096)
    def midnight(day: date) -> datetime | None:
        last = day_after(day, span)
        return None if last is None else begins_or_none(later(last, 1, "day"), zone)

    return midnight


def later_of(span: Duration, timezone: str) -> Edge:
    """A span later: so many hours, or the same time of day so many days, months or years later."""
    if span.unit == "hour":
        exact = timedelta(hours=span.count)
        return lambda at: _later(at, exact)
    zone = ZoneInfo(timezone)
    return lambda at: same_time(at, day_after(day_of(at, zone), span), zone)


def reached_of(span: Duration, timezone: str) -> Edge:
    """When a span after something is reached: so many hours later, or when the day so many days later begins."""
    if span.unit == "hour":
        return edge_of(span, timezone)
    zone = ZoneInfo(timezone)
    return lambda at: begins_or_none(day_after(day_of(at, zone), span), zone)


def compile_test(leaf: Leaf, timezone: str, calendars: Mapping[str, Calendar] | None = None) -> TimeTest:
    """The test of a leaf, parsed once. Raises ValueError for an operator the family does not have."""
    if leaf.operator in ("is_set", "is_unset"):
        wanted = leaf.operator == "is_set"
        return lambda value, now: (value is not None) is wanted
    if leaf.operator == ANNIVERSARY:
        zone = ZoneInfo(timezone)
        return lambda value, now: value is not None and now is not None and _is_anniversary(value, now, zone)
    if leaf.operator in SPANS:
        edge = _edge(leaf, timezone)
        older = leaf.operator == "older_than"
        return lambda value, now: value is not None and _passed(edge(value), now) is older
    return _of_day(leaf, ZoneInfo(timezone), calendars or {})


def aged(leaf: Leaf, timezone: str) -> Aged | None:
    """The leaf as a test of how long ago something is; None: it is another test."""
    if leaf.operator not in SPANS:
        return None
    read, older, edge = reader(leaf.field, timezone), leaf.operator == "older_than", _edge(leaf, timezone)
    if not isinstance(leaf.operand, Duration) or leaf.operand.unit == "hour":
        return Aged(read, edge, None, older)
    return Aged(read, edge_of_day(leaf.operand, timezone), ZoneInfo(timezone), older)


def compile_next(leaf: Leaf, timezone: str) -> Callable[[datetime | None, datetime | None], datetime | None]:
    """When the test's value changes next, given when it happened and now; None: never by time alone."""
    if leaf.operator == ANNIVERSARY:
        zone = ZoneInfo(timezone)
        return lambda value, now: None if value is None or now is None else _next_turn(value, now, zone)
    if leaf.operator not in SPANS:
        return lambda value, now: None
    edge = _edge(leaf, timezone)

    def following(value: datetime | None, now: datetime | None) -> datetime | None:
        due = None if value is None else edge(value)
        return None if due is None or _passed(due, now) else due

    return following


def next_change(leaf: Leaf, timezone: str) -> NextChange | None:
    """The same of a customer; None where time does not change the test."""
    if leaf.operator not in (*SPANS, ANNIVERSARY):
        return None
    read, following = reader(leaf.field, timezone), compile_next(leaf, timezone)
    if leaf.operator in SPANS:
        return lambda facts: following(read(facts), facts.now)
    return lambda facts: newest_fact(facts) if facts.now is None else following(read(facts), facts.now)


def next_yearly(at: datetime, now: datetime, zone: ZoneInfo) -> datetime | None:
    """When the next yearly day of something begins, its first a year after the day itself."""
    day = day_of(at, zone)
    first = max(day.year + 1, day_of(now, zone).year)
    turns = (begins_or_none(_in_year(day, year), zone) for year in (first, first + 1))
    return next((turn for turn in turns if turn is not None and turn > now), None)


def evaluate(value: datetime | None, now: datetime | None, leaf: Leaf, timezone: str) -> bool:
    """Whether a moment meets the leaf."""
    return compile_test(leaf, timezone)(value, now)


def explain(leaf: Leaf) -> str:
    """`customer.last_order_at older than 90 days`."""
    operator = leaf.operator.replace("_", " ")
    match leaf.operand:
        case Duration(count=count, unit=unit):
            return f"{leaf.field} {operator} {count} {unit}{'' if count == 1 else 's'}"
        case Day(date=day):
            return f"{leaf.field} {operator} {day}"
    if leaf.operator == ANNIVERSARY:
        return f"{leaf.field} has its yearly day {leaf.operand}"
    return f"{leaf.field} {operator} {leaf.operand}" if leaf.operand is not None else text.explain(leaf)


def _of_day(leaf: Leaf, zone: ZoneInfo, calendars: Mapping[str, Calendar]) -> TimeTest:
    test, unset = _day_test(leaf, calendars), leaf.operator == "not_during"
    return lambda value, now: unset if value is None else test(day_of(value, zone))


def _day_test(leaf: Leaf, calendars: Mapping[str, Calendar]) -> Callable[[date], bool]:
    match leaf.operator, leaf.operand:
        case "before", Day(date=written):
            return date.fromisoformat(written).__gt__
        case "after", Day(date=written):
            return date.fromisoformat(written).__lt__
        case "on_date", Day(date=written):
            return date.fromisoformat(written).__eq__
        case ("during" | "not_during") as operator, str(name) if name in calendars:
            return calendars_.compile_day(calendars[name], operator)
    raise ValueError(f"no operator {leaf.operator!r} on a time with {leaf.operand!r}")


def _is_anniversary(value: datetime, now: datetime, zone: ZoneInfo) -> bool:
    day, today = day_of(value, zone), day_of(now, zone)
    return today.year > day.year and today == yearly(day, today.year)


def _next_turn(value: datetime, now: datetime, zone: ZoneInfo) -> datetime | None:
    """The end of the yearly day, where it is today, else the beginning of the next."""
    if _is_anniversary(value, now, zone):
        return begins_or_none(later(day_of(now, zone), 1, "day"), zone)
    return next_yearly(value, now, zone)


def _in_year(day: date, year: int) -> date | None:
    return yearly(day, year) if year <= date.max.year else None


@lru_cache(maxsize=4096)
def _begin_of(written: str, zone: ZoneInfo) -> datetime | None:
    try:
        return begins(date.fromisoformat(written), zone) if written else None
    except (ValueError, OverflowError):
        return None


def _edge(leaf: Leaf, timezone: str) -> Edge:
    if leaf.operator not in SPANS or not isinstance(leaf.operand, Duration):
        raise ValueError(f"no operator {leaf.operator!r} on a time with {leaf.operand!r}")
    return edge_of(leaf.operand, timezone)


def _passed(edge: datetime | None, now: datetime | None) -> bool:
    return edge is not None and now is not None and now >= edge


def _later(at: datetime, span: timedelta) -> datetime | None:
    try:
        return at.astimezone(UTC) + span
    except OverflowError:
        return None
