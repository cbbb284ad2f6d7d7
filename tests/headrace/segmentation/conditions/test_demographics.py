"""What customers declared."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.rules.model import Leaf, Spend
from headrace.segmentation.conditions import demographics
from headrace.segmentation.conditions.declared import compile_leaf, explain
from headrace.segmentation.conditions.terms import Terms
from headrace.segmentation.facts import Facts
from headrace.segmentation.ledger import counted_spend
from headrace.segmentation.state import Profile, State

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def facts(**form: str) -> Facts:
    return Facts(State("s:1", profile=Profile("r", NOW, NOW, "", form=form)), counted_spend(Spend()))


@pytest.mark.parametrize(
    ("written", "currency", "amount"),
    [
        ("50000", "USD", 5_000_000),
        ("50,000", "USD", 5_000_000),
        ("$50,000.50", "USD", 5_000_050),
        ("USD 50000", "USD", 5_000_000),
        ("50 000 EUR", "EUR", 5_000_000),
        ("45.000", "EUR", 4_500_000),
        ("1.250.000,75 €", "EUR", 125_000_075),
        ("12'500", "CHF", 1_250_000),
        ("50,000", "JPY", 50_000),
        ("0", "USD", 0),
        ("50k", "USD", None),
        ("40,000 - 50,000", "USD", None),
        ("50,00", "USD", None),
        ("-5", "USD", None),
        ("1e5", "USD", None),
        ("a lot", "USD", None),
        ("", "USD", None),
    ],
)
def test_amount_of__as_people_type_it__or_unset(written: str, currency: str, amount: int | None) -> None:
    assert demographics.amount_of(written, currency) == amount


@given(st.text(max_size=40))
def test_amount_of__any_text__never_fails(text: str) -> None:
    found = demographics.amount_of(text, "USD")
    assert found is None or found >= 0


@given(st.integers(0, 10**11))
def test_amount_of__whole_amount__with_and_without_commas(amount: int) -> None:
    assert demographics.amount_of(str(amount), "USD") == demographics.amount_of(f"{amount:,}", "USD") == amount * 100


@pytest.mark.parametrize(
    ("leaf", "form", "expected"),
    [
        (Leaf(field="customer.gender", operator="is", operand="female"), {"gender": "Female "}, True),
        (Leaf(field="customer.gender", operator="is_not", operand="female"), {}, True),
        (Leaf(field="customer.marital_status", operator="is_set"), {"marital_status": "married"}, True),
        (Leaf(field="customer.education", operator="in", operand=("phd", "msc")), {"education": "PhD"}, True),
        (Leaf(field="customer.form.shirt_size", operator="is", operand="m"), {"shirt_size": "M"}, True),
        (Leaf(field="customer.form.shirt_size", operator="is_unset"), {"size": "M"}, True),
        (Leaf(field="customer.income", operator="above", operand=4_999_999), {"income": "50,000"}, True),
        (Leaf(field="customer.income", operator="above", operand=5_000_000), {"income": "50,000"}, False),
        (Leaf(field="customer.income", operator="is_unset"), {"income": "rather not say"}, True),
        (Leaf(field="customer.income", operator="is_not", operand=5), {}, True),
    ],
)
def test_compile_leaf__declared__by_the_type_of_the_field(leaf: Leaf, form: dict[str, str], expected: bool) -> None:
    test = compile_leaf(leaf, Terms("USD"))
    assert test is not None
    assert test(facts(**form)) is expected
    assert test(Facts(State("s:1"), counted_spend(Spend()))) is (leaf.operator in ("is_not", "is_unset"))


@pytest.mark.parametrize("field", ["customer.gender", "customer.income", "customer.form.shirt_size"])
def test_explain__declared__never_shows_what(field: str) -> None:
    assert explain(Leaf(field=field, operator="is", operand="secret")) == f"{field} is (personal)"
    assert explain(Leaf(field=field, operator="is_set")) == f"{field} is set"
