"""A real shop's invoice lines, read as orders and refunds by stated rules, every skipped line counted.

Made-up people, the simulator's operations and the expected result are built from this elsewhere.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Final, NamedTuple

from headrace.demo.table import Row, read_rows

FIRST_ORDER_ID: Final = 100
NO_GOODS: Final = frozenset(
    ["POST", "D", "M", "DOT", "C2", "C3", "S", "B", "CRUK", "BANK CHARGES", "AMAZONFEE", "ADJUST", "ADJUST2"]
)
"""Codes of postage, discounts, manual entries, samples, donations, fees and bookkeeping."""
NO_GOODS_PREFIXES: Final = ("TEST", "GIFT")
"""Test entries and gift vouchers."""


class Line(NamedTuple):
    """One line of an order; the price is pence per unit."""

    sku: str
    quantity: int
    price_minor: int


class RefundItem(NamedTuple):
    """Units taken back on one line of the order, `line` counted from 0; the amount is pence for all of them."""

    line: int
    quantity: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Order:
    """`customer` 0 is a guest. `at` is the time of the invoice's first line; ids run from 100 in time order."""

    id: int
    invoice: str
    at: datetime
    customer: int
    country: str
    lines: tuple[Line, ...]

    @property
    def total_minor(self) -> int:
        """Pence, before refunds."""
        return sum(line.quantity * line.price_minor for line in self.lines)

    @property
    def units(self) -> int:
        """Units of all lines, before refunds."""
        return sum(line.quantity for line in self.lines)


@dataclass(frozen=True, slots=True)
class Refund:
    """What one cancellation invoice took back of one order. `whole`: nothing of the order is left after it."""

    order_id: int
    invoice: str
    at: datetime
    items: tuple[RefundItem, ...]
    whole: bool

    @property
    def amount_minor(self) -> int:
        """Pence."""
        return sum(item.amount_minor for item in self.items)


@dataclass(frozen=True, slots=True)
class Counts:
    """What the reading found. Every invoice is one of order, cancellation, adjustment, without goods.

    Every line is one of order line, matched, unmatched, or skipped under the name of its rule.
    """

    invoices: int
    orders: int
    guest_orders: int
    cancellation_invoices: int
    adjustment_invoices: int
    invoices_without_goods: int
    lines: int
    order_lines: int
    refunds: int
    refund_lines_matched: int
    refund_lines_unmatched: int
    skipped: dict[str, int]

    def as_report(self) -> dict[str, object]:
        """The `data` object of `headrace demo --json`; `refunds_matched` counts lines, as its neighbour does."""
        return {
            "invoices": self.invoices,
            "orders": self.orders,
            "guest_orders": self.guest_orders,
            "cancellation_invoices": self.cancellation_invoices,
            "refunds": self.refunds,
            "refunds_matched": self.refund_lines_matched,
            "refund_lines_unmatched": self.refund_lines_unmatched,
            "skipped": {
                "adjustment_invoices": self.adjustment_invoices,
                "invoices_without_goods": self.invoices_without_goods,
                **self.skipped,
            },
        }


@dataclass(frozen=True, slots=True)
class Shop:
    """Orders and refunds in time order (`events`), the name of each stock code, and the counts."""

    events: tuple[Order | Refund, ...]
    names: dict[str, str]
    counts: Counts

    @property
    def orders(self) -> tuple[Order, ...]:
        """In time order."""
        return tuple(event for event in self.events if isinstance(event, Order))

    @property
    def refunds(self) -> tuple[Refund, ...]:
        """In time order."""
        return tuple(event for event in self.events if isinstance(event, Refund))


def read_shop(path: Path, *, orders: int | None = None) -> Shop:
    """Read a parquet or CSV file with the columns of "Online Retail II"; `orders` stops after that many orders.

    Raises ShopError for a file that cannot be read so.
    """
    return _shop(read_rows(path), orders)


@dataclass(slots=True)
class _Left:
    """What can still be cancelled of one order line."""

    order: int
    line: int
    quantity: int
    price_minor: int


@dataclass(slots=True)
class _Reading:
    """The counts and open lines while a file is read."""

    lines: Counter[str] = field(default_factory=Counter)
    invoices: Counter[str] = field(default_factory=Counter)
    events: list[Order | Refund] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    next_id: int = FIRST_ORDER_ID
    open_lines: defaultdict[tuple[int, str], list[_Left]] = field(default_factory=lambda: defaultdict(list))
    units_left: dict[int, int] = field(default_factory=dict)


def _shop(rows: Iterable[Row], limit: int | None) -> Shop:
    reading = _Reading()
    for invoice in _invoices(rows, reading):
        kind = invoice[0].invoice[:1].upper()
        if kind == "A":
            _adjustment(reading, invoice)
        elif kind == "C":
            _cancellation(reading, invoice)
        elif not _order(reading, invoice, limit):
            break
    return Shop(tuple(reading.events), reading.names, _counts(reading))


def _invoices(rows: Iterable[Row], reading: _Reading) -> Iterator[list[Row]]:
    """The lines of each invoice, invoices by the time of their first line; lines that lack a value are counted."""
    invoices: dict[str, list[Row]] = {}
    for row in rows:
        if row.complete:
            invoices.setdefault(row.invoice, []).append(row)
        else:
            reading.lines["incomplete"] += 1
    return iter(sorted(invoices.values(), key=lambda invoice: invoice[0].at))


