"""Notices of carts become events: behind their customer, once, and nothing where nobody can be named."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, cast

import msgspec
import pytest

from headrace.contracts.actions import Notice
from headrace.contracts.events import CartEvent, Event, decode_event
from headrace.platforms.errors import Rejected, Unauthorized
from headrace.platforms.http import Reply, Request
from services.ingest.backlog import BadNotice, Place, read_record
from services.ingest.freshness import Policy
from services.ingest.hydrate import Hydrator, NoticeRecord
from services.ingest.owners import Owners
from services.ingest.publish import Events, Record
from services.ingest.publisher import Publisher
from services.ingest.reader import StoreReader
from services.ingest.snapshots import Batch, Snapshots

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CART = "09346904-4175-44fd-be53-f7e598531b6c"
ROW: dict[str, Any] = {
    "id": CART,
    "customer_id": 5,
    "email": "jo@example.com",
    "currency": {"code": "GBP"},
    "cart_amount": 55.0,
    "line_items": {
        "physical_items": [
            {
                "id": "a",
                "product_id": 7,
                "name": "Mug",
                "sku": "M-1",
                "quantity": 2,
                "list_price": 30,
                "sale_price": 27.5,
                "extended_sale_price": 55.0,
            },
            {"id": "b", "parent_id": "a", "product_id": 8, "quantity": 2, "sale_price": 0, "extended_sale_price": 0},
        ],
        "digital_items": [],
        "custom_items": [{"id": "c", "name": "Card", "quantity": "1", "list_price": "0.00", "extended_list_price": 0}],
        "gift_certificates": [{"id": "g", "amount": 10}],
    },
}
ORDER: dict[str, Any] = {
    "id": 252,
    "customer_id": 5,
    "status_id": 11,
    "total_inc_tax": "55.00",
    "default_currency_code": "GBP",
    "date_modified": "Thu, 01 Jan 2026 00:00:00 +0000",
    "billing_address": {"email": "jo@example.com"},
    "consignments": {
        "shipping": [
            {"line_items": [{"id": 1, "product_id": 7, "quantity": 2, "price_inc_tax": "27.5", "total_inc_tax": "55"}]}
        ]
    },
}


class Store:
    """Answers by path; carts by id."""

    def __init__(self, *carts: dict[str, Any]) -> None:
        self.carts = {f"/v3/carts/{row['id']}": row for row in carts}
        self.forbidden = False
        self.lists: dict[str, list[dict[str, Any]]] = {
            "/v2/orders": [ORDER],
            "/v3/customers": [{"id": 5, "email": "jo@example.com", "date_modified": "2026-01-01T00:00:00Z"}],
            "/v3/catalog/products": [{"id": 7, "categories": [1], "brand_id": 3, "availability": "available"}],
            "/v3/catalog/categories": [{"id": 1, "name": "Kitchen"}],
            "/v3/catalog/brands": [{"id": 3, "name": "Bijou"}],
            "/v2/currencies": [
                {"currency_code": "GBP", "is_default": True, "currency_exchange_rate": "0.8"},
                {"currency_code": "EUR", "is_default": False, "currency_exchange_rate": "1.0"},
            ],
        }

    async def call(self, request: Request) -> Reply:
        if request.path.startswith("/v3/carts/"):
            if self.forbidden:
                raise Unauthorized(request.route, "403 no", forbidden=True)
            if request.path not in self.carts:
                raise Rejected(request.route, 404, "gone", {})
            return Reply(200, {}, {"data": self.carts[request.path], "meta": {}}, NOW)
        rows = self.lists.get(request.path, [])
        return Reply(200, {}, rows if request.path.startswith("/v2") else {"data": rows, "meta": {}}, NOW)


class NoticeAt(msgspec.Struct, frozen=True):
    """A record of the topic."""

    value: bytes
    offset: int
    topic: str = "notices"
    partition: int = 0
    key: bytes = b"k"


def notice(kind: str, *, at: int = 1767225600, resource_id: str = CART, **more: Any) -> bytes:
    body = {"scope": f"store/cart/{kind}", "created_at": at, "data": {"type": "cart", "id": resource_id, **more}}
    return msgspec.json.encode(
        Notice(
            store="s",
            scope=f"store/cart/{kind}",
            resource="cart",
            resource_id=resource_id,
            received_at="",
            body=json.dumps(body),
        )
    )


class Desk:
    """A hydrator over a store, and what it wrote."""

    def __init__(self, store: Store) -> None:
        self.written: list[Record] = []
        self.aside: list[str] = []
        reader, events = StoreReader(store), Events("s")
        policy = Policy(stale_slack_s=1, reread_delays_s=(), batch_size=100)
        self.hydrator = Hydrator(
            reader,
            Snapshots(reader, events, Owners("s", b"hk")),
            events,
            cast("Publisher", self),
            self._set_aside,
            self._set_rows_aside,
            policy,
            clock=lambda: 0.0,
        )
        self._offset = 0

    async def write(self, batch: Batch, behind: Sequence[Record]) -> None:
        self.written += [*batch.records, *behind]

    async def hear(self, words: Sequence[object]) -> None:
        assert not words

    async def settle(self) -> dict[tuple[str, int], str]:
        return {}

    async def take(self, *values: bytes) -> list[Event]:
        before = len(self.written)
        records = [NoticeAt(value, self._offset + number) for number, value in enumerate(values)]
        self._offset += len(records)
        await self.hydrator.take_in(cast("list[NoticeRecord]", records))
        for pending in self.hydrator.backlog._waiting.values():
            pending.due = 0.0
        while await self.hydrator.work():
            pass
        assert self.hydrator.waiting == 0
        return [decode_event(record.value) for record in self.written[before:]]

    async def _set_aside(self, letters: Sequence[tuple[NoticeRecord, str, str]]) -> None:
        self.aside += [reason for _, reason, _ in letters]

    async def _set_rows_aside(self, rows: Any) -> None:
        assert not rows


async def test_hydrate__abandoned_cart__an_event_behind_its_customers_snapshot() -> None:
    snapshot, cart = await Desk(Store(ROW)).take(notice("abandoned"))
    assert (snapshot.envelope.type, snapshot.envelope.subject) == ("customer.snapshot", "s:5")
    assert (cart.envelope.type, cart.envelope.subject) == ("cart.abandoned", "s:5")
    assert (cart.envelope.id, cart.envelope.time) == (f"cart.abandoned:{CART}:2026-01-01T00:00:00Z", NOW)
    assert isinstance(cart.data, CartEvent)
    assert (cart.data.total, cart.data.currency) == (5500, "GBP")
    mug, card = cart.data.lines
    assert (mug.product_id, mug.quantity, mug.price, mug.total) == ("7", 2, 2750, 5500)
    assert (mug.brand, mug.categories) == ("Bijou", ("Kitchen",))
    assert (card.product_id, card.quantity, card.total) == ("0", 1, 0)


async def test_hydrate__converted_cart__what_its_order_holds() -> None:
    _, cart = await Desk(Store()).take(notice("converted", orderId=252))
    assert (cart.envelope.type, cart.envelope.subject) == ("cart.converted", "s:5")
    assert isinstance(cart.data, CartEvent)
    assert (cart.data.cart_id, cart.data.total, cart.data.lines[0].quantity) == (CART, 5500, 2)


async def test_hydrate__told_twice__the_same_event_id() -> None:
    desk = Desk(Store(ROW))
    first = await desk.take(notice("abandoned"))
    again = await desk.take(notice("abandoned"))
    assert first[-1].envelope.id == again[-1].envelope.id
    later = await desk.take(notice("abandoned", at=1767229200))
    assert later[-1].envelope.id != first[-1].envelope.id


async def test_hydrate__both_at_once__left_behind_and_then_bought() -> None:
    events = await Desk(Store(ROW)).take(notice("converted", orderId=252), notice("abandoned", at=1767220000))
    assert [one.envelope.type for one in events] == ["customer.snapshot", "cart.abandoned", "cart.converted"]


@pytest.mark.parametrize("row", [{**ROW, "customer_id": 0, "email": ""}, {**ROW, "id": "other"}])
async def test_hydrate__nobodys_cart_or_one_that_is_gone__nothing(row: dict[str, Any]) -> None:
    desk = Desk(Store(row))
    assert await desk.take(notice("abandoned")) == []
    assert desk.aside == []


async def test_hydrate__carts_are_not_ours_to_read__all_else_goes_on() -> None:
    store = Store(ROW)
    store.forbidden = True
    desk = Desk(store)
    events = await desk.take(notice("abandoned"), notice("converted", orderId=252))
    assert [one.envelope.type for one in events] == ["customer.snapshot", "cart.converted"]
    assert desk.aside == []


async def test_hydrate__guests_cart__under_the_guests_key() -> None:
    (cart,) = await Desk(Store({**ROW, "customer_id": 0})).take(notice("abandoned"))
    assert cart.envelope.subject.startswith("s:guest-")
    assert "@" not in cart.envelope.subject


async def test_hydrate__other_currency__todays_rate() -> None:
    _, cart = await Desk(Store({**ROW, "currency": {"code": "EUR"}})).take(notice("abandoned"))
    assert isinstance(cart.data, CartEvent)
    assert (cart.data.currency, cart.data.total) == ("GBP", 4400)


@pytest.mark.parametrize(
    "odd",
    [
        {"cart_amount": "lots"},
        {"customer_id": "x"},
        {"currency": {}},
        {"line_items": {"physical_items": [{"id": "a", "product_id": 7, "quantity": "many"}]}},
    ],
)
async def test_hydrate__odd_cart__set_aside_alone(odd: dict[str, Any]) -> None:
    store = Store({**ROW, **odd})
    store.lists["/v2/currencies"] = []
    desk = Desk(store)
    await desk.take(notice("abandoned"))
    assert desk.aside == ["malformed_row"]
    assert all(record.type != "cart.abandoned" for record in desk.written)


@pytest.mark.parametrize(
    "value",
    [notice("converted"), notice("converted", orderId="x"), notice("abandoned", resource_id="7")],
)
def test_read_record__cart_without_what_it_needs__bad(value: bytes) -> None:
    with pytest.raises(BadNotice):
        read_record(value, Place(0, 0))
