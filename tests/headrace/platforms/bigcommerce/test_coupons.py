"""Coupons: what is asked for, and what the vendor's own examples say."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from headrace.platforms.bigcommerce.coupons import Coupon, coupon_of, coupons_by_code, create_coupon
from headrace.platforms.http import Reply

AT = datetime(2026, 3, 13, 16, 18, 59, 7, tzinfo=UTC)
ROW = {
    "id": 1,
    "name": "$5 off",
    "type": "per_total_discount",
    "amount": "5.0000",
    "min_purchase": "0.0000",
    "expires": "Tue, 13 Mar 2018 16:18:59 +0000",
    "enabled": True,
    "code": "S2549JM0Y",
    "applies_to": {"entity": "categories", "ids": [0]},
    "num_uses": 2,
    "max_uses": 1,
    "max_uses_per_customer": 0,
    "restricted_to": {},
    "shipping_methods": [],
    "date_created": "Tue, 13 Mar 2018 16:18:59 +0000",
}


def _reply(body: Any, status: int = 200) -> Reply:
    return Reply(status, {}, body, AT)


def test_create_coupon__percent__the_vendors_words() -> None:
    request = create_coupon(Coupon("HR-AB", "percentage_discount", Decimal(10), AT))
    assert (request.method, request.path, request.may_repeat) == ("POST", "/v2/coupons", True)
    assert request.json == {
        "name": "Headrace HR-AB",
        "code": "HR-AB",
        "type": "percentage_discount",
        "amount": "10",
        "applies_to": {"entity": "categories", "ids": [0]},
        "enabled": True,
        "max_uses": 1,
        "max_uses_per_customer": 1,
        "expires": "Fri, 13 Mar 2026 16:18:59 +0000",
    }


def test_create_coupon__for_ever__no_word_of_expiry() -> None:
    request = create_coupon(Coupon("HR-AB", "per_total_discount", Decimal("5.50"), max_uses=0))
    assert "expires" not in request.json
    assert (request.json["amount"], request.json["max_uses"]) == ("5.50", 0)


def test_coupons_by_code__route__without_the_code() -> None:
    request = coupons_by_code("HR-AB")
    assert request.params == (("code", "HR-AB"),)
    assert "HR-AB" not in request.route


@pytest.mark.parametrize("body", [ROW, [ROW], [{"id": 9, "code": "OTHER"}, ROW]])
def test_coupon_of__the_vendors_example__read(body: Any) -> None:
    expires = datetime(2018, 3, 13, 16, 18, 59, tzinfo=UTC)
    wanted = Coupon("S2549JM0Y", "per_total_discount", Decimal("5.0000"), expires, max_uses=1, id=1)
    assert coupon_of(_reply(body), "S2549JM0Y") == wanted


@pytest.mark.parametrize(
    "body", [None, [], {}, ROW | {"code": "s2549jm0y"}, ROW | {"type": "promotion"}, ROW | {"id": None}, [7]]
)
def test_coupon_of__not_it__none(body: Any) -> None:
    assert coupon_of(_reply(body), "S2549JM0Y") is None
