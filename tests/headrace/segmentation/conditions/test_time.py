"""The time family: whole days of the store's calendar, exact hours, and the moment a test changes by itself."""

from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.rules.model import Calendar, Day, Duration, Leaf, Operand
from headrace.segmentation.conditions.time import compile_next, compile_test, edge_of, evaluate, explain

Unit = Literal["day", "hour", "month", "year"]
ZONES = ["Europe/London", "America/New_York", "Africa/Cairo", "Pacific/Apia", "Asia/Kolkata", "UTC"]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def leaf(operator: str, count: int = 90, unit: Unit = "day") -> Leaf:
    return Leaf(field="customer.last_order_at", operator=operator, operand=Duration(count=count, unit=unit))


EDGES = [
    # whole days: through the whole of the last day, whatever the hour of the first
    (1, "day", "Europe/London", "2026-01-01T00:00Z", "2026-01-03T00:00Z"),
    (1, "day", "Europe/London", "2026-01-01T23:59Z", "2026-01-03T00:00Z"),
    # the day is that of the store: 03:00 UTC is the evening before in New York
    (1, "day", "America/New_York", "2026-01-02T03:00Z", "2026-01-03T05:00Z"),
    # clocks go forward on 29 March and back on 25 October: midnight is another hour of UTC
    (1, "day", "Europe/London", "2026-03-28T12:00Z", "2026-03-29T23:00Z"),
    (1, "day", "Europe/London", "2026-10-24T12:00Z", "2026-10-26T00:00Z"),
    # clocks that skip midnight: the day begins when they are put forward (00:00 becomes 01:00)
    (1, "day", "Africa/Cairo", "2026-04-22T12:00Z", "2026-04-23T22:00Z"),
    # a day the calendar left out: 30 December 2011 never was
    (1, "day", "Pacific/Apia", "2011-12-28T20:00Z", "2011-12-30T10:00Z"),
    # leap day, year's end
    (1, "day", "UTC", "2028-02-28T12:00Z", "2028-03-01T00:00Z"),
    (1, "day", "UTC", "2027-02-28T12:00Z", "2027-03-02T00:00Z"),
    (365, "day", "UTC", "2028-02-29T12:00Z", "2029-03-01T00:00Z"),
    (1, "day", "UTC", "2026-12-31T12:00Z", "2027-01-02T00:00Z"),
    # months and years: that day of the month, or its last
    (6, "month", "Europe/London", "2026-08-31T12:00Z", "2027-03-01T00:00Z"),
    (1, "month", "America/New_York", "2026-02-08T12:00Z", "2026-03-09T04:00Z"),
    (2, "year", "Australia/Lord_Howe", "2026-04-04T13:30Z", "2028-04-05T13:30Z"),
    (1, "year", "UTC", "2028-02-29T12:00Z", "2029-03-01T00:00Z"),
    # hours are exact, also across a change of clocks
    (36, "hour", "Europe/London", "2026-03-28T12:30Z", "2026-03-30T00:30Z"),
    (36, "hour", "America/New_York", "2026-10-31T12:30Z", "2026-11-02T00:30Z"),
]


@pytest.mark.parametrize(("count", "unit", "zone", "happened", "edge"), EDGES)
def test_edge_of__case__moment_it_becomes_older(count: int, unit: Unit, zone: str, happened: str, edge: str) -> None:
    assert edge_of(Duration(count=count, unit=unit), zone)(at(happened)) == at(edge)


@pytest.mark.parametrize("unit", ["day", "hour", "month", "year"])
def test_edge_of__beyond_the_calendar__never(unit: Unit) -> None:
    assert edge_of(Duration(count=99999, unit=unit), "UTC")(datetime(9999, 12, 30, tzinfo=UTC)) is None


@pytest.mark.parametrize(
    ("operator", "value", "now", "expected"),
    [
        ("older_than", "2026-01-01T12:00Z", "2026-04-01T23:59:59Z", False),
        ("older_than", "2026-01-01T12:00Z", "2026-04-02T00:00Z", True),
        ("within_last", "2026-01-01T12:00Z", "2026-04-01T23:59:59Z", True),
        ("within_last", "2026-01-01T12:00Z", "2026-04-02T00:00Z", False),
        ("within_last", "2026-01-01T12:00Z", "2025-12-31T00:00Z", True),  # our clock runs behind the facts
        ("older_than", "2026-01-01T12:00Z", None, False),
        ("within_last", "2026-01-01T12:00Z", None, True),
        ("older_than", None, "2026-04-02T00:00Z", False),
        ("within_last", None, "2026-04-02T00:00Z", False),
        ("is_set", None, "2026-04-02T00:00Z", False),
        ("is_unset", None, "2026-04-02T00:00Z", True),
        ("is_set", "2026-01-01T12:00Z", None, True),
    ],
)
def test_evaluate__row__as_the_language_says(operator: str, value: str | None, now: str | None, expected: bool) -> None:
    moment = None if value is None else at(value)
    assert evaluate(moment, None if now is None else at(now), leaf(operator), "UTC") is expected


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001  # hypothesis adds it
    st.integers(1, 800),
    st.sampled_from(["day", "hour"]),
    st.sampled_from(ZONES),
    st.sampled_from(["within_last", "older_than"]),
)
def test_next_change__any_span_and_zone__is_the_only_moment_the_value_changes(
    happened: datetime, count: int, unit: Unit, zone: str, operator: str
) -> None:
    test = leaf(operator, count, unit)
    following = compile_next(test, zone)
    edge = following(happened, happened)
    assert edge is not None
    assert edge > happened
    moment = timedelta(microseconds=1)
    assert [evaluate(happened, edge + step * moment, test, zone) for step in (-1, 0, 1)] == (
        [False, True, True] if operator == "older_than" else [True, False, False]
    )
    assert following(happened, None) == edge
    assert following(happened, edge - moment) == edge
    assert following(happened, edge) is None
    assert following(None, edge) is None


