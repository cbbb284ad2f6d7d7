"""How many there are, from either version's reply."""

from datetime import UTC, datetime
from typing import Any

import pytest

from headrace.platforms import bigcommerce
from headrace.platforms.http import Reply


@pytest.mark.parametrize(
    ("json", "total"),
    [
        ({"data": [], "meta": {"pagination": {"total": 7}}}, 7),
        ({"count": 7, "statuses": []}, 7),
        ({"count": -1}, 0),
        ({"count": True}, 0),
        ({"data": [], "meta": {"pagination": {"total": "7"}}}, 0),
        ({"meta": []}, 0),
        ([], 0),
        (None, 0),
        ("7", 0),
    ],
)
def test_total_of__either_version__the_number_or_0(json: Any, total: int) -> None:
    assert bigcommerce.total_of(Reply(200, {}, json, datetime(2026, 1, 1, tzinfo=UTC))) == total
