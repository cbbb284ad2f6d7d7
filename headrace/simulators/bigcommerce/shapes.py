"""Rows as BigCommerce's JSON.

Checked in the tests against the vendor's OpenAPI files; nothing is decided here.
"""

from collections.abc import Iterable
from typing import Any

from headrace.simulators.bigcommerce.dates import iso8601, rfc2822
from headrace.simulators.rows import (
    STATUS_LABELS,
    Address,
    Attribute,
    AttributeValue,
    BillingAddress,
    Customer,
    Group,
    Hook,
    Line,
    Order,
    Refund,
    Subscriber,
)


def amount(value: int) -> str:
    """Ten-thousandths as "69.8400"."""
    return f"{value // 10_000}.{value % 10_000:04d}"


def number(value: int) -> float:
    """Ten-thousandths as a JSON number: v3 states money so."""
    return value / 10_000


def customer(row: Customer, *, attribute_count: int = 0) -> dict[str, Any]:
    """Without its sub-resources."""
    return {
        "id": row.id,
        "email": row.email,
        "first_name": row.first_name,
        "last_name": row.last_name,
        "company": row.company,
        "phone": row.phone,
        "registration_ip_address": "",
        "notes": row.notes,
        "tax_exempt_category": "",
        "customer_group_id": row.group_id,
        "date_created": iso8601(row.created),
        "date_modified": iso8601(row.modified),
        "address_count": len(row.addresses),
        "attribute_count": attribute_count,
        "authentication": {"force_password_reset": False},
        "accepts_product_review_abandoned_cart_emails": False,
        "origin_channel_id": 1,
        "channel_ids": None,
    }


def address(row: Address, owner: Customer) -> dict[str, Any]:
    """A customer's address (an order's has other names)."""
    return {
        "id": row.id,
        "customer_id": owner.id,
        "first_name": owner.first_name,
        "last_name": owner.last_name,
        "company": owner.company,
        "address1": row.address1,
        "address2": "",
        "city": row.city,
        "state_or_province": row.state,
        "postal_code": row.postcode,
        "country_code": row.country_code,
        "country": row.country,
        "phone": owner.phone,
        "address_type": "residential",
    }


def attribute(row: Attribute) -> dict[str, Any]:
    """A customer attribute of the store."""
    return {
        "id": row.id,
        "name": row.name,
        "type": row.type,
        "date_created": iso8601(row.created),
        "date_modified": iso8601(row.modified),
    }


def attribute_value(row: AttributeValue) -> dict[str, Any]:
    """The read side says `attribute_value`, the write side `value`."""
    return {
        "id": row.id,
        "attribute_id": row.attribute_id,
        "attribute_value": row.value,
        "customer_id": row.customer_id,
        "date_created": iso8601(row.created),
        "date_modified": iso8601(row.modified),
    }


def group(row: Group) -> dict[str, Any]:
    """v2."""
    return {
        "id": row.id,
        "name": row.name,
        "is_default": row.is_default,
        "category_access": {"type": row.access} | _listed(row),
        "discount_rules": list(row.discount_rules),
        "date_created": rfc2822(row.created),
        "date_modified": rfc2822(row.modified),
        "is_group_for_guests": False,
    }


def _listed(row: Group) -> dict[str, Any]:
    return {"categories": list(row.category_ids)} if row.access == "specific" else {}


def subscriber(row: Subscriber) -> dict[str, Any]:
    """v3."""
    return {
        "id": row.id,
        "email": row.email,
        "first_name": row.first_name,
        "last_name": row.last_name,
        "source": row.source,
        "order_id": None,
        "channel_id": 1,
        "consents": list(row.consents),
        "date_created": iso8601(row.created),
        "date_modified": iso8601(row.modified),
    }


def hook(row: Hook, store: str) -> dict[str, Any]:
    """v3; `created_at` in unix seconds."""
    return {
        "id": row.id,
        "client_id": "simulated",
        "store_hash": store,
        "scope": row.scope,
        "destination": row.destination,
        "headers": dict(row.headers) or None,
        "is_active": row.is_active,
        "created_at": int(row.created.timestamp()),
        "updated_at": int(row.modified.timestamp()),
    }


def refund(row: Refund) -> dict[str, Any]:
    """v3; money as numbers."""
    return {
        "id": row.id,
        "order_id": row.order_id,
        "user_id": 1,
        "created": iso8601(row.created),
        "reason": row.reason,
        "total_amount": number(row.total),
        "total_tax": 0,
        "uses_merchant_override_values": False,
        "items": [
            {
                "item_type": "PRODUCT",
                "item_id": item.line_id,
                "reason": "",
                "quantity": item.quantity,
                "adjustments": [],
                "requested_amount": number(item.amount),
            }
            for item in row.items
        ],
        "payments": [
            {
                "id": row.id,
                "provider_id": "storecredit",
                "amount": number(row.total),
                "offline": True,
                "is_declined": row.is_declined,
                "declined_message": "Declined" if row.is_declined else "",
                "transaction_id": "",
            }
        ],
    }


def billing(row: BillingAddress) -> dict[str, Any]:
    """An order's address: other names than a customer's."""
    return {
        "first_name": row.first_name,
        "last_name": row.last_name,
        "company": row.company,
        "street_1": row.address1,
        "street_2": "",
        "city": row.city,
        "state": row.state,
        "zip": row.postcode,
        "country": row.country,
        "country_iso2": row.country_code,
        "phone": row.phone,
        "email": row.email,
        "form_fields": [],
    }


