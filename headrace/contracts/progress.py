"""How far the change feed of a store has come: kept by ingest beside the owners, read by `headrace backfill`."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

Phase = Literal["customers", "orders", "changes", "clock"]
"""`clock`: a store without a change feed, of which only the time is told."""


class Progress(Struct, frozen=True):
    """`changed_until`: all changes before it are published (the clock); it starts before the backfill does.

    `customers` and `orders`: rows of the backfill that are published; the totals are what the store counted when it
    began, 0 = not known. The seconds are real ones, spent at the rows of each kind.
    """

    phase: Phase
    changed_until: datetime
    customer_cursor: str | None = None
    """Behind which the next page of a backfill's customers stands; None for the first."""
    order_id: int = 0
    """The last order a backfill has published."""
    customers: int = 0
    orders: int = 0
    backfilled: bool = False
    """A backfill was completed: it is not done twice."""
    customers_total: int = 0
    orders_total: int = 0
    customer_seconds: float = 0.0
    order_seconds: float = 0.0


def feed_key(store: str) -> bytes:
    """The record's key in `headrace.owners`, which no owner has."""
    return f"~feed:{store}".encode()


def eta_s(progress: Progress) -> float | None:
    """Real seconds until the backfill is done, at the pace so far; 0 when it is. None: nothing to tell it by.

    Before the first order is there, orders are taken to be as fast as customers.
    """
    if progress.phase in ("changes", "clock"):
        return 0.0
    customer_s = _each(progress.customer_seconds, progress.customers)
    order_s = _each(progress.order_seconds, progress.orders) or customer_s
    if not progress.orders_total or order_s is None:
        return None
    left = max(0, progress.orders_total - progress.orders) * order_s
    if progress.phase == "customers":
        left += max(0, progress.customers_total - progress.customers) * (customer_s or 0.0)
    return left


def _each(seconds: float, rows: int) -> float | None:
    return seconds / rows if rows and seconds else None
