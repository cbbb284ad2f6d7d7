"""The text family, operator by operator."""

import pytest

from headrace.rules.model import Leaf, Operand
from headrace.segmentation.conditions import text

ROWS: list[tuple[str, Operand, str | None, bool]] = [
    ("is", "acme", "acme", True),
    ("is", "acme", "acme ltd", False),
    ("is", "acme", None, False),
    ("is_not", "acme", "acme", False),
    ("is_not", "acme", "other", True),
    ("is_not", "acme", None, True),
    ("contains", "cm", "acme", True),
    ("contains", "cm", "other", False),
    ("contains", "cm", None, False),
    ("starts_with", "ac", "acme", True),
    ("starts_with", "cm", "acme", False),
    ("starts_with", "ac", None, False),
    ("ends_with", "me", "acme", True),
    ("ends_with", "ac", "acme", False),
    ("ends_with", "me", None, False),
    ("in", ("acme", "other"), "other", True),
    ("in", ("acme", "other"), "third", False),
    ("in", ("acme",), None, False),
    ("not_in", ("acme", "other"), "other", False),
    ("not_in", ("acme", "other"), "third", True),
    ("not_in", ("acme",), None, True),
    ("matches", "^ac.e$", "acme", True),
    ("matches", "ACME", "my acme", True),
    ("matches", r"^\S+$", "two words", False),
    ("matches", "a", None, False),
    ("is_set", None, "acme", True),
    ("is_set", None, None, False),
    ("is_unset", None, "acme", False),
    ("is_unset", None, None, True),
]


@pytest.mark.parametrize(("operator", "operand", "value", "expected"), ROWS)
def test_evaluate__row__as_the_language_says(
    operator: str, operand: Operand, value: str | None, expected: bool
) -> None:
    leaf = Leaf(field="customer.company", operator=operator, operand=operand)
    assert text.evaluate(value, leaf) is expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("acme.com", True),
        ("mail.acme.com", True),
        ("notacme.com", False),
        ("acme.com.evil.example", False),
        (None, False),
    ],
)
def test_evaluate__or_subdomains__only_below_a_dot(value: str | None, expected: bool) -> None:
    leaf = Leaf(field="customer.email_domain", operator="in", operand=("acme.com",), options={"or_subdomains": True})
    assert text.evaluate(value, leaf) is expected


@pytest.mark.parametrize(
    ("operator", "values", "expected"),
    [
        ("is", ("kitchen", "garden"), True),
        ("is", ("gifts",), False),
        ("is", (), False),
        ("is_not", ("kitchen", "garden"), False),
        ("is_not", ("gifts",), True),
        ("is_not", (), True),
        ("is_set", (), False),
        ("is_unset", (), True),
        ("is_unset", ("gifts",), False),
    ],
)
def test_compile_any_test__several_values__one_is_enough(
    operator: str, values: tuple[str, ...], expected: bool
) -> None:
    leaf = Leaf(field="category", operator=operator, operand="garden")
    assert text.compile_any_test(leaf)(values) is expected


def test_compile_test__unknown_operator__is_refused() -> None:
    with pytest.raises(ValueError, match="no operator 'sounds_like'"):
        text.compile_test(Leaf(field="customer.company", operator="sounds_like", operand="x"))


def test_explain__personal__is_not_shown() -> None:
    leaf = Leaf(field="customer.email", operator="is", operand="ann@example.org")
    assert text.explain(leaf, personal=True) == "customer.email is (personal)"
    assert "@" not in text.explain(Leaf(field="customer.company", operator="in", operand=("a@b.c",)))


def test_explain__operand__is_quoted() -> None:
    leaf = Leaf(field="customer.company", operator="not_in", operand=("acme", "other"))
    assert text.explain(leaf) == 'customer.company not in "acme", "other"'
