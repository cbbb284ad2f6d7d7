"""Rows as facts: who it is about, what of the customer, and which order. Pure.

A row that is wrong anywhere is refused whole, an order with any of its rows.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from headrace.contracts.events import (
    Address,
    CustomerPersonal,
    CustomerPinned,
    CustomerSnapshot,
    OrderLine,
    OrderPersonal,
    OrderSnapshot,
)
from headrace.rules.findings import did_you_mean
from headrace.rules.model import Group
from services.ingest.importing import cells
from services.ingest.importing.cells import Bad
from services.ingest.importing.columns import ADDRESS, ATTRIBUTE, FACTS, LINE, ORDER
from services.ingest.importing.reading import Row

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Setting:
    """What rows are read by. `as_of`: when the file was true. `groups`: None where no rules are at hand."""

    store: str
    as_of: datetime
    zone: ZoneInfo
    currency: str = ""
    groups: Sequence[Group] | None = ()
    reason: str = "imported"


@dataclass(frozen=True, slots=True)
class Who:
    """The store's id, the address, or both."""

    customer: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What one row says of its customer. `snapshot` is for customers with an account only."""

    who: Who
    snapshot: CustomerSnapshot | None = None
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    pin: CustomerPinned | None = None


def customer_of(row: Row, setting: Setting) -> Facts:
    """Raises `Bad`."""
    found = row.cells
    who = who_of(found, setting)
    attributes = {
        name.removeprefix(ATTRIBUTE): cells.values(name, text)
        for name, text in found.items()
        if name.startswith(ATTRIBUTE)
    }
    for name in attributes:
        cells.plain(ATTRIBUTE + name, name, limit=100)
    if erp_id := found.get("erp_id"):
        attributes["erp_id"] = (cells.plain("erp_id", erp_id),)
    kind = cells.kind(found["kind"]) if "kind" in found else ""
    if kind:
        attributes["kind"] = (kind,)
    return Facts(who, _snapshot(found, who, setting), attributes, _pin(found, who, kind, setting))


def who_of(found: Mapping[str, str], setting: Setting) -> Who:
    """Raises `Bad` where nobody is named."""
    customer = cells.customer_id(found["customer"], setting.store) if "customer" in found else ""
    email = cells.email(found["email"]) if "email" in found else ""
    if not customer and not email:
        raise Bad("customer", "nobody", "is empty, and so is the e-mail address", "write one of the two")
    return Who(customer, email)


def _snapshot(found: Mapping[str, str], who: Who, setting: Setting) -> CustomerSnapshot | None:
    if not any(name in found for name in FACTS) and not (who.customer and who.email):
        return None

    def at(name: str) -> datetime:
        return cells.moment(name, found[name], setting.zone, setting.as_of) if name in found else EPOCH

    def text(name: str) -> str:
        return cells.plain(name, found.get(name, ""))

    place = Address(**{name: text(name) for name in ("state", "city", "postcode")}, **_country(text("country")))
    return CustomerSnapshot(
        customer_id=who.customer,
        created_at=at("created_at"),
        modified_at=at("modified_at"),
        email_domain=who.email.rpartition("@")[2].lower(),
        company=text("company"),
        subscribed=cells.yes_or_no("subscribed", found["subscribed"]) if "subscribed" in found else None,
        addresses=(place,) if any(name in found for name in ADDRESS) else (),
        personal=CustomerPersonal(
            email=who.email or None,
            first_name=text("first_name") or None,
            last_name=text("last_name") or None,
            phone=text("phone") or None,
            birthday=cells.day("birthday", found["birthday"]) if "birthday" in found else None,
        ),
    )


def _country(text: str) -> dict[str, str]:
    return {"country_code": text} if len(text) == 2 and text.isupper() else {"country": text}


def _pin(found: Mapping[str, str], who: Who, kind: str, setting: Setting) -> CustomerPinned | None:
    if "group" not in found:
        if name := next((name for name in ("reason", "until") if name in found), ""):
            raise Bad(name, "no_group", "is of a pin, and there is no group", "write the group, or leave this empty")
        return None
    group = _group(found["group"], setting)
    if kind and group.kind is not None and group.kind != kind:
        raise Bad("group", "wrong_kind", f"is a {group.kind} group, the row says {kind}", "correct one of the two")
    ends = cells.moment("until", found["until"], setting.zone) if "until" in found else None
    if ends is not None and ends <= setting.as_of:
        raise Bad("until", "over", "is over already", "write a later time, or leave the group out")
    reason = cells.plain("reason", found.get("reason", setting.reason), limit=500)
    return CustomerPinned(group=group.name, reason=reason, until=ends)


def _group(text: str, setting: Setting) -> Group:
    if setting.groups is None:
        return Group(name=cells.plain("group", text))
    for known in setting.groups:
        if text in (known.name, known.erp_id):
            return known
    names = [known.name for known in setting.groups] + [known.erp_id for known in setting.groups if known.erp_id]
    hint = did_you_mean(text, names, otherwise=f"groups are: {', '.join(names) or 'none'}")
    raise Bad("group", "unknown_group", "is no group of the rules in force", hint)


@dataclass(frozen=True, slots=True)
class Order:
    """A whole order, and whose it is."""

    who: Who
    snapshot: OrderSnapshot


def has_order(row: Row) -> bool:
    """The row is of an order. Raises `Bad` for a line without one."""
    if "order" in row.cells:
        return True
    name = next((name for name in ORDER if name in row.cells and name != "currency"), "")
    if name or row.lines:
        raise Bad(name or "order", "no_order", "is of an order, and the order has no id", "write the order's id")
    return False


def order_of(rows: Sequence[Row], setting: Setting) -> Order:
    """The order that these rows are the lines of. Raises `Bad`; where it is not about the first row, `row` says so."""
    first = rows[0].cells
    order_id = cells.plain("order", first["order"], limit=100)
    who = who_of(first, setting)
    currency = cells.currency_code(first.get("currency") or setting.currency or "?")
    if "ordered_at" not in first:
        raise Bad("ordered_at", "missing", "is empty", "write when the order was made, such as 2024-11-02")
    made = cells.moment("ordered_at", first["ordered_at"], setting.zone, setting.as_of)
    lines: list[OrderLine] = []
    for row in rows:
        with _about(row):
            _same(first, row)
            parts = [part for part in (*row.lines, row.cells) if any(name in part for name in LINE)]
            lines += [_line(number, part, currency) for number, part in enumerate(parts, start=len(lines) + 1)]
    total = _total(first, lines, currency)
    return Order(
        who,
        OrderSnapshot(
            order_id=order_id,
            status=cells.status(first["status"]) if "status" in first else "completed",  # type: ignore[arg-type]  # one of them
            created_at=made,
            modified_at=made,
            currency=currency,
            total=total,
            subtotal=total,
            total_excluding_tax=total,
            lines=tuple(lines),
            personal=OrderPersonal(email=who.email) if who.email else None,
        ),
    )


@contextmanager
def _about(row: Row) -> Iterator[None]:
    try:
        yield
    except Bad as error:
        error.row = row.number
        raise


def _same(first: Mapping[str, str], row: Row) -> None:
    for name in ("customer", "email", "ordered_at", "status", "total", "currency"):
        if name in row.cells and row.cells[name] != first.get(name):
            raise Bad(name, "differs", "differs from the order's first row", "write the same in all rows of an order")


def _total(first: Mapping[str, str], lines: Sequence[OrderLine], currency: str) -> int:
    if "total" in first:
        return cells.amount("total", first["total"], currency)
    if not lines:
        raise Bad("total", "missing", "is empty, and the order has no lines", "write what the order cost")
    return sum(line.total for line in lines)


def _line(number: int, part: Mapping[str, str], currency: str) -> OrderLine:
    def text(name: str) -> str:
        return cells.plain(name, part.get(name, ""))

    quantity = cells.units(part["quantity"]) if "quantity" in part else 1
    price = cells.amount("price", part["price"], currency) if "price" in part else None
    total = cells.amount("line_total", part["line_total"], currency) if "line_total" in part else None
    if price is None and total is None:
        raise Bad("price", "missing", "is empty, and so is line_total", "write one of the two")
    total = (price or 0) * quantity if total is None else total
    return OrderLine(
        id=str(number),
        product_id=text("product") or text("sku") or "0",
        quantity=quantity,
        price=total // quantity if price is None else price,
        total=total,
        name=text("name"),
        sku=text("sku"),
        brand=text("brand"),
        categories=cells.values("categories", part["categories"]) if "categories" in part else (),
    )
