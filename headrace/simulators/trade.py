"""The simulated store's orders, refunds and catalogue.

Orders flow as a storefront's do: created incomplete, then paid, each step with its webhooks. No HTTP.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal, InvalidOperation
from sys import intern
from typing import Any, Final

from headrace.simulators.people import Emit, Refused
from headrace.simulators.rows import STATUS_LABELS, BillingAddress, Line, Order, Product, Refund, RefundItem
from headrace.simulators.table import Table

UNIT: Final = 10_000
"""Ten-thousandths of a currency unit."""


def money(value: object) -> int:
    """Ten-thousandths from "2.55" or a number; raises Refused."""
    try:
        return int((Decimal(str(value)) * UNIT).to_integral_value())
    except InvalidOperation:
        raise Refused(f"{value!r} is no amount") from None


@dataclass(slots=True)
class Catalogue:
    """Products with brands and categories; ids of brands and categories are given in the order of first use."""

    products: dict[int, Product] = field(default_factory=dict)
    brands: dict[str, int] = field(default_factory=dict)
    categories: dict[str, int] = field(default_factory=dict)

    def category(self, name: str) -> int:
        """The id of the category of this name; made when there is none."""
        return self.categories.setdefault(name, len(self.categories) + 1)

    def stock(self, line: Line, categories: Sequence[str], *, availability: str = "available") -> None:
        """Make or correct the product of a line."""
        brand_id = self.brands.setdefault(line.brand, len(self.brands) + 1) if line.brand else 0
        category_ids = tuple(map(self.category, categories))
        known = self.products.get(line.product_id)
        as_it_was = None if known is None else (known.brand_id, known.category_ids, known.availability)
        if as_it_was != (brand_id, category_ids, availability):
            self.products[line.product_id] = Product(
                line.product_id, line.name, line.sku, line.price, brand_id, category_ids, availability
            )


class Trade:
    """Orders and what they sell."""

    def __init__(
        self, now: Callable[[], datetime], elapsed: Callable[[], float], emit: Emit, *, lag_s: float = 0.0
    ) -> None:
        self._now = now
        self._emit = emit
        self.orders: Table[Order] = Table(elapsed, lag_s=lag_s)
        self.catalogue = Catalogue()
        self.refund_ids: dict[int, int] = {}
        """Order id by refund id."""
        self.of_customer: dict[int, list[int]] = {}
        self._last_line = 0
        self._last_refund = 0

    def create_order(self, fields: Mapping[str, Any], *, created: datetime | None = None) -> Order:
        """Place an order: status 0 first, then its own. `fields` as the control endpoint takes them."""
        order_id = int(fields.get("id") or self.orders.next_id(100))
        if order_id in self.orders:
            raise Refused(f"order {order_id} exists")
        status_id = _status(fields.get("status_id", 11))
        now = self._now()
        lines = tuple(self.new_line(entry) for entry in fields["lines"])
        shipping = money(fields.get("shipping") or 0)
        order = Order(
            id=order_id,
            customer_id=int(fields.get("customer_id") or 0),
            status_id=0,
            created=(created or now).replace(microsecond=0),
            modified=now,
            currency=intern(str(fields.get("currency") or "GBP")),
            total=sum(line.quantity * line.price for line in lines) + shipping,
            lines=lines,
            billing=_billing(fields),
            channel_id=int(fields.get("channel_id") or 1),
            shipping=shipping,
            store_credit=money(fields.get("store_credit") or 0),
        )
        self.of_customer.setdefault(order.customer_id, []).append(order_id)
        self.orders.put(order)
        self._emit("store/order/created", {"type": "order", "id": order_id})
        self.set_status(order_id, status_id)
        return order

    def set_status(self, order_id: int, status_id: int) -> bool:
        """False, and no event, if it has that status."""
        order = self._order(order_id)
        if order.status_id == _status(status_id):
            return False
        self._change(order, status_id=status_id)
        return True

    def refund(self, order_id: int, entry: Mapping[str, Any]) -> Refund:
        """Refund units of lines, by line `index` or `line_id`; the status follows: 4 if all is refunded, else 14."""
        order = self._order(order_id)
        items = tuple(_refund_item(order, item) for item in entry.get("items", ()))
        total = money(entry["total"]) if "total" in entry else sum(item.amount for item in items)
        self._last_refund += 1
        refund = Refund(
            id=self._last_refund,
            order_id=order_id,
            created=self._now(),
            total=total,
            items=items,
            reason=str(entry.get("reason", "")),
            is_declined=bool(entry.get("is_declined", False)),
        )
        self.refund_ids[refund.id] = order_id
        refunds = (*order.refunds, refund)
        given_back = sum(each.total for each in refunds if not each.is_declined)
        status_id = _status(entry.get("status_id", 4 if given_back >= order.total else 14))
        data = {"type": "order", "id": order_id, "refund": {"refund_id": refund.id}}
        self._emit("store/order/refund/created", data)
        self._change(order, status_id=status_id, refunds=refunds)
        return refund

    def archive(self, order_id: int) -> None:
        """What DELETE does to an order."""
        order = self._order(order_id)
        self.orders.put(replace(order, archived=True, modified=self._now()))
        self._emit("store/order/archived", {"type": "order", "id": order_id})

    def move(self, order_id: int, customer_id: int) -> None:
        """What staff does who gives an order to another customer; 0 makes it a guest's."""
        order = self._order(order_id)
        self.of_customer[order.customer_id].remove(order_id)
        self.of_customer.setdefault(customer_id, []).append(order_id)
        self.orders.put(replace(order, customer_id=customer_id, modified=self._now()))
        self._emit("store/order/updated", {"type": "order", "id": order_id})

    def refund_by_id(self, refund_id: int) -> Refund | None:
        """None if unknown."""
        order = self.orders.seen(self.refund_ids.get(refund_id, 0))
        return next((each for each in order.refunds if each.id == refund_id), None) if order else None

    def _order(self, order_id: int) -> Order:
        order = self.orders.now(order_id)
        if order is None:
            raise Refused(f"no order {order_id}")
        return order

    def _change(self, order: Order, *, status_id: int, refunds: tuple[Refund, ...] | None = None) -> None:
        after = replace(
            order, status_id=status_id, refunds=order.refunds if refunds is None else refunds, modified=self._now()
        )
        self.orders.put(after)
        self._emit("store/order/updated", {"type": "order", "id": order.id})
        if status_id != order.status_id:
            status = {"previous_status_id": order.status_id, "new_status_id": status_id}
            self._emit("store/order/statusUpdated", {"type": "order", "id": order.id, "status": status})

    def new_line(self, entry: Mapping[str, Any]) -> Line:
        """A line of an order or a cart; its product is in the catalogue from now on."""
        self._last_line += 1
        line = Line(
            id=self._last_line,
            product_id=int(entry.get("product_id") or 0),
            name=intern(str(entry.get("name", ""))),
            sku=intern(str(entry.get("sku", ""))),
            brand=intern(str(entry.get("brand", ""))),
            quantity=int(entry["quantity"]),
            price=money(entry["price"]),
        )
        if line.product_id:
            categories = [str(name) for name in entry.get("categories", ())]
            self.catalogue.stock(line, categories, availability=str(entry.get("availability", "available")))
        return line


def _status(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < len(STATUS_LABELS):
        raise Refused(f"{value!r} is no status id")
    return value


def _billing(fields: Mapping[str, Any]) -> BillingAddress:
    given = fields.get("billing_address") or {}
    names = BillingAddress.__slots__
    address = {name: intern(str(given[name])) for name in names if given.get(name)}
    address.setdefault("email", str(fields.get("email") or ""))
    return BillingAddress(**address)


def _refund_item(order: Order, entry: Mapping[str, Any]) -> RefundItem:
    if "line" in entry:
        index = int(entry["line"])
        if not 0 <= index < len(order.lines):
            raise Refused(f"order {order.id} has no line {index}")
        line = order.lines[index]
    else:
        line = next((each for each in order.lines if each.id == entry.get("line_id")), order.lines[0])
    quantity = int(entry["quantity"])
    amount = money(entry["amount"]) if "amount" in entry else quantity * line.price
    return RefundItem(line.id, quantity, amount)
