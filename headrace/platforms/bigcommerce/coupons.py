"""Coupons: made with a code of ours, found again by it. The code and the name are unique in a store (409 for a second).

Source: the vendor's `marketing.v2.yml`. A coupon holds in the store's own currency only, for whoever has its code.
"""

import email.utils
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, Literal

from headrace.platforms.bigcommerce.calls import get
from headrace.platforms.bigcommerce.pages import rows_of
from headrace.platforms.http import Reply, Request
from headrace.platforms.replies import decimal, moment

CouponType = Literal["percentage_discount", "per_total_discount"]
CODE_LENGTH: Final = 50
_PATH: Final = "/v2/coupons"
_EVERY_CATEGORY: Final = 0


@dataclass(frozen=True, slots=True)
class Coupon:
    """`amount`: percent, or units of the store's currency off the whole order. `max_uses` 0: as often as one likes.

    `expires` None: never. `id`: the store's number, 0 before it has one.
    """

    code: str
    type: CouponType
    amount: Decimal
    expires: datetime | None = None
    max_uses: int = 1
    enabled: bool = True
    id: int = 0


def create_coupon(coupon: Coupon) -> Request:
    """Makes it, for every product (201, `coupon_of`). 409 (`Rejected`) when there is one of this code: read it then."""
    body: dict[str, Any] = {
        "name": f"Headrace {coupon.code}",
        "code": coupon.code,
        "type": coupon.type,
        "amount": f"{coupon.amount:f}",
        "applies_to": {"entity": "categories", "ids": [_EVERY_CATEGORY]},
        "enabled": coupon.enabled,
        "max_uses": coupon.max_uses,
        "max_uses_per_customer": coupon.max_uses,
    }
    if coupon.expires is not None:
        body["expires"] = email.utils.format_datetime(coupon.expires.astimezone(UTC).replace(microsecond=0))
    return Request("POST", _PATH, json=body, repeatable=True)


def coupons_by_code(code: str) -> Request:
    """The coupon of a code, if there is one (`coupon_of`)."""
    return get(_PATH, ("code", code))


def coupon_of(reply: Reply, code: str) -> Coupon | None:
    """The coupon of this code in either reply; None where it is not, or is of a kind that we do not make."""
    rows = [reply.json] if isinstance(reply.json, dict) else rows_of(reply)
    return next((found for row in rows if row.get("code") == code and (found := _coupon(row)) is not None), None)


def _coupon(row: dict[str, Any]) -> Coupon | None:
    kind, number, uses = row.get("type"), row.get("id"), row.get("max_uses")
    try:
        amount = decimal(row.get("amount"))
    except ValueError:
        return None
    if kind not in ("percentage_discount", "per_total_discount") or not isinstance(number, int):
        return None
    return Coupon(
        code=str(row["code"]),
        type=kind,
        amount=amount,
        expires=moment(row.get("expires")),
        max_uses=uses if isinstance(uses, int) else 0,
        enabled=row.get("enabled") is True,
        id=number,
    )
