"""Time: how long ago something happened, in whole days of the store's calendar or in exact hours.

Every test has an *edge*, the one moment its value changes with time alone. Unset is None and fails both tests.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from headrace.rules.model import Duration, Leaf
from headrace.segmentation.conditions import text

Edge = Callable[[datetime], datetime | None]
"""From when a thing happened to when it is older than the span; None: not within the calendar."""
TimeTest = Callable[[datetime | None, datetime | None], bool]
"""On when it happened (None: it did not), and now (None: the store's time is not known yet)."""

SPANS: Final = ("within_last", "older_than")
OPERATORS: Final = (*SPANS, "is_set", "is_unset")


def edge_of(span: Duration, timezone: str) -> Edge:
    """`36 hours`: exactly those later. `90 days`: when the 91st day after the day it happened on begins in the zone.

    So a thing is not older than 90 days through the whole of the 90th day, whatever the hour it happened at.
    """
    if span.unit == "hour":
        exact = timedelta(hours=span.count)
        return lambda at: _later(at, exact)
    zone = ZoneInfo(timezone)
    whole = timedelta(days=span.count + 1)

    @lru_cache(maxsize=4096)  # one decision asks for the same moment several times
    def midnight(at: datetime) -> datetime | None:
        try:
            return _midnight(at.astimezone(zone).date() + whole, zone)
        except OverflowError:
            return None

    return midnight


def compile_test(leaf: Leaf, timezone: str) -> TimeTest:
    """The test of a leaf, parsed once. Raises ValueError for an operator the family does not have."""
    if leaf.operator in ("is_set", "is_unset"):
        wanted = leaf.operator == "is_set"
        return lambda value, now: (value is not None) is wanted
    edge = _edge(leaf, timezone)
    older = leaf.operator == "older_than"
    return lambda value, now: value is not None and _passed(edge(value), now) is older


def compile_next(leaf: Leaf, timezone: str) -> Callable[[datetime | None, datetime | None], datetime | None]:
    """When the test's value changes next, given when it happened and now; None: never by time alone."""
    if leaf.operator not in SPANS:
        return lambda value, now: None
    edge = _edge(leaf, timezone)

    def following(value: datetime | None, now: datetime | None) -> datetime | None:
        due = None if value is None else edge(value)
        return None if due is None or _passed(due, now) else due

    return following


def evaluate(value: datetime | None, now: datetime | None, leaf: Leaf, timezone: str) -> bool:
    """Whether a moment meets the leaf."""
    return compile_test(leaf, timezone)(value, now)


def explain(leaf: Leaf) -> str:
    """`customer.last_order_at older than 90 days`."""
    if isinstance(leaf.operand, Duration):
        plural = "" if leaf.operand.count == 1 else "s"
        return f"{leaf.field} {leaf.operator.replace('_', ' ')} {leaf.operand.count} {leaf.operand.unit}{plural}"
    return text.explain(leaf)


def _edge(leaf: Leaf, timezone: str) -> Edge:
    if leaf.operator not in SPANS or not isinstance(leaf.operand, Duration):
        raise ValueError(f"no operator {leaf.operator!r} on a time with {leaf.operand!r}")
    return edge_of(leaf.operand, timezone)


def _passed(edge: datetime | None, now: datetime | None) -> bool:
    return edge is not None and now is not None and now >= edge


def _later(at: datetime, span: timedelta) -> datetime | None:
    try:
        return at.astimezone(UTC) + span
    except OverflowError:
        return None


@lru_cache(maxsize=4096)
def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """When a day begins. Where clocks skip midnight, the day begins when they are put forward."""
    return datetime.combine(day, time_of_day.min, tzinfo=zone).astimezone(UTC)
