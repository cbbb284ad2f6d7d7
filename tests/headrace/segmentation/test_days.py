"""Days of the store's calendar: midnights across clock changes, months that are too short, leap days."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.segmentation.days import begins, begins_or_none, day_bucket, day_of, in_month, later, yearly

ZONES = ("Europe/London", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "Pacific/Kiritimati", "UTC")
moments = st.integers(0, 120 * 365 * 86_400).map(
    lambda seconds: datetime(1971, 1, 1, tzinfo=UTC) + timedelta(0, seconds)
)


@given(moments, st.sampled_from(ZONES))
def test_day_of__any_moment__lies_between_its_day_and_the_next(at: datetime, name: str) -> None:
    zone = ZoneInfo(name)
    day = day_of(at, zone)
    assert begins(day, zone) <= at < begins(day + timedelta(days=1), zone)
    assert day_bucket(at, zone) == begins(day, zone).timestamp()


@pytest.mark.parametrize(
    ("zone", "day", "begin"),
    [
        ("Europe/London", "2026-03-29", "2026-03-29T00:00Z"),
        ("Europe/London", "2026-03-30", "2026-03-29T23:00Z"),
        ("America/New_York", "2026-11-01", "2026-11-01T04:00Z"),
        ("America/New_York", "2026-11-02", "2026-11-02T05:00Z"),
        ("Australia/Lord_Howe", "2026-04-05", "2026-04-04T13:00Z"),  # half an hour
        ("Australia/Lord_Howe", "2026-04-06", "2026-04-05T13:30Z"),
        ("Africa/Cairo", "2026-04-24", "2026-04-23T22:00Z"),  # 00:00 becomes 01:00
    ],
)
def test_begins__clocks_change__the_zones_midnight(zone: str, day: str, begin: str) -> None:
    assert begins(date.fromisoformat(day), ZoneInfo(zone)) == datetime.fromisoformat(begin)


@pytest.mark.parametrize(
    ("day", "count", "unit", "expected"),
    [
        ("2026-01-31", 1, "month", "2026-02-28"),
        ("2028-01-31", 1, "month", "2028-02-29"),
        ("2026-08-31", 6, "month", "2027-02-28"),
        ("2026-12-15", 1, "month", "2027-01-15"),
        ("2028-02-29", 1, "year", "2029-02-28"),
        ("2028-02-29", 4, "year", "2032-02-29"),
        ("2026-12-31", 1, "day", "2027-01-01"),
        ("2028-02-28", 1, "day", "2028-02-29"),
    ],
)
def test_later__days_months_years__the_last_day_where_there_is_none(
    day: str, count: int, unit: str, expected: str
) -> None:
    assert later(date.fromisoformat(day), count, unit) == date.fromisoformat(expected)  # type: ignore[arg-type]


@pytest.mark.parametrize(("count", "unit"), [(1, "day"), (1, "month"), (99_999, "month"), (99_999, "year")])
def test_later__beyond_the_calendar__none(count: int, unit: str) -> None:
    assert later(date(9999, 12, 31), count, unit) is None  # type: ignore[arg-type]


def test_begins_or_none__before_the_calendar__none() -> None:
    assert begins_or_none(date(1, 1, 1), ZoneInfo("Asia/Kolkata")) is None
    assert begins_or_none(None, ZoneInfo("UTC")) is None
    assert day_of(datetime(9999, 12, 31, 23, tzinfo=UTC), ZoneInfo("Asia/Kolkata")) == date(9999, 12, 31)


def test_yearly__leap_day__28_february_in_other_years() -> None:
    born = date(1992, 2, 29)
    assert [yearly(born, year).day for year in (2024, 2026, 2100)] == [29, 28, 28]
    assert in_month(2026, 4, 31) == date(2026, 4, 30)
