"""Numbers that grow with time: whole days since an account or an order was made, whole years since a birthday.

A day that has not come yet is no time ago: 0, and so it is without a clock. Without such a day the number is unset.
"""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Final, Literal
from zoneinfo import ZoneInfo

from headrace.segmentation.conditions import time
from headrace.segmentation.conditions.change import TIME, Bounds, CompiledNumber
from headrace.segmentation.days import begins_or_none, day_of, later, yearly
from headrace.segmentation.facts import Facts, depends_on

Unit = Literal["day", "year"]
SINCE: Final[dict[str, tuple[str, Unit]]] = {
    "customer.account_age": ("customer.created_at", "day"),
    "customer.days_since_last_order": ("customer.last_order_at", "day"),
    "customer.age": ("customer.birthday", "year"),
}
"""Number -> the time it is counted from, and in what."""


def compile_age(field: str, timezone: str) -> CompiledNumber:
    """The reader of one of `SINCE`."""
    source, unit = SINCE[field]
    zone, since = ZoneInfo(timezone), time.reader(source, timezone)

    def read(facts: Facts) -> int | None:
        at = since(facts)
        return None if at is None else _passed(day_of(at, zone), facts.now, unit, zone)

    def following(facts: Facts, bounds: Bounds) -> Iterator[tuple[datetime, int]]:
        at = since(facts)
        if at is None:
            return
        day, now = day_of(at, zone), facts.now
        for count in sorted({value for bound in bounds for value in (bound, bound + 1) if value > 0}):
            moment = begins_or_none(later(day, count, unit), zone)
            if moment is not None and (now is None or moment > now):
                yield moment, _passed(day, moment, unit, zone)

    return CompiledNumber(read, frozenset({depends_on(source), TIME}), following)


def _passed(day: date, now: datetime | None, unit: Unit, zone: ZoneInfo) -> int:
    if now is None:
        return 0
    today = day_of(now, zone)
    if unit == "day":
        return max(0, (today - day).days)
    return max(0, today.year - day.year - (today < yearly(day, today.year)))
