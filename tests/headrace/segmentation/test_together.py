"""Conditions asked together come to what each comes to alone, and so do their timers."""

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from headrace.rules.model import AllOf, AnyOf, Between, Condition, Duration, Leaf, Not, Spend
from headrace.segmentation.conditions.change import Timed
from headrace.segmentation.conditions.registry import CompiledCondition, compile_condition
from headrace.segmentation.conditions.terms import Terms
from headrace.segmentation.facts import Facts
from headrace.segmentation.ledger import counted_spend
from headrace.segmentation.state import Profile, State, Totals
from headrace.segmentation.together import NEVER, judge, next_changes
from tests.headrace.segmentation.edges import NOW as START

SPEND = counted_spend(Spend())
BOUNDED = ("is", "is_not", "above", "from", "below", "up_to")
SPANS = [Duration(count=1, unit="hour"), Duration(count=1, unit="day"), Duration(count=2, unit="month")]
moments = st.integers(0, 24 * 90).map(lambda hours: START - timedelta(hours=hours))
numbers = st.builds(
    Leaf,
    field=st.sampled_from(["customer.spend", "customer.average_order", "customer.store_credit"]),
    operator=st.sampled_from(BOUNDED),
    operand=st.integers(0, 3),
) | st.builds(
    Leaf,
    field=st.just("customer.store_credit"),
    operator=st.sampled_from(["is_set", "is_unset"]),
)
between = st.builds(
    lambda low, high: Leaf(field="customer.spend", operator="between", operand=Between(low=low, high=high)),
    st.integers(0, 2),
    st.integers(1, 4),
)
ages = st.builds(
    Leaf,
    field=st.sampled_from(["customer.last_order_at", "customer.created_at"]),
    operator=st.sampled_from(["within_last", "older_than", "is_set"]),
    operand=st.sampled_from(SPANS),
)
texts = st.builds(Leaf, field=st.just("customer.company"), operator=st.sampled_from(["is_set", "is_unset"]))
conditions: st.SearchStrategy[Condition] = st.recursive(
    numbers | between | ages | texts,
    lambda parts: (
        st.lists(parts, min_size=1, max_size=3).map(lambda of: AllOf(of=tuple(of)))
        | st.lists(parts, min_size=1, max_size=3).map(lambda of: AnyOf(of=tuple(of)))
        | parts.map(lambda part: Not(of=part))
    ),
    max_leaves=5,
)
totals = st.builds(Totals, spend=st.integers(0, 4), orders=st.integers(0, 2), last=st.none() | moments)
profiles = st.none() | st.builds(
    Profile,
    revision=st.just("1"),
    created_at=moments,
    modified_at=moments,
    group=st.just("Gold"),
    company=st.sampled_from(["", "acme"]),
    store_credit=st.none() | st.integers(0, 3),
)


def compiled(several: list[Condition]) -> list[CompiledCondition]:
    terms = Terms("GBP", "America/New_York")
    return [compile_condition(condition, terms) for condition in several]


@given(st.lists(conditions, min_size=1, max_size=5), totals, profiles, st.none() | moments)
def test_judge__any_conditions__each_holds_as_it_does_alone(
    several: list[Condition], known: Totals, profile: Profile | None, now: datetime | None
) -> None:
    made, facts = compiled(several), Facts(State("s:1", profile=profile, totals=known), SPEND)
    facts.now = now
    assert judge(one.tree for one in made)(facts) == tuple(one.holds(facts) for one in made)


@given(st.lists(conditions, min_size=1, max_size=5), totals, profiles, st.none() | moments)
def test_next_changes__any_conditions__each_changes_when_it_does_alone(
    several: list[Condition], known: Totals, profile: Profile | None, now: datetime | None
) -> None:
    timed = [
        Timed("", one.reads, one.next_change, one.changes) for one in compiled(several) if one.next_change is not None
    ]
    facts = Facts(State("s:1", profile=profile, totals=known), SPEND)
    facts.now = now
    together = next_changes(timed)(facts)
    assert [None if due is NEVER else due for due in together] == [one.next_change(facts) for one in timed]


def test_judge__equal_leaves__are_asked_once() -> None:
    leaf = Leaf(field="customer.orders", operator="above", operand=1)
    one, other = compiled([leaf, AllOf(of=(Not(of=leaf), leaf))])
    assert one.tree in other.tree.of  # type: ignore[union-attr]  # put together
