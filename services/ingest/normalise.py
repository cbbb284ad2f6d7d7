"""Rows of the store as snapshots: pure, total over what the vendor is known to send, strict about the rest.

Where rows come from is `reader`'s; into which record they go is `publish`'s. Sources: design/vendors.md 2.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, get_args

from headrace.contracts.events import (
    Address,
    CustomerPersonal,
    CustomerSnapshot,
    OrderLine,
    OrderPersonal,
    OrderSnapshot,
    OrderStatus,
    Refund,
    RefundLine,
    StatusChange,
)
from headrace.contracts.money import to_minor
from headrace.platforms.replies import decimal, moment
from services.ingest import declared

Row = Mapping[str, Any]
STATUSES: Final[tuple[OrderStatus, ...]] = get_args(OrderStatus)
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Malformed(ValueError):
    """A row that is not what the vendor documents. The message names the field, never its value."""


def customer(
    row: Row,
    *,
    group: str,
    subscribed: bool | None,
    addresses: Sequence[Row] | None = None,
    currency: str = "",
    consents: Mapping[str, bool] | None = None,
) -> CustomerSnapshot:
    """A v3 customer. `group` is its group's name; `addresses` are all of them when the included ten are not.

    `currency` is the store's own, of which store credit is; "" where that is not known, and then it is unset.
    """
    customer_id = identifier(row, "id")
    created = moment(row.get("date_created")) or EPOCH
    email, form = text(row, "email"), declared.form(row)
    return CustomerSnapshot(
        customer_id=str(customer_id),
        created_at=created,
        modified_at=moment(row.get("date_modified")) or created,
        group=group,
        email_domain=email.rpartition("@")[2].strip().lower(),
        company=text(row, "company"),
        subscribed=subscribed,
        addresses=tuple(
            _customer_address(each) for each in (row.get("addresses") or () if addresses is None else addresses)
        ),
        channel_ids=tuple(int(each) for each in row.get("channel_ids") or ()),
        store_credit=declared.store_credit(row, currency),
        consents=dict(consents or {}),
        personal=CustomerPersonal(
            email=email or None,
            first_name=text(row, "first_name") or None,
            last_name=text(row, "last_name") or None,
            phone=text(row, "phone") or None,
            birthday=declared.birthday(form),
            form=form,
        ),
    )


def order(
    row: Row,
    refunds: Iterable[Row],
    *,
    categories_of: Callable[[int], tuple[str, ...]],
    is_late: Callable[[int], bool] = lambda _: False,
    status_change: StatusChange | None = None,
) -> OrderSnapshot:
    """A v2 order with its consignments' lines, and its v3 refunds. Amounts become the store's currency.

    `is_late`: the product is sold ahead of time; the order itself has no word of it (design/vendors.md 2.6).
    """
    created = moment(row.get("date_created")) or EPOCH
    billing = row.get("billing_address") or {}
    convert = _converter(row)
    return OrderSnapshot(
        order_id=str(identifier(row, "id")),
        status=status_name(row.get("status_id")),
        created_at=created,
        modified_at=moment(row.get("date_modified")) or created,
        currency=currency_of(row),
        total=convert(row, "total_inc_tax"),
        subtotal=convert(row, "subtotal_inc_tax"),
        total_excluding_tax=convert(row, "total_ex_tax"),
        lines=tuple(_line(each, convert, categories_of, is_late) for each in lines_of(row) if not _is_bundled(each)),
        refunds=tuple(_refund(each, convert) for each in sorted(refunds, key=_by_id) if _counts(each)),
        archived=row.get("is_deleted") is True,
        shipping=_shipping(row, convert, "inc_tax"),
        shipping_excluding_tax=_shipping(row, convert, "ex_tax"),
        store_credit=min(convert(row, "store_credit_amount"), convert(row, "total_inc_tax")),
        channel_id=row["channel_id"] if isinstance(row.get("channel_id"), int) else None,
        shipping_addresses=tuple(_order_address(each) for each in _consignments(row, "shipping")),
        billing_address=_order_address(billing) if billing else None,
        status_change=status_change,
        personal=OrderPersonal(
            email=text(billing, "email") or None,
            first_name=text(billing, "first_name") or None,
            last_name=text(billing, "last_name") or None,
        ),
    )


def _shipping(row: Row, convert: "Convert", tax: str) -> int:
    """Shipping and handling within the total."""
    return convert(row, f"shipping_cost_{tax}") + convert(row, f"handling_cost_{tax}")


def status_name(status_id: Any) -> OrderStatus:
    """The word for a status id, 0 to 14."""
    if isinstance(status_id, bool) or not isinstance(status_id, int) or not 0 <= status_id < len(STATUSES):
        raise Malformed("status_id is none we know")
    return STATUSES[status_id]


def currency_of(row: Row) -> str:
    """The store's currency as the order states it; where it does not, the one the order was paid in."""
    return text(row, "store_default_currency_code") or text(row, "default_currency_code") or text(row, "currency_code")


