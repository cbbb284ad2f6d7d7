"""Whatever the store answers: a reading of it ends in rows, or in an error that says what to do next."""

import copy
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.platforms.errors import VendorError
from headrace.platforms.http import Reply, Request
from services.ingest import normalise
from services.ingest.currencies import Currencies
from services.ingest.declared import has_store_credit
from services.ingest.lookups import Categories, Consents, Groups
from services.ingest.reader import StoreReader
from services.ingest.snapshots import ODD
from tests.services.ingest.test_normalise import ORDER, REFUND

NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)
WORDS: Final = ["", "GBP", "10.0000", "1e999999", "1e-999999", "NaN", "-1", "²", "2019-03-07T00:00:00+00:00", "\ud800"]
PLAIN: Final = st.one_of(
    st.none(), st.booleans(), st.integers(), st.decimals(), st.floats(), st.sampled_from(WORDS), st.text(max_size=8)
)
JSON: Final = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)
CUSTOMER: Final = {
    "id": 5,
    "email": "jo@x.example",
    "first_name": "Jo",
    "customer_group_id": 1,
    "date_created": "2019-03-07T00:00:00Z",
    "date_modified": "2019-03-07T00:00:00Z",
    "address_count": 11,
    "addresses": [{"country_code": "GB", "city": "Leeds"}],
    "channel_ids": [1],
    "form_fields": [{"name": "Birthday", "value": "1990-01-01"}],
    "store_credit_amounts": [{"amount": Decimal("4.5")}],
    "name": "Gold",
    "categories": [1],
    "brand_id": 2,
    "consents": ["marketing_newsletter"],
    "order_id": 250,
    "customer_id": 5,
    "currency_code": "GBP",
    "is_default": True,
    "currency_exchange_rate": "1.0",
}


def _places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield at
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield from _places(each, (*at, key))


def _broken(whole: Any) -> st.SearchStrategy[Any]:
    """The row with one value of it replaced by anything."""
    places = [place for place in _places(whole) if place]

    def put(place: tuple[Any, ...], value: Any) -> Any:
        found = copy.deepcopy(whole)
        part = found
        for key in place[:-1]:
            part = part[key]
        part[place[-1]] = value
        return found

    return st.builds(put, st.sampled_from(places), JSON)


def _categories(product_id: int) -> tuple[str, ...]:
    return ("K",)


@given(row=_broken(ORDER), refund=_broken(REFUND))
def test_order__one_value_is_anything__a_snapshot_or_set_aside(row: dict[str, Any], refund: dict[str, Any]) -> None:
    try:
        normalise.product_ids_of(row)
        normalise.customer_id_of(row)
        normalise.order(row, [refund], categories_of=_categories)
    except ODD:
        return


@given(row=_broken(CUSTOMER))
def test_customer__one_value_is_anything__a_snapshot_or_set_aside(row: dict[str, Any]) -> None:
    has_store_credit(row)
    try:
        normalise.group_id_of(row)
        normalise.customer(row, group="Gold", subscribed=None, currency="GBP")
    except ODD:
        return


class _Answering:
    """Answers everything with this."""

    def __init__(self, body: Any) -> None:
        self.body = body

    async def call(self, request: Request) -> Reply:
        return Reply(200, {}, self.body, NOW)


READINGS: Final[dict[str, Callable[[StoreReader], Awaitable[object]]]] = {
    "orders": lambda reader: reader.orders({250}),
    "orders_modified": lambda reader: reader.orders_modified(NOW),
    "refunds": lambda reader: reader.refunds([250]),
    "customers": lambda reader: reader.customers([5]),
    "customers_by_email": lambda reader: reader.customers_by_email(["jo@x.example"]),
    "customers_after": lambda reader: reader.customers_after(None),
    "products": lambda reader: reader.products([5]),
    "carts": lambda reader: reader.carts(["x"]),
    "groups": lambda reader: Groups(reader).know([1]),
    "categories": lambda reader: Categories(reader).know([5]),
    "consents": lambda reader: Consents(reader).refresh(),
    "currencies": lambda reader: Currencies(reader).know(),
}
BODY: Final = st.one_of(
    JSON, _broken([CUSTOMER]), _broken({"data": [CUSTOMER], "meta": {"pagination": {"total_pages": 1}}})
)


@pytest.mark.parametrize("name", READINGS)
async def test_reading__what_the_vendor_sends__is_read(name: str) -> None:
    await READINGS[name](StoreReader(_Answering({"data": [CUSTOMER | {"id": 250}]})))


@given(body=BODY)
async def test_reading__any_body__is_read_or_the_vendor_s_error(body: Any) -> None:
    for read in READINGS.values():
        try:
            await read(StoreReader(_Answering(body)))
        except VendorError:
            continue
