"""Conditions asked together come to what each comes to alone, and so do their timers."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from headrace.rules.model import AllOf, AnyOf, Between, Condition, Duration, Each, Ladder, Leaf, Not, Rung, Spend
from headrace.segmentation.conditions.change import Timed
from headrace.segmentation.conditions.registry import CompiledCondition, compile_condition
from headrace.segmentation.conditions.terms import Terms
from headrace.segmentation.facts import NUMBERS, Facts
from headrace.segmentation.ladders import rung_of
from headrace.segmentation.ledger import counted_spend
from headrace.segmentation.state import Profile, Purchased, State, Totals
from headrace.segmentation.together import NEVER, judge, next_changes, rung_numbers
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
labels = st.builds(
    Leaf,
    field=st.sampled_from(["customer.attributes.kind", "customer.tags.klaviyo"]),
    operator=st.sampled_from(["has_any", "has_all", "has_none"]),
    operand=st.sampled_from([("a",), ("b",), ("a", "b")]),
)
bought = Leaf(field="brand", operator="is", operand="apple")
purchases = st.builds(
    Each, field=st.just("customer.purchased"), quantifier=st.sampled_from(["any", "all", "none"]), of=st.just(bought)
) | st.builds(
    Each,
    field=st.just("customer.purchased"),
    quantifier=st.just("count"),
    of=st.just(bought),
    operator=st.sampled_from(BOUNDED),
    operand=st.integers(0, 3),
)
conditions: st.SearchStrategy[Condition] = st.recursive(
    numbers | between | ages | texts | labels | purchases,
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


@st.composite
def customers(draw: st.DrawFn) -> Facts:
    lines = draw(st.integers(0, 3))
    bought_of_it = Purchased(lines, (draw(st.integers(0, lines)),))
    state = State("s:1", profile=draw(profiles), totals=draw(totals), purchased=bought_of_it)
    facts = Facts(state, SPEND)
    facts.now = draw(st.none() | moments)
    values = draw(st.lists(st.sampled_from(["a", "b"])))
    facts.attributes, facts.tags = lambda: {"kind": values}, lambda: {"klaviyo": values} if values else {}
    return facts


def compiled(several: list[Condition]) -> list[CompiledCondition]:
    terms = Terms("GBP", "America/New_York")
    return [compile_condition(condition, terms) for condition in several]


@given(st.lists(conditions, min_size=1, max_size=5), customers())
def test_judge__any_conditions__each_holds_as_it_does_alone(several: list[Condition], facts: Facts) -> None:
    made = compiled(several)
    assert judge(one.tree for one in made)(facts) == tuple(one.holds(facts) for one in made)


@given(st.lists(conditions, min_size=1, max_size=5), customers())
def test_next_changes__any_conditions__each_changes_when_it_does_alone(several: list[Condition], facts: Facts) -> None:
    timed = [
        Timed("", one.reads, one.next_change, one.changes) for one in compiled(several) if one.next_change is not None
    ]
    together = next_changes(timed)(facts)
    assert [None if due is NEVER else due for due in together] == [one.next_change(facts) for one in timed]


def test_judge__equal_leaves__are_asked_once() -> None:
    leaf = Leaf(field="customer.orders", operator="above", operand=1)
    one, other = compiled([leaf, AllOf(of=(Not(of=leaf), leaf))])
    assert one.tree in other.tree.of  # type: ignore[union-attr]  # put together


def test_judge__no_condition__always_holds() -> None:
    assert judge([None])(Facts(State("s:1"), SPEND)) == (True,)


rungs = st.lists(st.builds(Rung, bound=st.sampled_from(["from", "above"]), threshold=st.integers(1, 5)), max_size=3)


@given(st.lists(rungs, min_size=1, max_size=3), customers())
def test_rung_numbers__any_ladders__each_is_the_one_it_is_on_alone(several: list[list[Rung]], facts: Facts) -> None:
    read = NUMBERS["customer.store_credit"]
    ladders = [Ladder(id="l", by="customer.store_credit", rungs=(Rung(), *sorted_up(one))) for one in several]
    together = rung_numbers((read, ladder) for ladder in ladders)(facts)
    assert together == tuple(rung_of(ladder, read(facts)) for ladder in ladders)


def sorted_up(several: list[Rung]) -> list[Rung]:
    return sorted(several, key=lambda rung: (rung.threshold, rung.bound == "above"))
