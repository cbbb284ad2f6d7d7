"""Carts v3, read only: a cart with its lines, 404 once it is gone.

Amounts are numbers there, not text.
"""

from typing import Any

from headrace.simulators.bigcommerce.dates import iso8601
from headrace.simulators.bigcommerce.shapes import number
from headrace.simulators.call import Answer, Call, Routes, data, v3_error
from headrace.simulators.carts import Cart
from headrace.simulators.rows import Line
from headrace.simulators.world import World


def routes(world: World) -> Routes:
    """The handlers of these resources."""

    def one(call: Call) -> Answer:
        row = world.carts.rows.get(call.path.rstrip("/").rpartition("/")[2])
        return v3_error(404, "The requested cart was not found.") if row is None else data(_cart(row))

    return {("GET", "/v3/carts/{uuid}"): one}


def _cart(row: Cart) -> dict[str, Any]:
    total = number(sum(line.quantity * line.price for line in row.lines))
    return {
        "id": row.id,
        "customer_id": row.customer_id,
        "channel_id": 1,
        "email": row.email,
        "currency": {"code": row.currency},
        "tax_included": True,
        "base_amount": total,
        "discount_amount": 0,
        "cart_amount": total,
        "coupons": [],
        "discounts": [],
        "line_items": {
            "physical_items": [_line(line) for line in row.lines],
            "digital_items": [],
            "gift_certificates": [],
            "custom_items": [],
        },
        "created_time": iso8601(row.created),
        "updated_time": iso8601(row.created),
        "locale": "en",
    }


def _line(row: Line) -> dict[str, Any]:
    price, total = number(row.price), number(row.price * row.quantity)
    return {
        "id": str(row.id),
        "variant_id": row.product_id,
        "product_id": row.product_id,
        "sku": row.sku,
        "name": row.name,
        "quantity": row.quantity,
        "taxable": True,
        "discount_amount": 0,
        "coupon_amount": 0,
        "original_price": price,
        "list_price": price,
        "sale_price": price,
        "extended_list_price": total,
        "extended_sale_price": total,
        "is_require_shipping": True,
        "is_mutable": True,
    }
