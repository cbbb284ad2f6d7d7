"""Requests as the vendor documents them, and lists of both versions read the same way."""

from datetime import UTC, datetime
from typing import Any

import pytest

from headrace.platforms import bigcommerce
from headrace.platforms.http import Reply

AT = datetime(2026, 1, 1, tzinfo=UTC)


def _reply(json: Any, status: int = 200) -> Reply:
    return Reply(status, {}, json, AT)


def test_rows_of__v2_array_v3_data_and_204__rows() -> None:
    assert bigcommerce.rows_of(_reply([{"id": 1}, None])) == [{"id": 1}]
    assert bigcommerce.rows_of(_reply({"data": [{"id": 1}], "meta": {}})) == [{"id": 1}]
    assert bigcommerce.rows_of(_reply({"data": {"id": 1}})) == [{"id": 1}]
    assert bigcommerce.rows_of(_reply(None, 204)) == []
    assert bigcommerce.rows_of(_reply({"data": "odd"})) == []


def test_next_page_of__pages__until_the_last() -> None:
    def at(current: int) -> Reply:
        return _reply({"data": [], "meta": {"pagination": {"current_page": current, "total_pages": 2}}})

    assert (bigcommerce.next_page_of(at(1)), bigcommerce.next_page_of(at(2))) == (2, None)
    assert bigcommerce.next_page_of(_reply({"data": []})) is None
    assert bigcommerce.next_page_of(_reply([])) is None


def test_orders_by_span__whole_orders__without_a_call_per_order() -> None:
    request = bigcommerce.orders_by_span(5, 90)
    assert request.path == "/v2/orders"
    assert dict(request.params) == {
        "min_id": "5",
        "max_id": "90",
        "sort": "id:asc",
        "page": "1",
        "include": "consignments.line_items",
        "consignment_structure": "object",
        "limit": "250",
    }


def test_orders_modified__by_date_or_within_a_second_by_id() -> None:
    assert dict(bigcommerce.orders_modified(AT).params)["sort"] == "date_modified:asc"
    within = dict(bigcommerce.orders_modified(AT, until=AT, min_id=7).params)
    assert (within["sort"], within["min_id"], within["max_date_modified"]) == ("id:asc", "7", "2026-01-01T00:00:00Z")


def test_update_customer_groups__up_to_ten__one_call() -> None:
    request = bigcommerce.update_customer_groups([(5, 2), (6, 0)])
    assert request.json == [{"id": 5, "customer_group_id": 2}, {"id": 6, "customer_group_id": 0}]
    for count in (0, 11):
        with pytest.raises(ValueError, match="1 to 10"):
            bigcommerce.update_customer_groups([(1, 1)] * count)


def test_upsert_attribute_values__write_side__names_the_field_value() -> None:
    request = bigcommerce.upsert_attribute_values([(1, 2, ";a;")])
    assert request.json == [{"attribute_id": 1, "customer_id": 2, "value": ";a;"}]
    assert request.may_repeat


def test_subscribed__a_row_without_consents__is_no_consent() -> None:
    assert bigcommerce.subscribed({"consents": ["marketing_newsletter"]})
    assert not bigcommerce.subscribed({"consents": ["abandoned_cart"]})
    assert not bigcommerce.subscribed({"consents": None})
