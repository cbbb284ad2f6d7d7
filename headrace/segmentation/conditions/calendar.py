"""Calendars: named times of the store, by dates or every year anew, in whole days of the store's zone."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from headrace.rules.model import Calendar, Leaf
from headrace.segmentation.days import begins_or_none, day_of, in_month

OPERATORS: Final = ("during", "not_during")
FIELD: Final = "calendar"
_REPEATS: Final = 41
"""Years after which every yearly calendar has come round: a fifth Sunday of February comes every 28 or 40."""


@dataclass(frozen=True, slots=True)
class CompiledCalendar:
    """`during` a day; `turns`: the first day after a day on which that is otherwise."""

    during: Callable[[date], bool]
    turns: Callable[[date], date | None]


def compile_calendar(calendar: Calendar) -> CompiledCalendar:
    """Raises ValueError for days that are none."""
    spans = _yearly(calendar) if calendar.yearly else _once(calendar)

    @lru_cache(maxsize=1024)
    def during(day: date) -> bool:
        return any(first <= day < end for first, end in spans(day.year - 2, day.year + 1))

    @lru_cache(maxsize=1024)
    def turns(day: date) -> date | None:
        held = during(day)
        edges = {edge for span in spans(day.year - 2, day.year + _REPEATS) for edge in span if edge > day}
        return next((edge for edge in sorted(edges) if during(edge) is not held), None)

    return CompiledCalendar(during, turns)


def compile_now(calendar: Calendar, operator: str, timezone: str) -> Callable[[datetime | None], bool]:
    """Whether it is now; without a clock it is not. Raises ValueError for an operator the family does not have."""
    test, zone = compile_day(calendar, operator), ZoneInfo(timezone)
    unknown = operator == "not_during"
    return lambda now: unknown if now is None else test(day_of(now, zone))


def compile_day(calendar: Calendar, operator: str) -> Callable[[date], bool]:
    """Whether a day is in it. Raises ValueError for an operator the family does not have."""
    if operator not in OPERATORS:
        raise ValueError(f"no operator {operator!r} on a calendar")
    during = compile_calendar(calendar).during
    return during if operator == "during" else lambda day: not during(day)


def compile_next(calendar: Calendar, timezone: str) -> Callable[[datetime], datetime | None]:
    """When it begins or ends next."""
    zone, turns = ZoneInfo(timezone), compile_calendar(calendar).turns
    of_day = lru_cache(maxsize=4096)(lambda day: begins_or_none(turns(day), zone))
    return lambda now: of_day(day_of(now, zone))


def explain(leaf: Leaf) -> str:
    """`during black_friday`."""
    return f"{leaf.operator.replace('_', ' ')} {leaf.operand}"


Spans = Callable[[int, int], Iterator[tuple[date, date]]]
"""From one year to another, both included: first days, and days after the last."""


def _once(calendar: Calendar) -> Spans:
    span = date.fromisoformat(calendar.first), _next(date.fromisoformat(calendar.last))
    return lambda first, last: iter((span,))


def _yearly(calendar: Calendar) -> Spans:
    def spans(first: int, last: int) -> Iterator[tuple[date, date]]:
        for year in range(max(first, 1), min(last, 9998) + 1):
            begin = _begin(calendar, year)
            if begin is not None:
                yield begin, _end(calendar, begin, year)

    return spans


def _begin(calendar: Calendar, year: int) -> date | None:
    if calendar.weekday is None:
        return _in_year(calendar.first, year)
    number, weekday, month, plus = calendar.weekday
    day = _weekday(year, month, weekday, number)
    return None if day is None else day + timedelta(days=plus)


def _end(calendar: Calendar, begin: date, year: int) -> date:
    if calendar.weekday is not None:
        return begin + timedelta(days=calendar.days)
    last = _in_year(calendar.last, year)
    return _next(last if last >= begin else _in_year(calendar.last, year + 1))


def _in_year(month_and_day: str, year: int) -> date:
    month, _, day = month_and_day.partition("-")
    return in_month(year, int(month), int(day))


def _weekday(year: int, month: int, weekday: int, number: int) -> date | None:
    """The so-manyth weekday of a month, -1 the last; None where there is no fifth."""
    if number == -1:
        last = in_month(year, month, 31)
        return last - timedelta(days=(last.weekday() - weekday) % 7)
    first = date(year, month, 1)
    day = first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (number - 1))
    return day if day.month == month else None


def _next(day: date) -> date:
    return day + timedelta(days=1) if day < date.max else day
