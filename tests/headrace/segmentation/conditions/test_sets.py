"""The sets family, operator by operator."""

import pytest

from headrace.rules.model import Leaf
from headrace.segmentation.conditions import sets


@pytest.mark.parametrize(
    ("operator", "values", "expected"),
    [
        ("has_any", {"apple"}, True),
        ("has_any", {"pear", "apple"}, True),
        ("has_any", {"plum"}, False),
        ("has_any", set(), False),
        ("has_all", {"apple", "kiwi", "plum"}, True),
        ("has_all", {"apple"}, False),
        ("has_all", set(), False),
        ("has_none", {"plum"}, True),
        ("has_none", {"kiwi", "plum"}, False),
        ("has_none", set(), True),
    ],
)
def test_evaluate__row__as_the_language_says(operator: str, values: set[str], expected: bool) -> None:
    leaf = Leaf(field="customer.attributes.interests", operator=operator, operand=("apple", "kiwi"))
    assert sets.evaluate(values, leaf) is expected


def test_compile_test__unknown_operator__is_refused() -> None:
    with pytest.raises(ValueError, match="no operator"):
        sets.compile_test(Leaf(field="customer.tags.mailchimp", operator="is", operand=("vip",)))


def test_explain__members__are_named_and_addresses_hidden() -> None:
    leaf = Leaf(field="customer.tags.mailchimp", operator="has_any", operand=("vip", "a@b.c"))
    assert sets.explain(leaf) == 'customer.tags.mailchimp has any of (personal), "vip"'
