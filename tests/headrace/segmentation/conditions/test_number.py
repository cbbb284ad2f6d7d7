"""The number family, operator by operator."""

import pytest

from headrace.rules.model import Between, Operand
from headrace.segmentation.conditions import number

ROWS: list[tuple[str, Operand, int | None, bool]] = [
    ("is", 5, 5, True),
    ("is", 5, 6, False),
    ("is", 0, None, False),
    ("is_not", 5, 5, False),
    ("is_not", 5, 6, True),
    ("is_not", 5, None, True),
    ("above", 500000, 500000, False),
    ("above", 500000, 500001, True),
    ("above", -1, None, False),
    ("from", 200000, 200000, True),
    ("from", 200000, 199999, False),
    ("from", 0, None, False),
    ("below", 5, 4, True),
    ("below", 5, 5, False),
    ("below", 5, None, False),
    ("up_to", 5, 5, True),
    ("up_to", 5, 6, False),
    ("up_to", 5, None, False),
    ("between", Between(low=5, high=9), 5, True),
    ("between", Between(low=5, high=9), 8, True),
    ("between", Between(low=5, high=9), 9, False),
    ("between", Between(low=5, high=9), 4, False),
    ("between", Between(low=0, high=9), None, False),
]


@pytest.mark.parametrize(("operator", "operand", "value", "expected"), ROWS)
def test_evaluate__row__as_the_language_says(
    operator: str, operand: Operand, value: int | None, expected: bool
) -> None:
    assert number.evaluate(value, operator, operand) is expected


def test_compile_test__unknown_operator__is_refused() -> None:
    with pytest.raises(ValueError, match="no operator 'crosses'"):
        number.compile_test("crosses", 5)


@pytest.mark.parametrize(
    ("operator", "operand", "currency", "text"),
    [
        ("above", 500000, "GBP", "f above 5,000.00 GBP"),
        ("up_to", 12, None, "f up to 12"),
        ("between", Between(low=100, high=200), "GBP", "f from 1.00 GBP below 2.00 GBP"),
    ],
)
def test_explain__money_and_counts__read_as_written(
    operator: str, operand: Operand, currency: str | None, text: str
) -> None:
    assert number.explain("f", operator, operand, currency=currency) == text
