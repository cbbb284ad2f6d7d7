"""The columns a file may have, and which header means which. What a cell must say is in `cells`.

The table in `docs/import.md` is this one.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

ATTRIBUTE: Final = "attribute."


@dataclass(frozen=True, slots=True)
class Column:
    """One row of the table: what it holds, an example, and other headers that mean it."""

    doc: str
    example: str
    aliases: tuple[str, ...] = ()


COLUMNS: Final[Mapping[str, Column]] = {
    "customer": Column("the customer's id in the store", "1041", ("customer id", "store id")),
    "email": Column("the e-mail address; names the customer where there is no id", "ann@example.org", ("e-mail",)),
    "erp_id": Column("the customer's number in the ERP: attribute `erp_id`", "D-20417", ("erp number", "debtor")),
    "kind": Column("`B2B` or `B2C`: attribute `kind`", "B2B", ("customer kind", "customer type")),
    "group": Column("the group the customer is pinned to: its name, or its `erp_id` in the rules", "W-1", ("pin",)),
    "reason": Column("why it is pinned there; without it, the file's name", "framework contract", ("pin reason",)),
    "until": Column("when the pin ends by itself", "2027-01-31", ("pin until",)),
    "created_at": Column("when the account was made", "2019-05-17", ("created", "customer since")),
    "modified_at": Column("when the customer last changed; leave it out where the store is the source", "2026-02-01"),
    "first_name": Column("first name", "Ann"),
    "last_name": Column("last name", "Example", ("surname",)),
    "phone": Column("telephone", "+44 20 7946 0000", ("telephone",)),
    "company": Column("company", "Example Ltd"),
    "birthday": Column("birthday", "1990-05-17"),
    "country": Column("country of the address, as ISO code or name", "GB"),
    "state": Column("state or county of the address", "Yorkshire"),
    "city": Column("city of the address", "Leeds"),
    "postcode": Column("postcode of the address", "LS1 4AB", ("zip", "postal code")),
    "subscribed": Column("newsletter consent: `yes` or `no`", "yes", ("newsletter",)),
    "order": Column("the order's id; rows of one order stand together, one for each line", "A-7001", ("order id",)),
    "ordered_at": Column("when the order was made", "2024-11-02", ("order date",)),
    "status": Column("the order's status, `completed` without it", "completed", ("order status",)),
    "total": Column("what the order cost, tax included; without it, the sum of its lines", "129.90", ("order total",)),
    "currency": Column("of the amounts; without it --currency, or that of the rules in force", "GBP"),
    "sku": Column("the line's SKU", "MUG-1"),
    "product": Column("the store's id of the line's product", "77", ("product id",)),
    "name": Column("the line's product name", "Mug", ("product name",)),
    "brand": Column("the line's brand", "Bijou"),
    "categories": Column("the line's categories, with `|` between them", "Kitchen|Gifts", ("category",)),
    "quantity": Column("units on the line, 1 without it", "2", ("qty",)),
    "price": Column("price of one unit", "12.95", ("unit price",)),
    "line_total": Column("what the line cost; without it, price times quantity", "25.90"),
}
ATTRIBUTE_DOC: Final = "all values of the attribute, with `|` between them; `-` takes all away"
LINE: Final = ("sku", "product", "name", "brand", "categories", "quantity", "price", "line_total")
ORDER: Final = ("order", "ordered_at", "status", "total", "currency", *LINE)
ADDRESS: Final = ("country", "state", "city", "postcode")
FACTS: Final = (
    *("created_at", "modified_at", "first_name", "last_name", "phone", "company", "birthday", "subscribed"),
    *ADDRESS,
)


class BadHeader(ValueError):
    """The file cannot be read by these headers. `hint`: what to do."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Header:
    """What stands in which place: names of `COLUMNS`, `attribute.<name>`, or None for what is left out."""

    fields: tuple[str | None, ...]
    written: Mapping[str, str] = field(default_factory=dict)
    """By field, the header as it is written in the file."""
    ignored: tuple[str, ...] = ()


def read_header(written: Sequence[str], mapping: Mapping[str, str]) -> Header:
    """The fields of these headers. `mapping`: headers of the file's own -> fields. Raises `BadHeader`."""
    own = {_plain(name): target for name, target in mapping.items()}
    if unknown := [name for name in mapping if _plain(name) not in {*map(_plain, written)}]:
        raise BadHeader(f"--map: the file has no column {unknown[0]!r}", f"it has: {', '.join(written)}")
    if nothing := [target for target in mapping.values() if field_of(target) is None]:
        raise BadHeader(f"--map: there is no column {nothing[0]!r}", f"columns are: {', '.join(COLUMNS)}")
    fields: list[str | None] = []
    names: dict[str, str] = {}
    for header in written:
        found = field_of(own.get(_plain(header), header))
        if found is not None and found in names:
            raise BadHeader(f"columns {names[found]!r} and {header!r} both mean {found}", "leave one of them out")
        fields.append(found)
        if found is not None:
            names[found] = header
    if "customer" not in names and "email" not in names:
        raise BadHeader(
            "no column says who the customer is",
            "name a column customer or email, or say which it is: --map 'Debitor=customer'",
        )
    ignored = tuple(header for header, found in zip(written, fields, strict=True) if found is None)
    return Header(tuple(fields), names, ignored)


def field_of(header: str) -> str | None:
    """The field that a header means, in any case and with spaces, `_` or `-` between its words; None: none."""
    text = header.strip()
    if text.lower().startswith(ATTRIBUTE) and len(text) > len(ATTRIBUTE):
        return ATTRIBUTE + text[len(ATTRIBUTE) :].strip()
    return _MEANING.get(_plain(text))


def _plain(header: str) -> str:
    return re.sub(r"[\s_\-]+", " ", header.strip().lower())


_MEANING: Final = {_plain(each): name for name, column in COLUMNS.items() for each in (name, *column.aliases)}
