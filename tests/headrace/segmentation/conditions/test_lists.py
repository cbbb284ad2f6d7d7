"""Quantifiers over elements."""

from typing import Literal

import pytest

from headrace.rules.model import Each, Leaf
from headrace.segmentation.conditions import lists

INNER = Leaf(field="quantity", operator="above", operand=2)


@pytest.mark.parametrize(
    ("quantifier", "elements", "expected"),
    [
        ("any", [1, 3], True),
        ("any", [1, 2], False),
        ("any", [], False),
        ("all", [3, 4], True),
        ("all", [3, 1], False),
        ("all", [], False),
        ("none", [1, 2], True),
        ("none", [1, 3], False),
        ("none", [], True),
    ],
)
def test_evaluate__quantifier__as_the_language_says(
    quantifier: Literal["any", "all", "none"], elements: list[int], expected: bool
) -> None:
    each = Each(field="order.lines", quantifier=quantifier, of=INNER)
    assert lists.evaluate(elements, each, lambda element: element > 2) is expected


@pytest.mark.parametrize(
    ("operator", "operand", "elements", "expected"),
    [("from", 2, [3, 4, 1], True), ("from", 2, [3, 1], False), ("is", 0, [], True), ("is", 1, [3], True)],
)
def test_evaluate__count__compares_how_many(operator: str, operand: int, elements: list[int], expected: bool) -> None:
    each = Each(field="order.lines", quantifier="count", of=INNER, operator=operator, operand=operand)
    assert lists.evaluate(elements, each, lambda element: element > 2) is expected


def test_explain__count__reads_as_a_sentence() -> None:
    each = Each(field="order.lines", quantifier="count", of=INNER, operator="from", operand=2)
    assert lists.explain(each, "quantity above 2") == "count from 2 of order.lines: quantity above 2"
