"""Rows into records: an odd row is named and set aside, and its neighbours are published."""

from datetime import UTC, datetime
from typing import Any

import pytest

from headrace.contracts.events import CustomerSnapshot, OrderSnapshot, decode_event
from headrace.platforms.http import Reply, Request
from services.ingest.owners import Owners
from services.ingest.publish import Events
from services.ingest.reader import Fetched, StoreReader
from services.ingest.snapshots import Batch, Snapshots

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LINE: dict[str, Any] = {"id": 1, "product_id": 0, "quantity": 1, "price_inc_tax": "1", "total_inc_tax": "1"}
ORDER: dict[str, Any] = {
    "customer_id": 0,
    "status_id": 11,
    "total_inc_tax": "1",
    "default_currency_code": "GBP",
    "store_default_currency_code": "GBP",
    "billing_address": {"email": "a@x.example"},
    "consignments": {"shipping": [{"line_items": [LINE]}]},
}


class Empty:
    """A store that has nothing but the rows the test brings."""

    async def call(self, request: Request) -> Reply:
        return Reply(200, {}, [] if request.path.startswith("/v2") else {"data": [], "meta": {}}, NOW)


def _fetched(number: int, row: dict[str, Any]) -> Fetched:
    return Fetched({"id": number, "date_modified": "2026-01-01T00:00:00Z", **row}, NOW)


async def _batch(*, customers: dict[str, Any] | None = None, order: dict[str, Any] | None = None) -> Batch:
    """One sound row of the kind, and the odd one with id 2."""
    snapshots = Snapshots(StoreReader(Empty()), Events("s"), Owners("s", b"hk"))
    rows = {1: _fetched(1, {}), 2: _fetched(2, customers)} if customers is not None else {}
    orders = {1: _fetched(1, ORDER), 2: _fetched(2, {**ORDER, **order})} if order is not None else {}
    return await snapshots.batch(customers=rows, orders=orders, origin="live")


@pytest.mark.parametrize(
    "odd",
    [
        {"customer_group_id": "none"},
        {"customer_group_id": [1]},
        {"channel_ids": ["one"]},
        {"channel_ids": 5},
        {"addresses": ["text"]},
        {"addresses": 5},
    ],
)
async def test_batch__odd_customer__named_and_its_neighbour_is_there(odd: dict[str, Any]) -> None:
    batch = await _batch(customers=odd)
    assert set(batch.bad) == {("customer", 2)}
    assert batch.customers == {1}
    assert [decode_event(record.value).envelope.subject for record in batch.records] == ["s:1"]


@pytest.mark.parametrize(
    "odd",
    [
        {"total_inc_tax": "1e999999"},
        {"consignments": {"shipping": [{"line_items": [{**LINE, "quantity": "1e999999"}]}]}},
        {"consignments": {"shipping": [{"line_items": [{**LINE, "id": [1]}]}]}},
        {"consignments": {"shipping": [{"line_items": ["text"]}]}},
        {"consignments": "text"},
        {"billing_address": "text"},
        {"customer_id": "x"},
    ],
)
async def test_batch__odd_order__named_and_its_neighbour_is_there(odd: dict[str, Any]) -> None:
    batch = await _batch(order=odd)
    assert set(batch.bad) == {("order", 2)}
    assert [decode_event(record.value).data.order_id for record in batch.records] == ["1"]  # type: ignore[union-attr]


async def test_batch__half_a_character_in_a_name__replaced() -> None:
    """What other systems cut in the middle of an emoji arrives as a lone surrogate, which no UTF-8 can hold."""
    batch = await _batch(customers={"first_name": "Jo \ud83d", "email": "\ud83d@x.example", "company": "é 😀"})
    two = decode_event(batch.records[1].value).data
    assert isinstance(two, CustomerSnapshot)
    assert two.personal is not None
    assert (two.personal.first_name, two.company) == ("Jo ?", "é 😀")
    orders = await _batch(order={"billing_address": {"email": "\ud83d@x.example"}})
    assert [type(decode_event(record.value).data) for record in orders.records] == [OrderSnapshot, OrderSnapshot]
