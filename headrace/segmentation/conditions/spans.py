"""The windows of aggregates: in which bucket a moment lies, what the buckets in the window add up to, and from when on
they come to something else.

Buckets are seconds since the epoch at which an hour-exact window counts, a day or a period begins; 0 where the window
does not move.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

from headrace.rules.model import Duration, Window
from headrace.segmentation.conditions.change import Bounds
from headrace.segmentation.conditions.time import edge_of
from headrace.segmentation.days import begins_or_none, day_bucket, day_of, later
from headrace.segmentation.state import Series
from headrace.segmentation.windows import Bucket, Left, add_to

Edge = Callable[[int], datetime | None]
Value = Callable[[Series, datetime | None], int]
Falling = Callable[[Series, datetime | None, Bounds], datetime | None]


@dataclass(frozen=True, slots=True)
class Span:
    """A window. `bucket` of a moment (None: outside); `left`: the bucket has left it for good, None: none ever does.

    `value` of a series now, `later`: the values it takes by time alone. Without a clock nothing has passed yet, and no
    month or year is the current one.
    """

    bucket: Bucket
    left: Left | None
    value: Value
    later: Callable[[Series, datetime | None], Iterable[tuple[datetime, int]]] | None = None
    falling: Falling | None = None
    """Of a window that buckets only leave: when the value falls below the highest of these bounds that it reaches."""


@lru_cache(maxsize=1024)  # several rules read the same window
def compile_span(window: Window, timezone: str) -> Span:
    """Raises ValueError for a window that says several things. One that says nothing is all time."""
    zone = ZoneInfo(timezone)
    match window:
        case Window(span=Duration() as span, this=None, first=None, last=None):
            return _last(span, zone)
        case Window(span=None, this="month" | "year" as unit, first=None, last=None):
            return _current(unit, zone)
        case Window(span=None, this=None):
            return _between(window.first, window.last, zone)
    raise ValueError(f"no window {window!r}")


def in_buckets(days: Series, span: Span) -> Series:
    """A series by days as one by the buckets of this window."""
    moments = [span.bucket(datetime.fromtimestamp(at, UTC)) for at in days.at]
    pairs = zip(moments, days.amounts, strict=True)
    return add_to(Series(), [(bucket, amount) for bucket, amount in pairs if bucket is not None])


def _last(span: Duration, zone: ZoneInfo) -> Span:
    """A span up to now. What is dated in the future is inside."""
    when = edge_of(span, zone.key)
    edge = lru_cache(maxsize=8192)(lambda bucket: when(datetime.fromtimestamp(bucket, UTC)))

    def left(bucket: int, now: datetime) -> bool:
        end = edge(bucket)
        return end is not None and end <= now

    def value(series: Series, now: datetime | None) -> int:
        end = None if now is None or not series.at else edge(series.at[0])
        if now is None or end is None or end > now:
            return sum(series.amounts)
        return sum([amount for bucket, amount in zip(series.at, series.amounts, strict=True) if not left(bucket, now)])

    return Span(
        _second if span.unit == "hour" else _days(zone),
        left,
        value,
        lambda series, now: _leaving(series, edge, now, value(series, now)),
        _falling(edge, value),
    )


def _falling(edge: Edge, value: Value) -> Falling:
    def falling(series: Series, now: datetime | None, bounds: Bounds) -> datetime | None:
        """When the bucket leaves without which the newest ones together do not reach the bound.

        Where an order took money back, the sum does not only fall: then bucket by bucket.
        """
        at, amounts = series.at, series.amounts
        if not at:
            return None
        if min(amounts) < 0:
            return bucket_by_bucket(series, now, bounds)
        reached = bisect_right(bounds, sum(amounts))
        while reached and (short := bounds[reached - 1]) > 0:
            place = 0
            while short > 0:
                place -= 1
                short -= amounts[place]
            end = edge(at[place])
            if end is None or now is None or end > now:
                return end
            reached -= 1
        return None

    def bucket_by_bucket(series: Series, now: datetime | None, bounds: Bounds) -> datetime | None:
        known = value(series, now)
        reached, moments = bisect_right(bounds, known), _leaving(series, edge, now, known)
        return next((moment for moment, left in moments if bisect_right(bounds, left) != reached), None)

    return falling


def _second(at: datetime) -> int:
    return int(at.timestamp())


@lru_cache(maxsize=1024)
def _days(zone: ZoneInfo) -> Bucket:
    """One for all windows of whole days: an order's day is looked up once."""
    return lambda at: day_bucket(at, zone)


def _leaving(series: Series, edge: Edge, now: datetime | None, value: int) -> Iterator[tuple[datetime, int]]:
    """Bucket by bucket out of the window; those that leave together at once."""
    due: datetime | None = None
    for bucket, amount in zip(series.at, series.amounts, strict=True):
        end = edge(bucket)
        if end is None:
            break
        if now is not None and end <= now:
            continue
        if due is not None and end != due:
            yield due, value
        value -= amount
        due = end
    if due is not None:
        yield due, value


def _current(unit: Literal["month", "year"], zone: ZoneInfo) -> Span:
    """The month or year of now."""

    def first_day(at: datetime) -> date:
        day = day_of(at, zone)
        return day.replace(day=1) if unit == "month" else day.replace(month=1, day=1)

    @lru_cache(maxsize=1024)
    def next_bucket(bucket: int) -> int | None:
        following = later(first_day(datetime.fromtimestamp(bucket, UTC)), 1, unit)
        begin = begins_or_none(following, zone)
        return None if begin is None else int(begin.timestamp())

    def bucket(at: datetime) -> int:
        begin = begins_or_none(first_day(at), zone)
        return int((begin or at).timestamp())

    def left(known: int, now: datetime) -> bool:
        return known < bucket(now)

    def value(series: Series, now: datetime | None) -> int:
        return 0 if now is None else _amount(series, bucket(now))

    def moments(series: Series, now: datetime | None) -> Iterator[tuple[datetime, int]]:
        current = None if now is None else bucket(now)
        ahead = {known for known in series.at if current is None or known > current}
        ends = {next_bucket(known) for known in (*ahead, *(() if current is None else (current,)))}
        for moment in sorted(ahead | {end for end in ends if end is not None}):
            yield datetime.fromtimestamp(moment, UTC), _amount(series, moment)

    return Span(bucket, left, value, moments)


def _amount(series: Series, bucket: int) -> int:
    return series.amounts[series.at.index(bucket)] if bucket in series.at else 0


def _between(first: str | None, last: str | None, zone: ZoneInfo) -> Span:
    """From one day to another, both included; all time without them."""
    start, end = date.fromisoformat(first) if first else date.min, date.fromisoformat(last) if last else date.max

    def bucket(at: datetime) -> int | None:
        return 0 if start <= day_of(at, zone) <= end else None

    everything = first is None and last is None
    return Span(
        (lambda at: 0) if everything else bucket,
        None,
        lambda series, now: sum(series.amounts),
    )
