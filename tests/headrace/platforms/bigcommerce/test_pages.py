"""Lists of both versions are read the same way."""

from datetime import UTC, datetime
from typing import Any

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


def test_row_of__v2_body_and_v3_data__the_thing_itself() -> None:
    assert bigcommerce.row_of(_reply({"id": 1})) == bigcommerce.row_of(_reply({"data": {"id": 1}})) == {"id": 1}
    assert bigcommerce.row_of(_reply([{"id": 1}])) == bigcommerce.row_of(_reply({"data": None})) == {}


def test_next_page_of__pages__until_the_last() -> None:
    def at(current: int) -> Reply:
        return _reply({"data": [], "meta": {"pagination": {"current_page": current, "total_pages": 2}}})

    assert (bigcommerce.next_page_of(at(1)), bigcommerce.next_page_of(at(2))) == (2, None)
    assert bigcommerce.next_page_of(_reply({"data": []})) is None
    assert bigcommerce.next_page_of(_reply([])) is None
