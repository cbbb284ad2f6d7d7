"""Named values and what they depend on."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.rules.model import Spend, fold
from headrace.segmentation.facts import TIMES, Facts, average, depends_on, folded
from headrace.segmentation.ledger import counted_spend
from headrace.segmentation.state import Profile, State, Totals


@given(st.text())
def test_folded__any_text__is_what_the_rules_call_folding(text: str) -> None:
    assert folded(text) == fold(text)


@pytest.mark.parametrize(("spend", "orders", "expected"), [(0, 0, None), (10, 2, 5), (5, 2, 3), (4, 3, 1), (0, 3, 0)])
def test_average__spend_per_order__rounded_half_up(spend: int, orders: int, expected: int | None) -> None:
    assert average(Totals(spend=spend, orders=orders)) == expected


@pytest.mark.parametrize(
    ("field", "part"),
    [
        ("customer.spend", "ledger"),
        ("customer.purchased", "ledger"),
        ("customer.addresses", "profile"),
        ("customer.subscribed", "profile"),
        ("customer.created_at", "profile"),
        ("customer.first_order_at", "ledger"),
        ("customer.last_order_at", "ledger"),
        ("customer.email_domain", "profile"),
        ("customer.attributes.tier", "labels"),
        ("customer.tags.mailchimp", "labels"),
        ("order.value", "order"),
        ("order.lines", "order"),
    ],
)
def test_depends_on__field__its_part_of_the_customer(field: str, part: str) -> None:
    assert depends_on(field) == part


@pytest.mark.parametrize(("group", "known"), [("", True), ("Gold", True), (None, False)])
def test_times__account__a_guest_has_none(group: str | None, known: bool) -> None:
    made = datetime(2026, 1, 5, tzinfo=UTC)
    facts = Facts(State("s:1", profile=Profile("r", made, made, group)), counted_spend(Spend()))
    assert TIMES["customer.created_at"](facts) == (made if known else None)
