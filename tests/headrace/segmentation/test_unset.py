"""A test on a value that a merchant names is guarded against its being unset, like any other."""

import pytest

from headrace.rules.model import AllOf, Leaf
from headrace.segmentation.unset import known_only


@pytest.mark.parametrize(
    "field",
    ["customer.form.size", "customer.channel_share.online", "customer.income", "customer.store_credit", "event.page"],
)
def test_known_only__negative_test__needs_the_value(field: str) -> None:
    negative = Leaf(field=field, operator="is_not", operand=5)
    assert known_only(negative) == AllOf(of=(negative, Leaf(field=field, operator="is_set")))
    assert known_only(Leaf(field=field, operator="is", operand=5)) == Leaf(field=field, operator="is", operand=5)


@pytest.mark.parametrize(
    "leaf",
    [
        Leaf(field="customer.consent.sms", operator="is", operand=False),
        Leaf(field="customer.channels", operator="has_none", operand=("online",)),
    ],
)
def test_known_only__what_is_denied_or_none_when_unset__stays(leaf: Leaf) -> None:
    assert known_only(leaf) == leaf
