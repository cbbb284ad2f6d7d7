"""Days of a store's calendar: when one begins, which one a moment lies in, and which one comes a span later."""

from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from functools import lru_cache
from typing import Final, Literal
from zoneinfo import ZoneInfo

from headrace.rules.model import Duration

_LEAP_DAY: Final = (2, 29)


@lru_cache(maxsize=4096)
def begins(day: date, zone: ZoneInfo) -> datetime:
    """When a day begins. Where clocks skip midnight, it begins when they are put forward.

    Raises OverflowError for a day that begins before the first or after the last year of the calendar.
    """
    return datetime.combine(day, time_of_day.min, tzinfo=zone).astimezone(UTC)


def begins_or_none(day: date | None, zone: ZoneInfo) -> datetime | None:
    """The same; None for a day that is none, or lies outside the calendar."""
    try:
        return None if day is None else begins(day, zone)
    except OverflowError:
        return None


@lru_cache(maxsize=4096)
def day_of(at: datetime, zone: ZoneInfo) -> date:
    """The day a moment lies in; at the ends of the calendar, the one it is written with."""
    try:
        return at.astimezone(zone).date()
    except OverflowError:
        return at.date()


def same_time(at: datetime, day: date | None, zone: ZoneInfo) -> datetime | None:
    """The time of day of `at` on another day: where clocks skip it, as much later; where they repeat it, the first.

    None: outside the calendar.
    """
    try:
        if day is None:
            return None
        return datetime.combine(day, at.astimezone(zone).time().replace(fold=0), tzinfo=zone).astimezone(UTC)
    except OverflowError:
        return None


def day_bucket(at: datetime, zone: ZoneInfo) -> int:
    """When the day of a moment began, in seconds since the epoch."""
    bucket = _bucket(day_of(at, zone), zone)
    return int(at.timestamp()) if bucket is None else bucket


@lru_cache(maxsize=4096)
def _bucket(day: date, zone: ZoneInfo) -> int | None:
    """Kept by the day: hardly two orders are of one moment."""
    begin = begins_or_none(day, zone)
    return None if begin is None else int(begin.timestamp())


def later(day: date, count: int, unit: Literal["day", "month", "year"]) -> date | None:
    """So many days, months or years later; where the month has no such day, its last. None: outside the calendar."""
    try:
        if unit == "day":
            return day + timedelta(days=count)
        months = day.year * 12 + day.month - 1 + count * (12 if unit == "year" else 1)
        return in_month(months // 12, months % 12 + 1, day.day)
    except (OverflowError, ValueError):
        return None


def in_month(year: int, month: int, day: int) -> date:
    """A day of a month, or its last one where it has no such day. Raises ValueError outside the calendar."""
    return date(year, month, min(day, _length(year, month)))


def day_after(day: date, span: Duration) -> date | None:
    """The day a span of days, months or years after `day`. None: outside the calendar."""
    assert span.unit != "hour"
    return later(day, span.count, span.unit)


def yearly(day: date, year: int) -> date:
    """Its day of that year: 28 February where there is no 29th."""
    return date(year, 2, 28) if (day.month, day.day) == _LEAP_DAY and not _leap(year) else day.replace(year=year)


def _leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _length(year: int, month: int) -> int:
    if month == 2:
        return 29 if _leap(year) else 28
    return 30 if month in (4, 6, 9, 11) else 31
