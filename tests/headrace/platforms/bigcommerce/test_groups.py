"""Groups with what their members see and pay: what is written, and how rows are read."""

from decimal import Decimal

import pytest

from headrace.platforms import bigcommerce
from headrace.platforms.bigcommerce import CategoryAccess, CustomerGroup, DiscountRule

ROW = {
    "id": 3,
    "name": "Gold",
    "is_default": True,
    "category_access": {"type": "specific", "categories": [9, 8]},
    "discount_rules": [
        {"type": "all", "method": "percent", "amount": "10.0000"},
        {"type": "category", "category_id": "7", "method": "fixed", "amount": 2},
        {"type": "product", "product_id": 8, "method": "price", "amount": Decimal("19.99")},
    ],
}
RULES = (
    DiscountRule("all", 0, "percent", Decimal(10)),
    DiscountRule("category", 7, "fixed", Decimal(2)),
    DiscountRule("product", 8, "price", Decimal("19.99")),
)


def test_group_of__a_row__with_access_and_every_kind_of_discount() -> None:
    access = CategoryAccess("specific", frozenset({8, 9}))
    assert bigcommerce.group_of(ROW) == CustomerGroup(3, "Gold", access, RULES, is_default=True)
    listed = bigcommerce.group_of({**ROW, "discount_rules": [{"type": "price_list", "price_list_id": 4}]})
    assert listed is not None
    assert listed.discounts == (DiscountRule("price_list", 4),)


@pytest.mark.parametrize(
    "rule",
    [
        {"type": "brand", "method": "percent", "amount": "1"},
        {"type": "all", "method": "percent", "amount": ""},
        {"type": "category", "method": "percent", "amount": "1"},
        {"type": "price_list"},
        "odd",
    ],
)
def test_group_of__a_rule_we_cannot_read__is_said(rule: object) -> None:
    group = bigcommerce.group_of({**ROW, "discount_rules": [rule]})
    assert group is not None
    assert (group.discounts, group.unread) == ((), True)


def test_group_of__no_id_or_no_name__none() -> None:
    assert bigcommerce.group_of({"id": 1}) is None
    assert bigcommerce.group_of({"id": True, "name": "x"}) is None


def test_update_customer_group__only_what_is_given__is_sent() -> None:
    request = bigcommerce.update_customer_group(3, discounts=RULES)
    assert (request.method, request.path) == ("PUT", "/v2/customer_groups/3")
    assert request.json == {
        "discount_rules": [
            {"type": "all", "method": "percent", "amount": "10.0000"},
            {"type": "category", "category_id": 7, "method": "fixed", "amount": "2.0000"},
            {"type": "product", "product_id": 8, "method": "price", "amount": "19.9900"},
        ]
    }
    assert bigcommerce.update_customer_group(3, discounts=()).json == {"discount_rules": []}
    assert bigcommerce.update_customer_group(3, access=CategoryAccess("none")).json == {
        "category_access": {"type": "none"}
    }
    with pytest.raises(ValueError, match="nothing"):
        bigcommerce.update_customer_group(3)


def test_create_customer_group__a_name_alone__leaves_the_rest_to_the_store() -> None:
    request = bigcommerce.create_customer_group("Gold")
    assert request.json == {"name": "Gold"}
    assert not request.may_repeat
