"""Numbers that grow with time: days of the store's zone, years by the birthday."""

from datetime import UTC, datetime, timedelta

import pytest

from headrace.rules.model import Spend
from headrace.segmentation.conditions.age import compile_age
from headrace.segmentation.facts import Facts
from headrace.segmentation.ledger import counted_spend
from headrace.segmentation.state import Profile, State, Totals

SPEND = counted_spend(Spend())


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def facts(now: str | None, *, made: str = "2026-01-01T12:00Z", birthday: str = "", last: str | None = None) -> Facts:
    profile = Profile("r", at(made), at(made), "", birthday=birthday)
    known = Facts(State("s:1", profile=profile, totals=Totals(last=at(last) if last else None)), SPEND)
    known.now = at(now) if now else None
    return known


@pytest.mark.parametrize(
    ("field", "known", "value"),
    [
        ("customer.account_age", facts("2026-01-01T23:59Z"), 0),
        ("customer.account_age", facts("2026-01-02T00:00Z"), 1),
        ("customer.account_age", facts("2025-12-01T00:00Z"), 0),
        ("customer.account_age", facts(None), 0),
        ("customer.account_age", facts("2028-01-01T00:00Z"), 730),
        ("customer.days_since_last_order", facts("2026-02-01T00:00Z"), None),
        ("customer.days_since_last_order", facts("2026-02-01T00:00Z", last="2026-01-30T23:00Z"), 2),
        ("customer.age", facts("2026-02-01T00:00Z"), None),
        ("customer.age", facts("2026-05-16T22:00Z", birthday="1990-05-17"), 35),
        ("customer.age", facts("2026-05-16T23:00Z", birthday="1990-05-17"), 36),  # midnight of London's summer
        ("customer.age", facts("2026-02-27T12:00Z", birthday="1992-02-29"), 33),
        ("customer.age", facts("2026-02-28T12:00Z", birthday="1992-02-29"), 34),
        ("customer.age", facts("2026-02-28T12:00Z", birthday="29.02.1992"), None),
        ("customer.age", facts("2026-02-28T12:00Z", birthday="2030-01-01"), 0),
    ],
)
def test_compile_age__moment__whole_days_or_years(field: str, known: Facts, value: int | None) -> None:
    assert compile_age(field, "Europe/London").read(known) == value


def test_next_change__bounds__the_moment_the_number_passes_one() -> None:
    number = compile_age("customer.account_age", "America/New_York")
    following = number.next_change(lambda value: value is not None and value > 90, (90,))
    assert following is not None
    edge = at("2026-04-02T04:00Z")  # the 91st day after 1 January, New York's midnight in summer
    assert following(facts("2026-01-05T00:00Z")) == edge
    assert following(facts(None)) == edge
    known = facts("2026-01-05T00:00Z")
    for moment, value in ((edge - timedelta(microseconds=1), 90), (edge, 91)):
        known.now = moment
        assert number.read(known) == value
    assert following(facts("2026-04-03T00:00Z")) is None


def test_next_change__a_day_the_zone_left_out__counts_when_it_would_have_begun() -> None:
    number = compile_age("customer.account_age", "Pacific/Apia")  # there was no 30 December 2011
    known = facts("2011-12-29T12:00Z", made="2011-12-29T12:00Z")
    following = number.next_change(lambda value: value == 1, (1,))
    assert following is not None
    assert following(known) is None
    known.now = datetime(2011, 12, 30, 10, tzinfo=UTC)
    assert number.read(known) == 2
