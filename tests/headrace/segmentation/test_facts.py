"""Named values and what they depend on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.rules.model import fold
from headrace.segmentation.facts import average, depends_on, folded
from headrace.segmentation.state import Totals


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
        ("customer.email_domain", "profile"),
        ("customer.attributes.tier", "labels"),
        ("customer.tags.mailchimp", "labels"),
        ("order.value", "order"),
        ("order.lines", "order"),
    ],
)
def test_depends_on__field__its_part_of_the_customer(field: str, part: str) -> None:
    assert depends_on(field) == part