def _adjustment(reading: _Reading, invoice: list[Row]) -> None:
    reading.invoices["adjustment"] += 1
    reading.lines["adjustment"] += len(invoice)


def _order(reading: _Reading, invoice: list[Row], limit: int | None) -> bool:
    """Take an invoice as an order; false when the limit is reached (it is then not counted)."""
    skipped: Counter[str] = Counter()
    lines = []
    for row in invoice:
        sku, price_minor = stock_code(row.stock_code), pence(row.price)
        if reason := _skipped(sku, price_minor, "" if row.quantity > 0 else "negative_without_c"):
            skipped[reason] += 1
            continue
        lines.append(Line(sku, row.quantity, price_minor))
    if lines and limit is not None and reading.invoices["order"] >= limit:
        return False
    reading.lines.update(skipped)
    if not lines:
        reading.invoices["without_goods"] += 1
        return True
    first = invoice[0]
    order = Order(reading.next_id, first.invoice, as_time(first.at), first.customer, first.country, tuple(lines))
    reading.next_id += 1
    reading.invoices["order"] += 1
    reading.invoices["guest"] += not order.customer
    reading.lines["order"] += len(lines)
    reading.events.append(order)
    _note_names(reading, invoice)
    if order.customer:
        _open(reading, order)
    return True


def _note_names(reading: _Reading, invoice: list[Row]) -> None:
    for row in invoice:
        if row.description:
            reading.names.setdefault(stock_code(row.stock_code), row.description.strip())


def _open(reading: _Reading, order: Order) -> None:
    reading.units_left[order.id] = order.units
    for index, line in enumerate(order.lines):
        left = _Left(order.id, index, line.quantity, line.price_minor)
        reading.open_lines[order.customer, line.sku].append(left)


def _cancellation(reading: _Reading, invoice: list[Row]) -> None:
    reading.invoices["cancellation"] += 1
    items: dict[int, list[RefundItem]] = {}
    for row in invoice:
        sku, price_minor = stock_code(row.stock_code), pence(row.price)
        if reason := _skipped(sku, price_minor, "" if row.quantity < 0 else "positive_with_c"):
            reading.lines[reason] += 1
        elif (left := _take(reading, row.customer, sku, -row.quantity)) is None:
            reading.lines["unmatched"] += 1
        else:
            reading.lines["matched"] += 1
            item = RefundItem(left.line, -row.quantity, -row.quantity * left.price_minor)
            items.setdefault(left.order, []).append(item)
    first = invoice[0]
    for order_id, taken in items.items():
        reading.units_left[order_id] -= sum(item.quantity for item in taken)
        whole = reading.units_left[order_id] == 0
        reading.events.append(Refund(order_id, first.invoice, as_time(first.at), _merged(taken), whole))


def _take(reading: _Reading, customer: int, sku: str, quantity: int) -> _Left | None:
    """The customer's latest order line with this stock code and enough left; guests have no earlier orders."""
    if not customer:
        return None
    for left in reversed(reading.open_lines.get((customer, sku), [])):
        if left.quantity >= quantity:
            left.quantity -= quantity
            return left
    return None


def _merged(items: list[RefundItem]) -> tuple[RefundItem, ...]:
    """One item a line: an invoice may cancel the same line twice."""
    merged: dict[int, RefundItem] = {}
    for item in items:
        before = merged.get(item.line, RefundItem(item.line, 0, 0))
        merged[item.line] = RefundItem(
            item.line, before.quantity + item.quantity, before.amount_minor + item.amount_minor
        )
    return tuple(merged.values())


def _skipped(sku: str, price_minor: int, wrong_sign: str) -> str:
    """The name of the first rule that skips a line, or ""."""
    if sku in NO_GOODS or sku.startswith(NO_GOODS_PREFIXES):
        return "no_goods"
    return wrong_sign or ("price_zero" if price_minor <= 0 else "")


_CODES: dict[str, str] = {}


def stock_code(text: str) -> str:
    """A stock code as we compare it: `85123a` and `85123A ` are one product."""
    code = _CODES.get(text)
    if code is None:
        code = _CODES[text] = text.strip().upper()
    return code


_PENCE: dict[float, int] = {}


def pence(price: float) -> int:
    """Pence of a price in pounds, rounded half up by its shortest decimal text."""
    minor = _PENCE.get(price)
    if minor is None:
        minor = _PENCE[price] = int((Decimal(repr(price)) * 100).quantize(Decimal(1), rounding=ROUND_HALF_UP))
    return minor


def as_time(text: str) -> datetime:
    """The file's local-looking time, read as UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _counts(reading: _Reading) -> Counts:
    invoices, lines = reading.invoices, reading.lines
    told = {"order", "matched", "unmatched"}
    return Counts(
        invoices=sum(invoices[kind] for kind in ("order", "cancellation", "adjustment", "without_goods")),
        orders=invoices["order"],
        guest_orders=invoices["guest"],
        cancellation_invoices=invoices["cancellation"],
        adjustment_invoices=invoices["adjustment"],
        invoices_without_goods=invoices["without_goods"],
        lines=lines.total(),
        order_lines=lines["order"],
        refunds=sum(isinstance(event, Refund) for event in reading.events),
        refund_lines_matched=lines["matched"],
        refund_lines_unmatched=lines["unmatched"],
        skipped={f"{name}_lines": count for name, count in sorted(lines.items()) if name not in told and count},
    )
