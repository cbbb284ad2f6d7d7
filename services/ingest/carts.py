"""Carts as events: one that was left behind, from the cart; one that became an order, from the order.

Which notices ask for it is in `cart_news`, when they are written in `hydrate`: behind the customers they are about.
"""

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from headrace.contracts.events import CartEvent, OrderLine
from headrace.contracts.money import to_minor
from headrace.platforms.replies import decimal
from headrace.runtime.logs import log
from services.ingest import normalise
from services.ingest.backlog import Pending
from services.ingest.cart_news import cart_id_of
from services.ingest.normalise import Malformed, Row, customer_id_of
from services.ingest.publish import Events, Record
from services.ingest.reader import Fetched
from services.ingest.snapshots import ODD, Batch, Snapshots, why

ABANDONED: Final = "cart.abandoned"
CONVERTED: Final = "cart.converted"
_KINDS: Final = ("physical_items", "digital_items", "custom_items")


@dataclass(slots=True)
class CartRead:
    """What was read for the notices of carts: rows of carts by id, and of the orders they became."""

    carts: dict[str, Fetched] = field(default_factory=dict)
    orders: dict[int, Fetched] = field(default_factory=dict)

    @property
    def owners(self) -> set[int]:
        """The customers they are about; odd rows are set aside when they are made into events."""
        found = set()
        for each in (*self.carts.values(), *self.orders.values()):
            with contextlib.suppress(Malformed):
                found.add(customer_id_of(each.row))
        return found - {0}


def product_ids_of(rows: Iterable[Row]) -> set[int]:
    """The catalogue products of carts."""
    ids = (line.get("product_id") for row in rows for line in _lines_of(row))
    return {product_id for product_id in ids if isinstance(product_id, int) and product_id > 0}


class CartEvents:
    """Makes the records."""

    def __init__(self, snapshots: Snapshots, events: Events) -> None:
        self._snapshots = snapshots
        self._events = events

    async def behind(self, made: Batch, batch: Iterable[Pending], read: CartRead) -> list[Record]:
        """Records to be written behind those of `made`, where odd rows are noted. Raises the vendor's errors.

        Carts that are gone, and those of nobody, leave nothing.
        """
        carts = [pending for pending in batch if pending.key[0] == "cart"]
        if carts:
            await self._know(read)
        found: list[Record] = []
        for pending in carts:
            try:
                records = self._records(pending, read)
            except ODD as error:
                made.bad[pending.key] = why(error)
                continue
            found += records
            if not records:
                reason = "not in the store, or not ours to read"
                log.info("notice.dropped", resource="cart", resource_id=pending.key[1], reason=reason)
        return found

    async def _know(self, read: CartRead) -> None:
        """Reads what the carts' rows lack."""
        if read.carts:
            products = product_ids_of(each.row for each in read.carts.values())
            await self._snapshots.categories.know(products)
            await self._snapshots.categories.know_brands(products)
            await self._snapshots.currencies.know()

    def _records(self, pending: Pending, read: CartRead) -> list[Record]:
        cart_id, news = cart_id_of(pending.key[1]), pending.cart
        found = []
        if news.abandoned_at is not None and (cart := read.carts.get(cart_id)) is not None:
            found += self._record(ABANDONED, self._abandoned(cart.row), cart.row, news.abandoned_at)
        if news.converted_at is not None and (order := read.orders.get(news.order_id)) is not None:
            found += self._record(CONVERTED, self._converted(order.row, cart_id), order.row, news.converted_at)
        return found

    def _record(self, kind: str, event: CartEvent, row: Row, at: datetime) -> list[Record]:
        found, customer_id = row.get("email") or (row.get("billing_address") or {}).get("email"), customer_id_of(row)
        email = found.strip() if isinstance(found, str) else ""
        if not customer_id and not email:
            return []  # of nobody we could name
        return [self._events.cart(kind, event, self._snapshots.owners.buyer(customer_id, email, ""), at)]

    def _abandoned(self, row: Row) -> CartEvent:
        """Amounts become the store's own currency at today's rate; an order will have its own."""
        currencies, code = self._snapshots.currencies, str((row.get("currency") or {}).get("code") or "")
        worth = currencies.worth(code)
        own = currencies.own if worth is not None else code
        if not own:
            raise Malformed("the cart names no currency")
        amounts = _Amounts(own, worth or Decimal(1))
        return CartEvent(
            cart_id=str(row["id"]),
            currency=own,
            total=amounts.of(row, "cart_amount"),
            lines=tuple(self._line(line, amounts) for line in _lines_of(row) if not line.get("parent_id")),
        )

    def _line(self, row: Row, amounts: "_Amounts") -> OrderLine:
        product_id = row.get("product_id") or 0
        known = self._snapshots.categories
        total = "extended_sale_price" if row.get("extended_sale_price") is not None else "extended_list_price"
        price = "sale_price" if row.get("sale_price") is not None else "list_price"
        return OrderLine(
            id=str(row["id"]),
            product_id=str(int(product_id)),
            quantity=int(decimal(row.get("quantity"))),
            price=amounts.of(row, price),
            total=amounts.of(row, total),
            name=normalise.text(row, "name"),
            sku=normalise.text(row, "sku"),
            brand=known.brand_of(int(product_id)),
            categories=known.of(int(product_id)),
        )

    def _converted(self, row: Row, cart_id: str) -> CartEvent:
        order = normalise.order(row, (), categories_of=self._snapshots.categories.of)
        return CartEvent(cart_id=cart_id, currency=order.currency, total=order.total, lines=order.lines)


@dataclass(frozen=True, slots=True)
class _Amounts:
    """Minor units of `currency`, of amounts in one that `rate` of makes one of it."""

    currency: str
    rate: Decimal

    def of(self, row: Row, name: str) -> int:
        try:
            return max(0, to_minor(decimal(row.get(name)) / self.rate, self.currency))
        except ValueError as error:
            raise Malformed(f"{name} is no amount") from error


def _lines_of(row: Row) -> Sequence[Mapping[str, Any]]:
    kinds = row.get("line_items")
    parts = [kinds.get(kind) for kind in _KINDS] if isinstance(kinds, dict) else []
    return [line for part in parts if isinstance(part, list) for line in part if isinstance(line, dict)]