def lines_of(row: Row) -> list[Row]:
    """All line rows of all kinds of consignment; a line that two of them name is taken once."""
    parts = [*_consignments(row, "shipping"), *_consignments(row, "pickups"), *_consignments(row, "downloads")]
    email = (row.get("consignments") or {}).get("email")
    parts += [part for part in (email or {}).get("gift_certificates") or () if isinstance(part, dict)]
    found: dict[Any, Row] = {}
    for part in parts:
        items = part.get("line_items")
        for each in items if isinstance(items, list) else ():
            found.setdefault(each.get("id"), each)
    return list(found.values())


def product_ids_of(row: Row) -> set[int]:
    """The catalogue products of an order; custom lines (product 0) have none."""
    ids = (each.get("product_id") for each in lines_of(row))
    return {product_id for product_id in ids if isinstance(product_id, int) and product_id > 0}


def identifier(row: Row, name: str) -> int:
    """A positive integer id, which the vendor sometimes writes as text."""
    try:
        value = int(row[name])
    except (KeyError, TypeError, ValueError) as error:
        raise Malformed(f"{name} is no id") from error
    if value <= 0:
        raise Malformed(f"{name} is no id")
    return value


def customer_id_of(row: Row) -> int:
    """The customer of an order, 0 for a guest."""
    value = row.get("customer_id") or 0
    if not isinstance(value, int) or value < 0:
        raise Malformed("customer_id is no id")
    return value


def group_id_of(row: Row) -> int:
    """The group of a customer, 0 for none."""
    value = row.get("customer_group_id") or 0
    if not isinstance(value, int) or value < 0:
        raise Malformed("customer_group_id is no id")
    return value


def modified_of(row: Row) -> datetime:
    """When a customer or an order was last modified."""
    return moment(row.get("date_modified")) or moment(row.get("date_created")) or EPOCH


Convert = Callable[[Row, str], int]


def _converter(row: Row) -> Convert:
    """Amounts of this order to minor units of the store's currency: divided by the rate frozen in the order."""
    currency = currency_of(row)
    if len(currency) != 3 or not currency.isascii() or not currency.isupper():
        raise Malformed("the order names no currency")
    paid_in = text(row, "default_currency_code") or currency
    rate = _amount(row, "store_default_to_transactional_exchange_rate") if paid_in != currency else Decimal(1)
    if rate <= 0:
        raise Malformed("store_default_to_transactional_exchange_rate is no rate")
    return lambda part, name: max(0, to_minor(_amount(part, name) / rate, currency))


def _amount(row: Row, name: str) -> Decimal:
    try:
        return decimal(row.get(name))
    except ValueError as error:
        raise Malformed(f"{name} is no amount") from error


def _line(
    row: Row,
    convert: Convert,
    categories_of: Callable[[int], tuple[str, ...]],
    is_late: Callable[[int], bool],
) -> OrderLine:
    product_id = row.get("product_id") or 0
    quantity = int(_amount(row, "quantity"))
    discounted = row.get("discounted_total_inc_tax")
    return OrderLine(
        id=str(identifier(row, "id")),
        product_id=str(product_id),
        quantity=quantity,
        price=convert(row, "price_inc_tax"),
        total=convert(row, "total_inc_tax" if discounted in (None, "") else "discounted_total_inc_tax"),
        name=text(row, "name"),
        sku=text(row, "sku"),
        brand=text(row, "brand"),
        categories=categories_of(product_id) if product_id else (),
        backordered=quantity if product_id and is_late(product_id) else 0,
    )


def _is_bundled(row: Row) -> bool:
    """A part of a bundle: its parent line carries the price and the units."""
    return bool(row.get("parent_order_product_id"))


def _refund(row: Row, convert: Convert) -> Refund:
    return Refund(
        id=str(identifier(row, "id")),
        created_at=moment(row.get("created")) or EPOCH,
        amount=convert(row, "total_amount"),
        lines=tuple(
            RefundLine(
                line_id=str(item.get("item_id")),
                quantity=int(_amount(item, "quantity")),
                amount=convert(item, "requested_amount"),
            )
            for item in row.get("items") or ()
            if item.get("item_type") == "PRODUCT"
        ),
    )


def _counts(row: Row) -> bool:
    """Refunds whose every payment was declined did not happen; nor did those of nothing."""
    payments = row.get("payments") or ()
    declined = bool(payments) and all(payment.get("is_declined") is True for payment in payments)
    return not declined and _amount(row, "total_amount") > 0


def _by_id(row: Row) -> int:
    return identifier(row, "id")


def _consignments(row: Row, kind: str) -> list[Row]:
    parts = (row.get("consignments") or {}).get(kind)
    return [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []


def _customer_address(row: Row) -> Address:
    return Address(
        country_code=text(row, "country_code").upper(),
        country=text(row, "country"),
        state=text(row, "state_or_province"),
        city=text(row, "city"),
        postcode=text(row, "postal_code"),
    )


def _order_address(row: Row) -> Address:
    return Address(
        country_code=text(row, "country_iso2").upper(),
        country=text(row, "country"),
        state=text(row, "state"),
        city=text(row, "city"),
        postcode=text(row, "zip"),
    )


def text(row: Row, name: str) -> str:
    """A text of a row, "" where there is none.

    Without what no UTF-8 can hold: half a character, as systems leave it that cut a text in two.
    """
    value = row.get(name)
    return value.encode(errors="replace").decode().strip() if isinstance(value, str) else ""
