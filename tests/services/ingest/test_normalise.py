"""Rows of the vendor, odd ones too, as snapshots."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from headrace.contracts.events import Address, OrderLine, RefundLine, StatusChange
from services.ingest import normalise
from services.ingest.normalise import Malformed

LINE: dict[str, Any] = {
    "id": 11,
    "order_id": 250,
    "product_id": 77,
    "name": "Mug",
    "sku": "M-1",
    "brand": "Bijou",
    "quantity": 3,
    "price_inc_tax": "2.5500",
    "total_inc_tax": "7.6500",
    "discounted_total_inc_tax": "7.0000",
    "parent_order_product_id": None,
}
ORDER: dict[str, Any] = {
    "id": 250,
    "customer_id": 5,
    "date_created": "Tue, 05 Mar 2019 21:40:11 +0000",
    "date_modified": "Wed, 06 Mar 2019 09:00:00 +0000",
    "status_id": 11,
    "subtotal_inc_tax": "70.0000",
    "total_inc_tax": "69.8400",
    "total_ex_tax": "58.2",
    "default_currency_code": "GBP",
    "store_default_currency_code": "GBP",
    "store_default_to_transactional_exchange_rate": "1.0000000000",
    "is_deleted": False,
    "channel_id": 1,
    "billing_address": {
        "email": "Jo@Example.com",
        "first_name": "Jo",
        "last_name": "",
        "country_iso2": "gb",
        "zip": "N1",
    },
    "consignments": {
        "shipping": [{"line_items": [LINE], "state": "Ohio", "country": "United States", "country_iso2": "US"}],
        "pickups": [],
        "downloads": [],
        "email": {"gift_certificates": []},
    },
}
REFUND: dict[str, Any] = {
    "id": 3,
    "order_id": 250,
    "created": "2019-03-07T00:00:00+00:00",
    "total_amount": Decimal("2.55"),
    "items": [{"item_type": "PRODUCT", "item_id": 11, "quantity": 1, "requested_amount": Decimal("2.55")}],
    "payments": [{"is_declined": False}],
}
CUSTOMER: dict[str, Any] = {
    "id": 5,
    "email": "Jo@Sub.Example.COM",
    "first_name": "Jo",
    "last_name": None,
    "company": " Acme ",
    "phone": "",
    "date_created": "2019-03-05T21:40:11Z",
    "date_modified": "2019-03-06T21:40:11Z",
    "channel_ids": None,
    "addresses": [{"country_code": "gb", "country": "United Kingdom", "state_or_province": "", "postal_code": "N1"}],
}


def _order(*refunds: dict[str, Any], **changes: Any) -> Any:
    return normalise.order({**ORDER, **changes}, refunds, categories_of=lambda _: ("Kitchen",))


def test_order__vendors_example__whole_snapshot() -> None:
    order = _order(REFUND)
    assert (order.order_id, order.status, order.currency) == ("250", "awaiting_fulfillment", "GBP")
    assert (order.total, order.subtotal, order.total_excluding_tax) == (6984, 7000, 5820)
    assert order.created_at == datetime(2019, 3, 5, 21, 40, 11, tzinfo=UTC)
    assert order.lines == (
        OrderLine(
            id="11",
            product_id="77",
            quantity=3,
            price=255,
            total=700,
            name="Mug",
            sku="M-1",
            brand="Bijou",
            categories=("Kitchen",),
        ),
    )
    assert order.refunds[0].amount == 255
    assert order.refunds[0].lines == (RefundLine(line_id="11", quantity=1, amount=255),)
    assert order.shipping_addresses == (Address(country_code="US", country="United States", state="Ohio"),)
    assert order.billing_address == Address(country_code="GB", postcode="N1")
    assert order.personal.email == "Jo@Example.com"
    assert order.personal.last_name is None


def test_order__status_change_of_a_notice__kept() -> None:
    change = StatusChange(previous="incomplete", new="awaiting_fulfillment")
    assert normalise.order(ORDER, (), categories_of=lambda _: (), status_change=change).status_change == change


def test_order__other_currency__divided_by_the_rate_of_its_time_and_rounded_at_the_end() -> None:
    order = _order(
        REFUND, default_currency_code="EUR", store_default_to_transactional_exchange_rate="1.1500", channel_id=None
    )
    assert order.currency == "GBP"
    assert order.total == 6073  # 69.84 / 1.15 = 60.7304...
    assert order.refunds[0].amount == 222  # 2.55 / 1.15 = 2.217...
    assert order.lines[0].price == 222


def test_order__store_currency_not_stated__the_one_it_was_paid_in() -> None:
    order = _order(store_default_currency_code="", default_currency_code="JPY", total_inc_tax="70")
    assert (order.currency, order.total) == ("JPY", 70)


@pytest.mark.parametrize("rate", ["0", "", "-1", "x", "NaN"])
def test_order__other_currency_without_a_rate__malformed(rate: str) -> None:
    with pytest.raises(Malformed):
        _order(default_currency_code="EUR", store_default_to_transactional_exchange_rate=rate)


def test_order__empty_texts_and_absent_parts__zero_or_none() -> None:
    order = _order(date_modified="", total_ex_tax="", billing_address={}, consignments={}, is_deleted=True)
    assert order.modified_at == order.created_at
    assert (order.total_excluding_tax, order.lines, order.billing_address, order.archived) == (0, (), None, True)


def test_order__lines_of_all_kinds_of_consignment__once_each_without_bundled_parts() -> None:
    child = {**LINE, "id": 12, "parent_order_product_id": 11, "price_inc_tax": "0.0000"}
    download = {**LINE, "id": 13}
    gift = {**LINE, "id": 14, "product_id": 0}
    consignments = {
        "shipping": [{"line_items": [LINE, child]}, {"line_items": {"url": "a link"}}],
        "pickups": [{"line_items": [LINE]}],
        "downloads": [{"line_items": [download]}],
        "email": {"gift_certificates": [{"line_items": [gift]}]},
    }
    order = _order(consignments=consignments)
    assert [line.id for line in order.lines] == ["11", "13", "14"]
    assert order.lines[2].categories == ()
    assert normalise.product_ids_of({**ORDER, "consignments": consignments}) == {77}


def test_order__discounted_total_absent__the_lines_total() -> None:
    line = {**LINE, "discounted_total_inc_tax": ""}
    order = _order(consignments={"shipping": [{"line_items": [line]}]})
    assert order.lines[0].total == 765


def test_order__refunds__sorted_without_declined_and_empty_ones() -> None:
    declined = {**REFUND, "id": 2, "payments": [{"is_declined": True}]}
    nothing = {**REFUND, "id": 1, "total_amount": 0}
    tax_only = {**REFUND, "id": 9, "items": [], "payments": []}
    shipping = {**REFUND, "id": 4, "items": [{"item_type": "SHIPPING", "requested_amount": None}]}
    order = _order(tax_only, shipping, declined, REFUND, nothing)
    assert [(refund.id, len(refund.lines)) for refund in order.refunds] == [("3", 1), ("4", 0), ("9", 0)]


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "x"},
        {"status_id": 15},
        {"status_id": None},
        {"status_id": True},
        {"total_inc_tax": "NaN"},
        {"total_inc_tax": {}},
        {"store_default_currency_code": "", "default_currency_code": ""},
        {"store_default_currency_code": "pounds"},
    ],
)
def test_order__not_what_the_vendor_documents__malformed_without_its_values(changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed) as caught:
        _order(**changes)
    assert "Example.com" not in str(caught.value)


def test_customer__vendors_example__whole_snapshot() -> None:
    customer = normalise.customer(CUSTOMER, group="Gold", subscribed=None)
    assert (customer.customer_id, customer.group, customer.subscribed) == ("5", "Gold", None)
    assert (customer.email_domain, customer.company) == ("sub.example.com", "Acme")
    assert customer.addresses == (Address(country_code="GB", country="United Kingdom", postcode="N1"),)
    assert customer.personal is not None
    assert customer.personal.email == "Jo@Sub.Example.COM"
    assert (customer.personal.last_name, customer.personal.phone) == (None, None)


def test_customer__all_addresses_given__they_replace_the_included_ten() -> None:
    customer = normalise.customer(CUSTOMER, group="", subscribed=True, addresses=[{"city": "Leeds"}, {"city": "York"}])
    assert [address.city for address in customer.addresses] == ["Leeds", "York"]


def test_customer__empty_fields__still_a_snapshot() -> None:
    customer = normalise.customer({"id": "5", "email": ""}, group="", subscribed=None)
    assert (customer.customer_id, customer.email_domain, customer.addresses) == ("5", "", ())


@pytest.mark.parametrize(("value", "expected"), [(0, 0), (None, 0), (7, 7)])
def test_customer_id_of__guest_or_customer__number(value: int | None, expected: int) -> None:
    assert normalise.customer_id_of({"customer_id": value}) == expected
