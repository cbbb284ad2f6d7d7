"""Orders of a customer for tests that care for a few of their fields."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from headrace.rules.model import Spend
from headrace.segmentation.codec import encode_entry, encode_lines
from headrace.segmentation.state import Entry, State

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SPEND = Spend()


def made(order_id: str, **fields: Any) -> tuple[str, Entry]:
    """A completed order of 10.00, and its id."""
    given = {"total": 1000, "subtotal": 1000, "total_excluding_tax": 1000, "units": 1, "lines": encode_lines(())}
    return order_id, Entry(revision="r", status="completed", created_at=NOW, **{**given, **fields})


def ledger_of(orders: Iterable[tuple[str, Entry]]) -> State:
    """A customer with these orders; nothing is added up yet."""
    return State("shop:7", ledger={order_id: encode_entry(entry) for order_id, entry in orders})
