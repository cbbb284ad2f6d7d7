"""What a customer's row says beside the account itself."""

from typing import Any

import pytest

from services.ingest import declared, normalise


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ([{"name": "Shirt Size", "value": " M ", "customer_id": 1}], {"shirt size": "M"}),
        ([{"name": "children", "value": 2}], {"children": "2"}),
        ([{"name": "Colours", "value": ["red", "", "green"]}], {"colours": "red, green"}),
        ([{"name": "empty", "value": ""}, {"name": "", "value": "x"}, {"name": "none", "value": None}], {}),
        ([{"name": "half", "value": "a\ud83d"}], {"half": "a?"}),
        (None, {}),
    ],
)
def test_form__vendors_values__text_by_lower_case_name(fields: Any, expected: dict[str, str]) -> None:
    assert declared.form({"form_fields": fields}) == expected


@pytest.mark.parametrize(
    ("name", "text", "day"),
    [
        ("birthday", "1990-05-17", "1990-05-17"),
        ("date of birth", "1990-05-17T00:00:00+00:00", "1990-05-17"),
        ("date_of_birth", "1990-05-17", "1990-05-17"),
        ("birthday", "17/05/1990", None),
        ("birthday", "1990-02-30", None),
        ("anniversary", "1990-05-17", None),
    ],
)
def test_birthday__form_field__only_where_the_day_is_sure(name: str, text: str, day: str | None) -> None:
    assert declared.birthday({name: text}) == day


@pytest.mark.parametrize(
    ("amounts", "currency", "credit"),
    [
        ([{"amount": 43.15}], "USD", 4315),
        ([{"amount": "43.15"}], "USD", 4315),
        ([{"amount": 4315}], "JPY", 4315),
        ([{"amount": 0}], "", 0),
        ([{"amount": 43.15}], "", None),
        ([{"amount": -3}], "USD", 0),
        ([], "USD", 0),
        (None, "USD", None),
    ],
)
def test_store_credit__amounts__minor_units_of_the_stores_own_currency(
    amounts: Any, currency: str, credit: int | None
) -> None:
    assert declared.store_credit({"store_credit_amounts": amounts}, currency) == credit


@pytest.mark.parametrize("row", [{}, {"store_credit_amounts": "odd"}, {"store_credit_amounts": [{"amount": "x"}]}])
def test_has_store_credit__none_or_odd__no(row: dict[str, Any]) -> None:
    assert declared.has_store_credit(row) is False


def test_customer__declared_facts__in_the_snapshot_and_under_personal() -> None:
    row = {
        "id": 5,
        "email": "jo@example.com",
        "store_credit_amounts": [{"amount": 5}],
        "form_fields": [{"name": "Birthday", "value": "1990-05-17"}, {"name": "Gender", "value": "Female"}],
    }
    customer = normalise.customer(row, group="", subscribed=None, currency="GBP", consents={"abandoned_cart": True})
    assert (customer.store_credit, customer.consents) == (500, {"abandoned_cart": True})
    assert customer.personal is not None
    assert (customer.personal.birthday, customer.personal.form["gender"]) == ("1990-05-17", "Female")


def test_order__shipping_and_store_credit__within_the_total() -> None:
    row = {
        "id": 1,
        "status_id": 11,
        "default_currency_code": "EUR",
        "store_default_currency_code": "GBP",
        "store_default_to_transactional_exchange_rate": "2",
        "total_inc_tax": "100",
        "total_ex_tax": "80",
        "shipping_cost_inc_tax": "10.00",
        "handling_cost_inc_tax": "2.00",
        "shipping_cost_ex_tax": "8.00",
        "handling_cost_ex_tax": "1.60",
        "store_credit_amount": "500",
    }
    order = normalise.order(row, (), categories_of=lambda _: ())
    assert (order.total, order.shipping, order.shipping_excluding_tax, order.store_credit) == (5000, 600, 480, 5000)


def test_order__line_of_a_product_sold_ahead__is_on_back_order() -> None:
    line = {"id": 1, "product_id": 7, "quantity": 3, "price_inc_tax": "1", "total_inc_tax": "3"}
    other = {**line, "id": 2, "product_id": 8}
    row = {
        "id": 1,
        "status_id": 11,
        "default_currency_code": "GBP",
        "consignments": {"shipping": [{"line_items": [line, other]}]},
    }
    order = normalise.order(row, (), categories_of=lambda _: (), is_late=lambda product_id: product_id == 7)
    assert [one.backordered for one in order.lines] == [3, 0]
