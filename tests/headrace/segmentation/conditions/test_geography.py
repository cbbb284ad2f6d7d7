"""Places, operator by operator."""

import pytest

from headrace.rules.model import Leaf, Operand
from headrace.segmentation.conditions import geography


@pytest.mark.parametrize(
    ("operator", "operand", "value", "expected"),
    [
        ("is", "GB", "GB", True),
        ("is", "GB", "FR", False),
        ("is", "GB", None, False),
        ("is_not", "GB", None, True),
        ("in", ("GB", "FR"), "FR", True),
        ("not_in", ("GB", "FR"), "DE", True),
        ("not_in", ("GB", "FR"), None, True),
        ("starts_with", "sw1", "sw1a 2aa", True),
        ("starts_with", "sw1", None, False),
        ("is_set", None, "GB", True),
        ("is_unset", None, None, True),
    ],
)
def test_evaluate__row__as_the_language_says(
    operator: str, operand: Operand, value: str | None, expected: bool
) -> None:
    assert geography.evaluate(value, Leaf(field="country", operator=operator, operand=operand)) is expected


def test_compile_test__operator_of_text_only__is_refused() -> None:
    with pytest.raises(ValueError, match="on a place"):
        geography.compile_test(Leaf(field="country", operator="matches", operand="G."))
