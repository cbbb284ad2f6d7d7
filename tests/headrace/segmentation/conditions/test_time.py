"""The time family: whole days of the store's calendar, exact hours, and the moment a test changes by itself."""

from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.rules.model import Duration, Leaf
from headrace.segmentation.conditions.time import compile_next, edge_of, evaluate, explain

Unit = Literal["day", "hour"]
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
    # hours are exact, also across a change of clocks
    (36, "hour", "Europe/London", "2026-03-28T12:30Z", "2026-03-30T00:30Z"),
    (36, "hour", "America/New_York", "2026-10-31T12:30Z", "2026-11-02T00:30Z"),
]


@pytest.mark.parametrize(("count", "unit", "zone", "happened", "edge"), EDGES)
def test_edge_of__case__moment_it_becomes_older(count: int, unit: Unit, zone: str, happened: str, edge: str) -> None:
    assert edge_of(Duration(count=count, unit=unit), zone)(at(happened)) == at(edge)


@pytest.mark.parametrize("unit", ["day", "hour"])
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
