"""What a row says that is exported for a customer: facts of the moment its entry acted, and nothing personal.

How to reach the customer is not among them: whoever writes the row knows that from `actions.contact`.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from headrace.rules.catalogue import FIELDS
from headrace.rules.effects import CONTACT_COLUMNS, EXTRA_COLUMNS
from headrace.rules.model import Leaf, Send
from headrace.segmentation.conditions.terms import Terms
from headrace.segmentation.explaining.values import reader_of
from headrace.segmentation.facts import Facts

Row = tuple[tuple[str, Callable[[Facts], Any]], ...]
"""Columns, each with what reads it."""


def compile_row(send: Send, terms: Terms) -> Row:
    """The columns of an `export_row` that facts fill; of other effects none."""
    columns = send.with_.get("columns", ()) if send.kind == "export_row" else ()
    return tuple((name, _reader(name, terms)) for name in columns if name not in (*EXTRA_COLUMNS, *CONTACT_COLUMNS))


def read_row(row: Row, facts: Facts) -> dict[str, Any]:
    """As JSON carries it."""
    return {name: read(facts) for name, read in row}


def with_row(send: Send, row: dict[str, Any], *, customer: str, at: datetime, cause: str) -> dict[str, Any]:
    """What the effect is told, with its row in the order of its columns; of other effects what the rule says."""
    columns: Iterable[str] = send.with_.get("columns", ())
    if send.kind != "export_row":
        return send.with_
    known = {**row, "customer": customer, "at": _as_text(at), "cause": cause}
    return {**send.with_, "row": {name: known[name] for name in columns if name in known}}


def _reader(name: str, terms: Terms) -> Callable[[Facts], Any]:
    read = reader_of(Leaf(field=name, operator="is_set"), terms)
    if name in FIELDS and FIELDS[name].family == "money":
        return lambda facts: _money(read(facts), terms.currency)
    return lambda facts: _plain(read(facts))


def _money(value: Any, currency: str) -> dict[str, Any] | None:
    return None if value is None else {"amount_minor": value, "currency": currency}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return _as_text(value)
    return list(value) if isinstance(value, tuple) else value


def _as_text(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
