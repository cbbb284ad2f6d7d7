"""Whatever a vendor answers, a reader takes it: wrong types, things missing, replies cut short."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from headrace.platforms import bigcommerce
from headrace.platforms.errors import Rejected
from headrace.platforms.http import Reply
from headrace.platforms.replies import error_text

AT: Final = datetime(2026, 1, 1, tzinfo=UTC)
WORDS: Final = st.sampled_from(
    ["all", "specific", "category", "product", "price_list", "percent", "10.0000", "1e999999", "NaN", "-1", "²"]
)
PLAIN: Final = st.one_of(
    st.none(), st.booleans(), st.integers(), st.decimals(), st.floats(), WORDS, st.text(max_size=12)
)
HEALTH: Final = {
    "data": {
        "emails": ["a@x.example"],
        "hooks_list": [{"id": 1, "status": "active"}],
        "blocked_domains": [{"destination": "x", "time_left": 3, "reasons": [{"failure_description": "x"}]}],
    }
}
ROW_READERS: Final[list[Callable[[dict[str, Any]], object]]] = [
    bigcommerce.group_of,
    bigcommerce.discount_of,
    bigcommerce.metafield_of,
    bigcommerce.hook_of,
    bigcommerce.subscribed,
    bigcommerce.other_consents,
    bigcommerce.shopper_profile_of,
    bigcommerce.segments_of,
]
REPLY_READERS: Final[list[Callable[[Reply], object]]] = [
    bigcommerce.rows_of,
    bigcommerce.row_of,
    bigcommerce.next_page_of,
    bigcommerce.next_cursor_of,
    bigcommerce.delivery_health_of,
]
FULL: Final = {
    "data": [
        {
            "id": 1,
            "name": "Gold",
            "category_access": {"type": "specific", "categories": [1, 2]},
            "discount_rules": [{"type": "category", "category_id": 3, "method": "percent", "amount": "10.0000"}],
            "consents": ["marketing_newsletter"],
            "resource_id": 4,
            "namespace": "headrace",
            "key": "tags",
            "value": "a",
            "scope": "store/order/*",
            "destination": "https://shop.example",
            "headers": {"X-A": "b"},
            "shopper_profile_id": "1465bb16-eb7d-4fba-8312-0ea9d88cd6e9",
            "segment_ids": ["09346904-4175-44fd-be53-f7e598531b6c"],
            "is_active": True,
            "is_default": False,
        }
    ],
    "errors": [{"status": 409, "title": "x", "errors": {"0": "y"}, "field": "z", "message": "m", "detail": "d"}],
    "meta": {"pagination": {"current_page": 1, "total_pages": 2}, "cursor_pagination": {"end_cursor": "x"}},
}


def _names(value: Any) -> set[str]:
    if isinstance(value, list):
        return set().union(*map(_names, value))
    return set(value).union(*map(_names, value.values())) if isinstance(value, dict) else set()


KEYS: Final = st.sampled_from(sorted(_names([FULL, HEALTH])))
JSON: Final = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | st.text(max_size=5), inner, max_size=8)
)
ROW: Final = st.dictionaries(KEYS | st.text(max_size=5), JSON, max_size=10)


@given(row=ROW)
def test_row_readers__any_row__read_or_say_none(row: dict[str, Any]) -> None:
    for read in ROW_READERS:
        read(row)


@given(body=JSON)
def test_reply_readers__any_body__read_it(body: Any) -> None:
    for read in REPLY_READERS:
        read(Reply(200, {}, body, AT))


@given(cut=st.integers(0, len(json.dumps(FULL))))
def test_readers__a_reply_cut_short__is_no_json_or_is_read(cut: int) -> None:
    try:
        body = msgspec.json.decode(json.dumps(FULL)[:cut])
    except msgspec.DecodeError:
        return
    for read in REPLY_READERS:
        read(Reply(200, {}, body, AT))


@given(data=st.data())
def test_readers__one_value_replaced_by_another__still_read(data: st.DataObject) -> None:
    row: dict[str, Any] = dict(FULL["data"][0])  # type: ignore[index]  # a list of one
    row[data.draw(st.sampled_from(sorted(row)))] = data.draw(JSON)
    for read in ROW_READERS:
        read(row)


@given(body=JSON, status=st.sampled_from([400, 409, 422]))
def test_error_readers__any_body__title_and_errors_are_text(body: Any, status: int) -> None:
    title, errors = error_text(body)
    assert isinstance(title, str)
    assert all(isinstance(each, str) for pair in errors.items() for each in pair)
    bigcommerce.already_members(Rejected("POST /x", status, title, errors))


@given(amount=st.decimals(min_value=0, max_value=10**9, places=4))
def test_discount__written_and_read__is_the_same(amount: Decimal) -> None:
    rule = bigcommerce.DiscountRule("category", 7, "percent", amount)
    assert bigcommerce.discount_of(bigcommerce.discount_json(rule)) == rule
