"""What every BigCommerce request is made with: its limits, filters and dates. Source: design/vendors.md 2.1."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from headrace.platforms.http import Request

PAGE_LIMIT: Final = 250
WRITE_LIMIT: Final = 10
"""Customers, and customers' attribute values, per call."""
INCLUDED_ADDRESSES: Final = 10
"""`include=addresses` is capped; more are read with `addresses_of`."""
IDS_PER_CALL: Final = 250
"""Ids in one `:in` filter: keeps the address of a call under 4 kB."""


def get(path: str, *params: tuple[str, object]) -> Request:
    """A reading call; values are written as text."""
    return Request("GET", path, params=tuple((name, str(value)) for name, value in params))


def ids_of(values: Iterable[object]) -> str:
    """The value of an `:in` filter."""
    return ",".join(str(value) for value in values)


def iso(at: datetime) -> str:
    """A moment in whole seconds, UTC, as both versions read it in filters."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def check_size(count: int, limit: int = WRITE_LIMIT) -> None:
    """Raises ValueError for a call about nothing, or about more than the vendor takes at once."""
    if not 1 <= count <= limit:
        raise ValueError(f"1 to {limit} in one call, not {count}")