def test_compile_test__unknown_operator__is_refused() -> None:
    with pytest.raises(ValueError, match="no operator 'before'"):
        evaluate(None, None, leaf("before"), "UTC")


def test_explain__span__in_words() -> None:
    assert explain(leaf("older_than")) == "customer.last_order_at older than 90 days"
    assert explain(leaf("within_last", 1, "hour")) == "customer.last_order_at within last 1 hour"
    assert explain(Leaf(field="customer.last_order_at", operator="is_unset")) == "customer.last_order_at is unset"


SUMMER = {"summer": Calendar(first="06-01", last="08-31", yearly=True)}
DAYS = [
    # operator, operand, the first moment it holds (or None) and the first it does not after that, in London
    ("before", Day(date="2026-06-01"), None, "2026-05-31T23:00Z"),
    ("on_date", Day(date="2026-06-01"), "2026-05-31T23:00Z", "2026-06-01T23:00Z"),
    ("after", Day(date="2026-06-01"), "2026-06-01T23:00Z", None),
    ("during", "summer", "2026-05-31T23:00Z", "2026-08-31T23:00Z"),
    ("not_during", "summer", "2026-08-31T23:00Z", "2027-05-31T23:00Z"),
]


@pytest.mark.parametrize(("operator", "operand", "first", "end"), DAYS)
def test_compile_test__days_and_calendars__at_their_edges(
    operator: str, operand: Operand, first: str | None, end: str | None
) -> None:
    test = compile_test(Leaf(field="customer.created_at", operator=operator, operand=operand), "Europe/London", SUMMER)
    for edge, holds in ((first, True), (end, False)):
        if edge is not None:
            assert test(at(edge) - timedelta(microseconds=1), None) is not holds
            assert test(at(edge), None) is holds
    assert test(None, at("2026-07-01T00:00Z")) is (operator == "not_during")


@pytest.mark.parametrize(
    ("born", "now", "holds", "turns"),
    [
        ("2026-05-17T12:00Z", "2026-05-17T13:00Z", False, "2027-05-16T23:00Z"),  # the day itself is none
        ("1990-05-17T12:00Z", "2026-05-16T22:59Z", False, "2026-05-16T23:00Z"),
        ("1990-05-17T12:00Z", "2026-05-16T23:00Z", True, "2026-05-17T23:00Z"),
        ("1990-05-17T12:00Z", "2026-05-17T23:00Z", False, "2027-05-16T23:00Z"),
        ("1992-02-29T12:00Z", "2026-02-28T00:00Z", True, "2026-03-01T00:00Z"),
        ("1992-02-29T12:00Z", "2028-02-28T00:00Z", False, "2028-02-29T00:00Z"),
        ("1990-12-31T12:00Z", "2026-12-31T00:00Z", True, "2027-01-01T00:00Z"),
        ("2030-01-01T12:00Z", "2026-01-01T00:00Z", False, "2031-01-01T00:00Z"),
    ],
)
def test_anniversary__now__today_or_when_it_turns(born: str, now: str, holds: bool, turns: str) -> None:
    yearly = Leaf(field="customer.birthday", operator="anniversary", operand="today")
    assert evaluate(at(born), at(now), yearly, "Europe/London") is holds
    assert compile_next(yearly, "Europe/London")(at(born), at(now)) == at(turns)


def test_anniversary__no_clock_or_no_day__does_not_hold() -> None:
    yearly = Leaf(field="customer.birthday", operator="anniversary", operand="today")
    assert not evaluate(at("1990-05-17T12:00Z"), None, yearly, "UTC")
    assert not evaluate(None, at("1990-05-17T12:00Z"), yearly, "UTC")


@pytest.mark.parametrize(
    ("operator", "operand", "words"),
    [
        ("older_than", Duration(count=1, unit="month"), "customer.created_at older than 1 month"),
        ("on_date", Day(date="2026-06-01"), "customer.created_at on date 2026-06-01"),
        ("not_during", "summer", "customer.created_at not during summer"),
        ("anniversary", "today", "customer.created_at has its yearly day today"),
        ("is_set", None, "customer.created_at is set"),
    ],
)
def test_explain__operators__in_words(operator: str, operand: Operand, words: str) -> None:
    assert explain(Leaf(field="customer.created_at", operator=operator, operand=operand)) == words
