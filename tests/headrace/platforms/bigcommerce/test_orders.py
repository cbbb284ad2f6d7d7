"""Orders are asked for whole, by id or by date."""

from datetime import UTC, datetime

from headrace.platforms import bigcommerce

AT = datetime(2026, 1, 1, tzinfo=UTC)


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
