"""Reads of whole resources from the store, in as few calls as their ids allow.

What a row means is `normalise`'s; what the quota allows is decided in `headrace.platforms`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final, NamedTuple, Protocol

from headrace.platforms import bigcommerce
from headrace.platforms.bigcommerce import (
    IDS_PER_CALL,
    INCLUDED_ADDRESSES,
    PAGE_LIMIT,
    next_cursor_of,
    next_page_of,
    number_of,
    rows_of,
)
from headrace.platforms.errors import Rejected, TooLarge, Unauthorized, Unavailable
from headrace.platforms.http import Reply, Request
from headrace.runtime.logs import log

EMAILS_PER_CALL: Final = 60
_WIDEST_SPAN: Final = 20 * PAGE_LIMIT
_GONE: Final = 404


class Caller(Protocol):
    """What sends a request: `headrace.platforms.http.VendorClient`."""

    async def call(self, request: Request) -> Reply: ...


@dataclass(frozen=True, slots=True)
class Fetched:
    """One row, and the vendor's `Date` when it was read."""

    row: dict[str, Any]
    fetched_at: datetime


class Page(NamedTuple):
    """Rows of a list, and whether there may be more behind them."""

    rows: list[Fetched]
    more: bool


class StoreReader:
    """Reads by id. Raises the errors of `headrace.platforms.errors`."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._orders_at_once = PAGE_LIMIT
        """Fewer once a page of orders was larger than a reply may be: some shops sell by the hundred lines."""
        self._span = PAGE_LIMIT
        """How wide a span of order ids is read at once: grows where ids are sparse."""

    async def orders(self, ids: Collection[int]) -> dict[int, Fetched]:
        """Orders by id, without those that do not exist; strangers in a span are left out."""
        wanted = set(ids)
        spans = list(spans_of(wanted, self._span))
        parts = await asyncio.gather(*(self._orders_between(low, high) for low, high in spans))
        found = [fetched for part in parts for fetched in part]
        self._span = next_span(self._span, calls=len(spans), rows=len(found))
        return {number: each for each in found if (number := number_of(each.row)) in wanted}

    async def orders_from(self, min_id: int) -> Page:
        """Orders with ids from `min_id` on, by id."""
        return await self._orders(lambda limit: bigcommerce.orders_by_span(min_id, limit=limit))

    async def orders_modified(
        self, since: datetime, *, until: datetime | None = None, min_id: int | None = None
    ) -> Page:
        """Orders modified from `since` on, oldest change first; by id when `min_id` is given."""
        return await self._orders(
            lambda limit: bigcommerce.orders_modified(since, until=until, min_id=min_id, limit=limit)
        )

    async def refunds(self, order_ids: Iterable[int]) -> dict[int, list[dict[str, Any]]]:
        """All refunds of these orders by order id."""
        found: dict[int, list[dict[str, Any]]] = {}
        for row in await self._chunked(order_ids, bigcommerce.refunds_of):
            found.setdefault(number_of(row.row, "order_id"), []).append(row.row)
        return found

    async def customers(self, ids: Iterable[int]) -> dict[int, Fetched]:
        """Customers by id, without those that do not exist."""

        def request(chunk: Sequence[int], _: int) -> Request:
            return bigcommerce.customers_by_id(chunk)

        return {number_of(each.row): each for each in await self._chunked(ids, request, paged=False)}

    async def customers_by_email(self, emails: Sequence[str]) -> dict[int, Fetched]:
        """Customers with these addresses by id."""
        found: dict[int, Fetched] = {}
        for start in range(0, len(emails), EMAILS_PER_CALL):
            reply = await self._caller.call(bigcommerce.customers_by_email(emails[start : start + EMAILS_PER_CALL]))
            found |= {number_of(each.row): each for each in _fetched(reply)}
        return found

    async def customers_after(
        self, cursor: str | None, *, modified_from: datetime | None = None, modified_until: datetime | None = None
    ) -> tuple[list[Fetched], str | None]:
        """One page of customers by id, and the cursor of the next."""
        request = bigcommerce.customers_after(cursor, modified_from=modified_from, modified_until=modified_until)
        reply = await self._caller.call(request)
        rows, following = _fetched(reply), next_cursor_of(reply)
        if len(rows) < PAGE_LIMIT:
            return rows, None
        if following is None:  # to end here would leave customers out
            raise Unavailable(request.route, "a full page without a cursor")
        return rows, following

    async def totals(self) -> tuple[int, int]:
        """How many customers and orders there are; 0 for what the store does not tell."""
        return await self._total(bigcommerce.customers_total()), await self._total(bigcommerce.orders_total())

    async def _total(self, request: Request) -> int:
        try:
            return bigcommerce.total_of(await self._caller.call(request))
        except (Rejected, Unauthorized) as error:
            if isinstance(error, Unauthorized) and not error.forbidden:
                raise
            return 0

    async def customers_modified(self, since: datetime) -> Page:
        """Customers modified from `since` on, oldest change first."""
        rows = _fetched(await self._caller.call(bigcommerce.customers_modified(since)))
        return Page(rows, len(rows) >= PAGE_LIMIT)

    async def all_addresses(self, customers: Iterable[Fetched]) -> dict[int, list[dict[str, Any]]]:
        """By customer id, the addresses of those that have more than a customer's row can hold."""
        many = [number_of(each.row) for each in customers if _address_count(each) > INCLUDED_ADDRESSES]
        found: dict[int, list[dict[str, Any]]] = {}
        for each in await self._chunked(many, bigcommerce.addresses_of):
            found.setdefault(number_of(each.row, "customer_id"), []).append(each.row)
        return found

    async def products(self, ids: Iterable[int]) -> dict[int, dict[str, Any]]:
        """Rows of products by id: `categories`, `brand_id`, `availability`."""

        def request(chunk: Sequence[int], _: int) -> Request:
            return bigcommerce.products_by_id(chunk)

        rows = await self._chunked(ids, request, paged=False)
        return {number_of(each.row): each.row for each in rows}

    async def carts(self, ids: Iterable[str]) -> dict[str, Fetched]:
        """Carts by id, one call each, without those that are gone, or that this token may not read."""
        found = await asyncio.gather(*(self._cart(cart_id) for cart_id in ids))
        return {str(each.row.get("id")): each for each in found if each is not None}

    async def _cart(self, cart_id: str) -> Fetched | None:
        try:
            rows = _fetched(await self._caller.call(bigcommerce.cart(cart_id)))
        except Rejected as error:
            if error.status != _GONE:
                raise
            return None
        except Unauthorized as error:
            if not error.forbidden:
                raise
            return None  # the token is good, and carts are not ours to read
        return rows[0] if rows else None

    async def subscribers(self, page: int, since: datetime | None) -> tuple[list[dict[str, Any]], datetime, int | None]:
        """One page of newsletter rows, the vendor's `Date`, and the number of the next page."""
        reply = await self._caller.call(bigcommerce.subscribers(page, since=since))
        return rows_of(reply), reply.fetched_at, next_page_of(reply)

    async def every_page(self, request: Callable[[int], Request]) -> list[Fetched]:
        """All rows of a list, page after page: v3 says how many there are, v2 ends with a short page."""
        found: list[Fetched] = []
        page: int | None = 1
        while page is not None:
            reply = await self._caller.call(request(page))
            rows = _fetched(reply)
            found += rows
            is_v2 = not isinstance(reply.json, dict)
            page = (page + 1 if len(rows) >= PAGE_LIMIT else None) if is_v2 else next_page_of(reply)
        return found

    async def _orders_between(self, low: int, high: int) -> list[Fetched]:
        found: list[Fetched] = []
        start = low
        more = True
        while more and start <= high:
            rows, more = await self._orders(partial(_span, start, high))
            found += rows
            start = max((number_of(each.row) for each in rows), default=start) + 1
        return found

    async def _orders(self, request: Callable[[int], Request]) -> Page:
        """As many as a reply can hold. Raises `TooLarge` when that is not even one."""
        while True:
            limit = self._orders_at_once
            try:
                rows = _fetched(await self._caller.call(request(limit)))
            except TooLarge as error:
                if limit == 1:
                    raise
                self._orders_at_once = min(self._orders_at_once, limit // 2)
                log.warning("reply.too_large", route=error.route, limit=self._orders_at_once)
            else:
                return Page(rows, len(rows) >= limit)

    async def _chunked(
        self, ids: Iterable[int], request: Callable[[Sequence[int], int], Request], *, paged: bool = True
    ) -> list[Fetched]:
        """Rows of all ids, so many ids a call, chunks at once, their pages one after the other."""
        ordered = sorted(set(ids))
        chunks = [ordered[start : start + IDS_PER_CALL] for start in range(0, len(ordered), IDS_PER_CALL)]

        def pages(chunk: Sequence[int]) -> Awaitable[list[Fetched]]:
            return self.every_page(lambda page: request(chunk, page)) if paged else self._one(request(chunk, 1))

        return [each for part in await asyncio.gather(*(pages(chunk) for chunk in chunks)) for each in part]

    async def _one(self, request: Request) -> list[Fetched]:
        return _fetched(await self._caller.call(request))


def _span(low: int, high: int, limit: int) -> Request:
    return bigcommerce.orders_by_span(low, high, limit=limit)


def _address_count(customer: Fetched) -> int:
    count = customer.row.get("address_count")
    return count if isinstance(count, int) else 0


def spans_of(ids: Collection[int], width: int) -> Iterator[tuple[int, int]]:
    """The fewest spans of at most `width` ids that hold all of them: (lowest, highest wanted)."""
    low = high = None
    for each in sorted(ids):
        if low is None or high is None or each - low >= width:
            if low is not None and high is not None:
                yield low, high
            low = each
        high = each
    if low is not None and high is not None:
        yield low, high


def next_span(span: int, *, calls: int, rows: int) -> int:
    """The width to read with from now on: wider where several calls brought few rows, else back towards a page."""
    if calls > 1 and rows < calls * PAGE_LIMIT // 4:
        return min(span * 2, _WIDEST_SPAN)
    if rows > calls * PAGE_LIMIT * 3 // 4:
        return max(span // 2, PAGE_LIMIT)
    return span


def _fetched(reply: Reply) -> list[Fetched]:
    return [Fetched(row, reply.fetched_at) for row in rows_of(reply)]
