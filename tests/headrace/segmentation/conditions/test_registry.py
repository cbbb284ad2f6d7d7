"""Conditions compiled against facts: every field of the catalogue is known, and unset values behave."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.rules.catalogue import FIELDS, prefixed_field
from headrace.rules.model import AllOf, AnyOf, Calendar, Condition, Duration, Each, Leaf, Not, Operand, Spend
from headrace.segmentation.codec import encode_lines
from headrace.segmentation.compiled import summing_of
from headrace.segmentation.conditions.lists import Counted
from headrace.segmentation.conditions.registry import compile_condition
from headrace.segmentation.conditions.terms import Terms
from headrace.segmentation.facts import Facts
from headrace.segmentation.ledger import counted_spend
from headrace.segmentation.orders import sum_up
from headrace.segmentation.pages import NO_PAGES
from headrace.segmentation.state import Entry, Line, Place, Profile, State
from headrace.segmentation.totals import Summing, Sums

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SPAN = Duration(count=90, unit="day")
SPEND = counted_spend(Spend(count_statuses=("completed",)))
LINES = (
    Line("1", "p1", 2, 500, 1000, "Löwen Mug", "SKU-1", "Bijou", ("Kitchen", "Gifts")),
    Line("2", "p2", 1, 300, 300, "Lamp", "SKU-2", "", ()),
)
ORDER = Entry("r", "completed", NOW, 1300, 1300, 1100, 3, encode_lines(LINES))
PROFILE = Profile(
    "r", NOW, NOW, "", "Ann@Mail.Acme.com", "Ann", None, None, "mail.acme.com", "ACME", True, (Place("US", "new york"),)
)


def facts(tests: Counted[Line]) -> Facts:
    sums = Sums(Summing(SPEND, tuple(tests.tests)))
    sums.add(ORDER)
    known = Facts(State("s:1", profile=PROFILE, totals=sums.totals, purchased=sums.purchased), SPEND)
    known.order, known.lines = ORDER, LINES
    known.attributes = lambda: {"interests": {"apple"}}
    known.tags = lambda: {"mailchimp": {"vip"}}
    return known


def holds(condition: Condition) -> bool:
    tests = Counted[Line]()
    compiled = compile_condition(condition, Terms("GBP", purchased=tests))
    return compiled.holds(facts(tests))


def leaf(field: str, operator: str, operand: Operand = None) -> Leaf:
    return Leaf(field=field, operator=operator, operand=operand)


ROWS: list[tuple[Condition, bool]] = [
    (leaf("customer.email", "is", "ann@mail.acme.com"), True),
    (leaf("customer.last_name", "is_set"), False),
    (leaf("customer.phone", "is_not", "1"), True),
    (leaf("customer.company", "is", "acme"), True),
    (leaf("customer.spend", "from", 1300), True),
    (leaf("customer.average_order", "is", 1300), True),
    (leaf("order.value", "above", 1299), True),
    (leaf("order.items", "is", 3), True),
    (leaf("customer.subscribed", "is", True), True),
    (leaf("customer.attributes.interests", "has_any", ("apple",)), True),
    (leaf("customer.attributes.other", "has_none", ("apple",)), True),
    (leaf("customer.tags.mailchimp", "has_all", ("vip",)), True),
    (Each(field="order.lines", quantifier="any", of=leaf("name", "is", "lowen mug")), True),
    (Each(field="order.lines", quantifier="any", of=leaf("category", "is", "gifts")), True),
    (Each(field="order.lines", quantifier="all", of=leaf("brand", "is_set")), False),
    (Each(field="order.lines", quantifier="any", of=leaf("product", "is", "p2")), True),
    (Each(field="order.lines", quantifier="all", of=leaf("sku", "starts_with", "sku-")), True),
    (
        Each(
            field="customer.purchased",
            quantifier="any",
            of=AllOf(of=(leaf("brand", "is", "bijou"), leaf("quantity", "above", 2))),
        ),
        False,
    ),
    (
        Each(field="customer.purchased", quantifier="count", of=leaf("total", "above", 0), operator="is", operand=2),
        True,
    ),
    (Each(field="customer.addresses", quantifier="any", of=leaf("state", "is", "new york")), True),
    (Each(field="customer.addresses", quantifier="none", of=leaf("country", "is", "GB")), True),
    (AnyOf(of=(leaf("customer.orders", "is", 7), Not(of=leaf("customer.items", "above", 3)))), True),
]


@pytest.mark.parametrize(("condition", "expected"), ROWS)
def test_compile_condition__row__holds_or_not(condition: Condition, expected: bool) -> None:
    assert holds(condition) is expected
    assert holds(Not(of=condition)) is not expected
    assert "@" not in compile_condition(condition, Terms("GBP")).text


BY_FAMILY: dict[str, tuple[str, Operand]] = {
    "number": ("is", 1),
    "money": ("is", 1),
    "consent": ("is", True),
    "time": ("older_than", SPAN),
    "channels": ("has_any", ("1",)),
    "channel": ("is", "1"),
}
"""A positive test; of all others `is x`."""
OF_THE_RULE_SET = {"calendar", "customer.in_segment", "customer.on_rung", "customer.pinned"}
"""Their operands must be declared; see their own files."""


@pytest.mark.parametrize(
    "field",
    [
        *(name for name, field in FIELDS.items() if field.family != "list" and name not in OF_THE_RULE_SET),
        "customer.attributes.x",
        "customer.tags.mailchimp",
        "customer.form.x",
        "customer.consent.x",
        "customer.channel_share.1",
        "event.x",
    ],
)
def test_compile_condition__customer_without_facts__positive_tests_are_false(field: str) -> None:
    known = FIELDS.get(field) or prefixed_field(field)
    operator, operand = ("has_any", ("x",)) if known is None else BY_FAMILY.get(known.family, ("is", "x"))
    terms = Terms("GBP")
    compiled = compile_condition(leaf(field, operator, operand), terms)
    nobody = sum_up(State("s:1"), summing_of(Spend(), terms), NO_PAGES)
    assert not compiled.holds(Facts(nobody, SPEND))


@pytest.mark.parametrize(
    "condition",
    [
        leaf("customer.shoe_size", "is", 1),
        Each(field="order.lines", quantifier="any", of=leaf("colour", "is", "red")),
        Each(field="customer.addresses", quantifier="any", of=leaf("brand", "is", "x")),
        Each(field="customer.pets", quantifier="any", of=leaf("brand", "is", "x")),
    ],
)
def test_compile_condition__unknown_field__is_refused(condition: Condition) -> None:
    with pytest.raises(ValueError, match=r"no |has no"):
        compile_condition(condition, Terms("GBP"))


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        ((leaf("customer.last_order_at", "older_than", SPAN),), {"ledger", "time"}),
        ((leaf("customer.last_order_at", "older_than", SPAN), leaf("customer.company", "is_set")), {"ledger", "time"}),
        ((leaf("customer.age", "above", 30), leaf("customer.orders", "above", 1)), {"profile", "time"}),
        ((leaf("calendar", "during", "sale"), leaf("customer.orders", "above", 1)), {"calendar", "ledger", "time"}),
    ],
)
def test_compile_condition__leaves_that_time_changes__are_moved_by_what_they_read(
    of: tuple[Leaf, ...], expected: set[str]
) -> None:
    terms = Terms("GBP", calendars={"sale": Calendar(first="2026-03-29", last="2026-03-31")})
    assert compile_condition(AllOf(of=of), terms).moved_by == expected


@given(st.sampled_from(ROWS), st.sampled_from(ROWS))
def test_compile_condition__de_morgan__holds(one: tuple[Condition, bool], other: tuple[Condition, bool]) -> None:
    neither = Not(of=AnyOf(of=(one[0], other[0])))
    both_not = AllOf(of=(Not(of=one[0]), Not(of=other[0])))
    assert holds(neither) is holds(both_not)