def line(row: Line, order_id: int, refunded: int = 0) -> dict[str, Any]:
    """A line in v2; the store has no tax. `refund_amount` is always 0, as the vendor says of itself."""
    price, total = amount(row.price), amount(row.price * row.quantity)
    return {
        "id": row.id,
        "order_id": order_id,
        "product_id": row.product_id,
        "variant_id": row.product_id,
        "order_pickup_method_id": 0,
        "order_address_id": order_id,
        "name": row.name,
        "sku": row.sku,
        "type": "physical",
        "base_price": price,
        "price_ex_tax": price,
        "price_inc_tax": price,
        "price_tax": "0.0000",
        "base_total": total,
        "total_ex_tax": total,
        "total_inc_tax": total,
        "total_tax": "0.0000",
        "discounted_total_inc_tax": total,
        "quantity": row.quantity,
        "is_refunded": 0 < row.quantity <= refunded,
        "quantity_refunded": refunded,
        "refund_amount": "0.0000",
        "quantity_shipped": 0,
        "parent_order_product_id": None,
        "is_bundled_product": False,
        "brand": row.brand,
        "applied_discounts": [],
        "product_options": [],
    }


def lines(order: Order, chosen: Iterable[Line] | None = None) -> list[dict[str, Any]]:
    """The order's lines, all or some."""
    refunded: dict[int, int] = {}
    for each in order.refunds:
        for item in () if each.is_declined else each.items:
            refunded[item.line_id] = refunded.get(item.line_id, 0) + item.quantity
    return [line(row, order.id, refunded.get(row.id, 0)) for row in (order.lines if chosen is None else chosen)]


def order(row: Order, *, base: str, consignments: dict[str, Any] | None = None) -> dict[str, Any]:
    """An order in v2: money as strings, sub-resources as links unless `consignments` is given."""
    total, shipping, goods = amount(row.total), amount(row.shipping), amount(row.total - row.shipping)
    here = f"{base}/v2/orders/{row.id}"
    return {
        "id": row.id,
        "customer_id": row.customer_id,
        "date_created": rfc2822(row.created),
        "date_modified": rfc2822(row.modified),
        "date_shipped": "",
        "cart_id": "",
        "status_id": row.status_id,
        "status": STATUS_LABELS[row.status_id],
        "custom_status": STATUS_LABELS[row.status_id],
        "subtotal_ex_tax": goods,
        "subtotal_inc_tax": goods,
        "subtotal_tax": "0.0000",
        **_ZEROS,
        "base_shipping_cost": shipping,
        "shipping_cost_ex_tax": shipping,
        "shipping_cost_inc_tax": shipping,
        "store_credit_amount": amount(row.store_credit),
        "total_ex_tax": total,
        "total_inc_tax": total,
        "total_tax": "0.0000",
        "items_total": sum(each.quantity for each in row.lines),
        "items_shipped": 0,
        "payment_method": "Manual",
        "payment_provider_id": "",
        "payment_status": "partially refunded" if row.refunds else "",
        "refunded_amount": "0.0000",
        "order_is_digital": False,
        "ip_address": "",
        "geoip_country": "",
        "geoip_country_iso2": "",
        "currency_id": 1,
        "currency_code": row.currency,
        "currency_exchange_rate": "1.0000000000",
        "default_currency_id": 1,
        "default_currency_code": row.currency,
        "store_default_currency_code": row.currency,
        "store_default_to_transactional_exchange_rate": "1.0000000000",
        "staff_notes": "",
        "customer_message": "",
        "is_deleted": row.archived,
        "is_email_opt_in": False,
        "is_tax_inclusive_pricing": True,
        "order_source": "www",
        "channel_id": row.channel_id,
        "external_source": None,
        "external_id": None,
        "external_order_id": "",
        "external_merchant_id": None,
        "tax_provider_id": "",
        "customer_locale": "en",
        "shipping_address_count": 1,
        "billing_address": billing(row.billing),
        "consignments": consignments or _to(here, "/consignments"),
        "products": _to(here, "/products"),
        "shipping_addresses": _to(here, "/shipping_addresses"),
        "coupons": _to(here, "/coupons"),
        "fees": _to(here, "/fees"),
    }


def consignments(row: Order, items: Any) -> dict[str, Any]:
    """Everything is shipped to the billing address. `items`: full lines, or a link."""
    to = row.billing
    shipping = {
        "id": row.id,
        "first_name": to.first_name,
        "last_name": to.last_name,
        "company": to.company,
        "street_1": to.address1,
        "street_2": "",
        "city": to.city,
        "zip": to.postcode,
        "country": to.country,
        "country_iso2": to.country_code,
        "state": to.state,
        "email": to.email,
        "phone": to.phone,
        "form_fields": [],
        "line_items": items,
        "items_total": sum(each.quantity for each in row.lines),
        "items_shipped": 0,
        "shipping_method": "Flat rate",
    }
    return {"pickups": [], "shipping": [shipping], "downloads": [], "email": {"gift_certificates": []}}


def _to(here: str, resource: str) -> dict[str, str]:
    return {"url": here + resource, "resource": f"/{here.split('/v2/')[1]}{resource}"}


_NO_COSTS = (
    "base_shipping_cost shipping_cost_ex_tax shipping_cost_inc_tax shipping_cost_tax "
    "base_handling_cost handling_cost_ex_tax handling_cost_inc_tax handling_cost_tax "
    "base_wrapping_cost wrapping_cost_ex_tax wrapping_cost_inc_tax wrapping_cost_tax "
    "store_credit_amount gift_certificate_amount discount_amount coupon_discount"
)
_ZEROS = dict.fromkeys(_NO_COSTS.split(), "0.0000")
