"""Spans of order ids: as few calls as the ids allow; fewer orders at once where a reply cannot hold a page."""

import itertools
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.platforms.errors import TooLarge
from headrace.platforms.http import Reply, Request
from services.ingest.reader import StoreReader, next_span, spans_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Heavy:
    """A store whose replies hold so many orders at most."""

    def __init__(self, orders: int, *, room: int) -> None:
        self.ids = range(1, orders + 1)
        self.room = room
        self.calls = 0

    async def call(self, request: Request) -> Reply:
        asked = dict(request.params)
        low, high, limit = int(asked["min_id"]), int(asked.get("max_id", len(self.ids))), int(asked["limit"])
        found = [{"id": each} for each in self.ids if low <= each <= high][:limit]
        self.calls += 1
        if len(found) > self.room:
            raise TooLarge(request.route, "the reply is larger than 8 MiB")
        return Reply(200, {}, found, NOW)


@given(st.integers(0, 600), st.integers(1, 300))
async def test_reader__heavy_orders__all_are_read_in_smaller_pages(orders: int, room: int) -> None:
    store = Heavy(orders, room=room)
    reader = StoreReader(store)
    assert sorted(await reader.orders(set(store.ids))) == list(store.ids)
    found: list[int] = []
    more, low = True, 1
    while more:
        rows, more = await reader.orders_from(low)
        found += [each.row["id"] for each in rows]
        low = max(found, default=0) + 1
    assert found == list(store.ids)


async def test_reader__heavy_orders__the_smaller_page_is_remembered() -> None:
    store = Heavy(500, room=70)
    reader = StoreReader(store)
    assert len((await reader.orders_from(1)).rows) == 62
    store.calls = 0
    assert len((await reader.orders_from(63)).rows) == 62
    assert store.calls == 1


async def test_reader__one_order_larger_than_a_reply__is_told() -> None:
    with pytest.raises(TooLarge):
        await StoreReader(Heavy(1, room=0)).orders_from(1)


@given(st.sets(st.integers(1, 5000)), st.integers(1, 400))
def test_spans_of__any_ids__each_covered_once_by_spans_within_the_width(ids: set[int], width: int) -> None:
    spans = list(spans_of(ids, width))
    assert all(high - low < width for low, high in spans)
    assert all(low in ids and high in ids for low, high in spans)
    assert all(before[1] < after[0] for before, after in itertools.pairwise(spans))
    assert all(any(low <= each <= high for low, high in spans) for each in ids)


def test_spans_of__dense_ids__one_call_a_page() -> None:
    assert list(spans_of(range(1000, 1500), 250)) == [(1000, 1249), (1250, 1499)]


def test_next_span__sparse_ids__wider_dense_ones__back_to_a_page() -> None:
    assert next_span(250, calls=4, rows=20) == 500
    assert next_span(500, calls=1, rows=20) == 500
    assert next_span(500, calls=1, rows=240) == 250
    assert next_span(250, calls=1, rows=250) == 250
