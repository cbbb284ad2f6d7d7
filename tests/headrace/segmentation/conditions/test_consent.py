"""Consent: unset is denied."""

import pytest

from headrace.rules.model import Leaf
from headrace.segmentation.conditions import consent


@pytest.mark.parametrize(
    ("operand", "granted", "expected"),
    [
        (True, True, True),
        (True, False, False),
        (True, None, False),
        (False, True, False),
        (False, False, True),
        (False, None, True),
    ],
)
def test_evaluate__row__unset_is_denied(operand: bool, granted: bool | None, expected: bool) -> None:
    assert consent.evaluate(granted, Leaf(field="customer.subscribed", operator="is", operand=operand)) is expected


def test_compile_test__text_operand__is_refused() -> None:
    with pytest.raises(ValueError, match="no operator"):
        consent.compile_test(Leaf(field="customer.subscribed", operator="is", operand="yes"))
