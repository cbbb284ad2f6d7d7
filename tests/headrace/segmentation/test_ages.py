"""The timers of one age, found once for a day, are those that each entry has alone."""

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from headrace.rules.model import AllOf, Duration, Leaf, Spend
from headrace.segmentation.ages import ages_of
from headrace.segmentation.conditions.change import Timed
from headrace.segmentation.conditions.registry import compile_condition
from headrace.segmentation.conditions.terms import Terms
from headrace.segmentation.facts import Facts
from headrace.segmentation.ledger import counted_spend
from headrace.segmentation.state import Profile, State, Timer, Totals
from tests.headrace.segmentation.edges import NOW

SPANS = [Duration(count=2, unit="day"), Duration(count=9, unit="day"), Duration(count=1, unit="month")]
TOO_LONG = Duration(count=9_000, unit="year")
LAST, MADE = "customer.last_order_at", "customer.created_at"
moments = st.integers(-24 * 3, 24 * 45).map(lambda hours: NOW - timedelta(hours=hours))
known = st.none() | moments
ages = st.builds(
    Leaf,
    field=st.sampled_from([LAST, MADE]),
    operator=st.sampled_from(["within_last", "older_than"]),
    operand=st.sampled_from([*SPANS, TOO_LONG]),
)


def entry(source: str, *leaves: Leaf) -> Timed:
    made = compile_condition(AllOf(of=leaves), Terms("GBP", "America/New_York"))
    assert made.next_change is not None
    return Timed(source, made.moved_by, made.next_change, made.changes)


@given(
    several=st.lists(st.lists(ages, min_size=1, max_size=3), min_size=1, max_size=6), now=known, last=known, made=known
)
def test_ages_of__any_ages__their_timers_are_those_of_each_alone(
    several: list[list[Leaf]], now: datetime | None, last: datetime | None, made: datetime | None
) -> None:
    entries = [entry(f"segment:{number}", *leaves) for number, leaves in enumerate(several)]
    profile = None if made is None else Profile("1", created_at=made, modified_at=made, group="Gold")
    facts = Facts(State("s:1", profile=profile, totals=Totals(last=last)), counted_spend(Spend()))
    facts.now = now
    for one in ages_of(entries):
        dues = {each.source: each.next_change(facts) for each in entries if each.source in one.sources}
        assert one.timers(facts) == tuple(sorted(Timer(due, source) for source, due in dues.items() if due is not None))


def test_ages_of__entries_of_two_times__each_time_by_itself() -> None:
    new, quiet, lost = (
        entry("segment:new", Leaf(field=MADE, operator="within_last", operand=SPANS[0])),
        entry("segment:quiet", Leaf(field=LAST, operator="older_than", operand=SPANS[0])),
        entry("segment:lost", Leaf(field=LAST, operator="older_than", operand=SPANS[1])),
    )
    assert [one.sources for one in ages_of([new, quiet, lost])] == [{"segment:new"}, {"segment:quiet", "segment:lost"}]


def test_ages_of__entry_that_changes_otherwise_too__none_of_them() -> None:
    quiet = Leaf(field=LAST, operator="older_than", operand=SPANS[0])
    for other in (
        Leaf(field=MADE, operator="older_than", operand=SPANS[0]),
        Leaf(field=LAST, operator="older_than", operand=Duration(count=5, unit="hour")),
        Leaf(field="customer.account_age", operator="above", operand=3),
    ):
        assert ages_of([entry("segment:both", quiet, other)]) == ()


def test_ages_of__customers_of_one_day__share_their_timers() -> None:
    (one,) = ages_of([entry("segment:quiet", Leaf(field=LAST, operator="older_than", operand=SPANS[0]))])
    first, other = (
        Facts(State("s:1", totals=Totals(last=NOW + timedelta(minutes=minutes))), counted_spend(Spend()))
        for minutes in (0, 1)
    )
    assert one.timers(first)[0] is one.timers(other)[0]
