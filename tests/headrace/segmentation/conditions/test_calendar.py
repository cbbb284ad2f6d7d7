"""Calendars: on which days they are, and when they begin or end next."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.rules.model import Calendar, Leaf
from headrace.segmentation.conditions.calendar import compile_calendar, compile_next, compile_now, explain

ONCE = Calendar(first="2026-11-27", last="2026-11-30")
SUMMER = Calendar(first="06-01", last="08-31", yearly=True)
HOLIDAYS = Calendar(first="12-20", last="01-06", yearly=True)
FEBRUARY = Calendar(first="02-29", last="02-29", yearly=True)
FRIDAY = Calendar(yearly=True, weekday=(4, 3, 11, 1), days=4)
"""The day after the 4th Thursday of November, for 4 days."""
LAST = Calendar(yearly=True, weekday=(-1, 0, 5, 0))
FIFTH = Calendar(yearly=True, weekday=(5, 6, 2, 0))
"""The fifth Sunday of February: 2032, 2060."""
ALWAYS = Calendar(first="01-01", last="12-31", yearly=True)
CALENDARS = (ONCE, SUMMER, HOLIDAYS, FEBRUARY, FRIDAY, LAST, FIFTH, ALWAYS)


@pytest.mark.parametrize(
    ("calendar", "day", "inside"),
    [
        (ONCE, "2026-11-26", False),
        (ONCE, "2026-11-27", True),
        (ONCE, "2026-11-30", True),
        (ONCE, "2026-12-01", False),
        (ONCE, "2027-11-28", False),
        (SUMMER, "2031-05-31", False),
        (SUMMER, "2031-06-01", True),
        (SUMMER, "2031-08-31", True),
        (SUMMER, "2031-09-01", False),
        (HOLIDAYS, "2026-12-19", False),
        (HOLIDAYS, "2026-12-31", True),
        (HOLIDAYS, "2027-01-06", True),
        (HOLIDAYS, "2027-01-07", False),
        (FEBRUARY, "2028-02-29", True),
        (FEBRUARY, "2026-02-28", True),
        (FEBRUARY, "2028-02-28", False),
        (FRIDAY, "2026-11-26", False),
        (FRIDAY, "2026-11-27", True),
        (FRIDAY, "2026-11-30", True),
        (FRIDAY, "2026-12-01", False),
        (LAST, "2026-05-25", True),
        (LAST, "2026-05-18", False),
        (FIFTH, "2026-02-22", False),
        (FIFTH, "2032-02-29", True),
    ],
)
def test_during__day__inside_or_not(calendar: Calendar, day: str, inside: bool) -> None:
    assert compile_calendar(calendar).during(date.fromisoformat(day)) is inside


@settings(max_examples=60)  # one of them comes every 28 years
@given(st.sampled_from(CALENDARS), st.dates(date(2001, 1, 1), date(2060, 1, 1)))
def test_turns__any_day__the_first_that_is_otherwise(calendar: Calendar, day: date) -> None:
    compiled = compile_calendar(calendar)
    turn = compiled.turns(day)
    ahead = [day + timedelta(days=count) for count in range(1, 400 if turn is None else (turn - day).days + 1)]
    otherwise = [other for other in ahead if compiled.during(other) is not compiled.during(day)]
    assert otherwise[:1] == ([] if turn is None else [turn])


def test_turns__every_day_of_the_year__never() -> None:
    assert compile_calendar(ALWAYS).turns(date(2026, 7, 1)) is None
    assert compile_calendar(ONCE).turns(date(2026, 12, 1)) is None


@pytest.mark.parametrize(
    ("zone", "begin"),
    [
        ("Europe/London", "2026-11-27T00:00Z"),
        ("America/New_York", "2026-11-27T05:00Z"),
        ("Australia/Lord_Howe", "2026-11-26T13:00Z"),
    ],
)
def test_now__edge__is_the_zones_midnight(zone: str, begin: str) -> None:
    during, following = compile_now(FRIDAY, "during", zone), compile_next(FRIDAY, zone)
    edge = datetime.fromisoformat(begin)
    before = edge - timedelta(microseconds=1)
    assert (during(before), during(edge)) == (False, True)
    assert following(before) == edge
    assert following(edge) == edge + timedelta(days=4)


def test_now__no_clock__not_in_it() -> None:
    assert not compile_now(ALWAYS, "during", "UTC")(None)
    assert compile_now(ALWAYS, "not_during", "UTC")(None)
    assert not compile_now(ALWAYS, "not_during", "UTC")(datetime(2026, 1, 1, tzinfo=UTC))


def test_compile_now__unknown_operator__is_refused() -> None:
    with pytest.raises(ValueError, match="no operator"):
        compile_now(ONCE, "is", "UTC")


def test_explain__leaf__in_words() -> None:
    assert explain(Leaf(field="calendar", operator="not_during", operand="summer")) == "not during summer"
