"""What the demo's verification takes from `headrace.events`: the latest of each order, latched rules, kept rungs.

These depend on what the log held when (an order is placed once, however it changes later); all else is computed from
the scenario in `oracle.py`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from headrace.demo.rungs import Counted, Loyalty, Rhythm
from headrace.demo.thanks import Spender

BULK_ABOVE_UNITS: Final = 500
LATCHING_BRAND: Final = "Bijou"

_NOT_COUNTED: Final = ("incomplete", "refunded")

DecodedEvent = Mapping[str, Any]
"""An event of the topic as its JSON says."""


@dataclass(slots=True)
class SeenOrder:
    """The newest snapshot of one order; amounts in pence."""

    revision: str
    subject: str
    status: str = "incomplete"
    total_minor: int = 0
    refunded_minor: int = 0
    placed: bool = False
    refund_ids: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Latched:
    """Which of the rules that latch a customer (by subject, `store:customer`) has met."""

    bulk_buyer: bool = False
    bijou_buyer: bool = False
    returner: bool = False


@dataclass(slots=True)
class LogFold:
    """The log so far, by order id and subject. `stale`: snapshots no newer than what was there."""

    orders: dict[str, SeenOrder] = field(default_factory=dict)
    latched: dict[str, Latched] = field(default_factory=dict)
    loyalty: dict[str, Loyalty] = field(default_factory=dict)
    rhythm: dict[str, Rhythm] = field(default_factory=dict)
    spenders: dict[str, Spender] = field(default_factory=dict)
    customers: set[str] = field(default_factory=set)
    records: int = 0
    stale: int = 0


def fold_log(events: Iterable[DecodedEvent]) -> LogFold:
    """Fold events in log order within each partition; partitions may follow one another or interleave.

    What an event has under `clock` is where the store's clock stood before it, if that had begun.
    """
    fold = LogFold()
    for event in events:
        fold.records += 1
        if event["type"] == "order.snapshot":
            _order(fold, event)
        elif event["type"] == "customer.snapshot":
            fold.customers.add(event["subject"])
            told, revision = event["data"].get("subscribed"), event.get("headracerevision") or ""
            fold.spenders.setdefault(event["subject"], Spender()).told(told, revision)
    return fold


def _order(fold: LogFold, event: DecodedEvent) -> None:
    subject, data, revision = event["subject"], event["data"], event.get("headracerevision") or ""
    order_id = str(data["order_id"])
    seen = fold.orders.get(order_id)
    if seen is None or seen.subject != subject:
        seen = fold.orders[order_id] = SeenOrder("", subject)
    elif revision <= seen.revision:
        fold.stale += 1
        return
    refunds = data.get("refunds", ())
    seen.revision, seen.status = revision, data["status"]
    seen.total_minor = data["total"]
    seen.refunded_minor = sum(refund["amount"] for refund in refunds)
    _latch(fold.latched.setdefault(subject, Latched()), seen, data)
    counts = seen.status not in _NOT_COUNTED
    minor = max(0, seen.total_minor - seen.refunded_minor) if counts else 0
    counted = Counted(datetime.fromisoformat(data["created_at"]), minor, counts)
    for climber in (fold.loyalty.setdefault(subject, Loyalty()), fold.rhythm.setdefault(subject, Rhythm())):
        climber.ordered(order_id, counted, event.get("clock"))
    spender = fold.spenders.setdefault(subject, Spender())
    spender.ordered(order_id, minor, event["headraceorigin"], event.get("clock"))


def _latch(latched: Latched, seen: SeenOrder, data: Mapping[str, Any]) -> None:
    lines = data.get("lines", ())
    if not seen.placed and seen.status != "incomplete":
        seen.placed = True
        latched.bulk_buyer |= sum(line["quantity"] for line in lines) > BULK_ABOVE_UNITS
    if seen.placed:  # a line added later is a product ordered too
        latched.bijou_buyer |= any(line.get("brand", "") == LATCHING_BRAND for line in lines)
    ids = {str(refund["id"]) for refund in data.get("refunds", ())}
    latched.returner |= bool(ids - seen.refund_ids)
    seen.refund_ids |= ids
