"""Days and lengths of time as the language means them, found the slow way: by looking at the calendar of the zone.

Nothing here knows timers or edges of tests; `moments.py` proposes when to look again.
"""

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from headrace.rules.model import Calendar, Duration

_TICK = timedelta(microseconds=1)


@lru_cache(maxsize=65536)
def local_day(at: datetime, zone: str) -> date:
    """The day of the store's calendar this moment lies in."""
    return at.astimezone(ZoneInfo(zone)).date()


@lru_cache(maxsize=65536)
def day_start(day: date, zone: str) -> datetime:
    """The first moment of a day of the store: looked for until the clocks there show the day."""
    early = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(days=2)
    late = early + timedelta(days=4)
    while late - early > _TICK:
        middle = early + (late - early) // 2
        if local_day(middle, zone) >= day:
            late = middle
        else:
            early = middle
    return late


def day_after(day: date, span: Duration) -> date:
    """The day this many days, months or years later; where there is no such day, the last one of its month."""
    if span.unit == "day":
        return day + timedelta(days=span.count)
    months = day.year * 12 + day.month - 1 + span.count * (12 if span.unit == "year" else 1)
    year, month = divmod(months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def is_older(at: datetime, now: datetime, span: Duration, zone: str) -> bool:
    """Longer ago than `span`: exact hours to the moment, whole days of the store's calendar when they are over."""
    if span.unit == "hour":
        return now - at >= timedelta(hours=span.count)
    return local_day(now, zone) > day_after(local_day(at, zone), span)


def later(at: datetime, span: Duration, zone: str) -> datetime:
    """The moment `is_older` begins to hold."""
    if span.unit == "hour":
        return at + timedelta(hours=span.count)
    return day_start(day_after(local_day(at, zone), span) + timedelta(days=1), zone)


def same_time_later(at: datetime, span: Duration, zone: str) -> datetime | None:
    """The moment an action that waits is done: exact hours later, or when clocks show the same time of the later day.

    A time that clocks skip there is the moment they would have shown it, had they not been put forward. None: outside
    the calendar, at whose beginning lies what nobody knows the time of.
    """
    try:
        return _same_time_later(at, span, zone)
    except OverflowError:
        return None


def _same_time_later(at: datetime, span: Duration, zone: str) -> datetime:
    if span.unit == "hour":
        return at + timedelta(hours=span.count)
    local = at.astimezone(ZoneInfo(zone))
    day = day_after(local.date(), span)
    wanted = datetime.combine(day, local.time().replace(fold=0))
    starts = (day_start(day, zone), day_start(day + timedelta(days=1), zone))
    offsets = [start.astimezone(ZoneInfo(zone)).utcoffset() or timedelta() for start in starts]
    for offset in offsets:
        moment = (wanted - offset).replace(tzinfo=UTC)
        if moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0) == wanted:
            return moment
    return (wanted - offsets[0]).replace(tzinfo=UTC)


def whole_years(born: date, today: date) -> int:
    """How often the yearly day has come since; a birthday of 29 February is on 28 February in other years."""
    return today.year - born.year - (today < yearly_day(born, today.year))


def yearly_day(day: date, year: int) -> date:
    """The same day of another year."""
    return date(year, day.month, min(day.day, monthrange(year, day.month)[1]))


def calendar_days(calendar: Calendar, year: int) -> tuple[date, date] | None:
    """First and last day of a calendar, of a yearly one of the time that begins in `year`; None: of that year none."""
    if calendar.weekday is not None:
        first = _nth_weekday(year, calendar.weekday)
        return None if first is None else (first, first + timedelta(days=calendar.days - 1))
    if not calendar.yearly:
        return date.fromisoformat(calendar.first), date.fromisoformat(calendar.last)
    begin, end = (_of_year(text, year) for text in (calendar.first, calendar.last))
    return begin, end if end >= begin else _of_year(calendar.last, year + 1)


def is_during(day: date, calendar: Calendar) -> bool:
    """The day lies in it."""
    spans = [calendar_days(calendar, day.year - ago) for ago in (0, 1, 2)]
    return any(first <= day <= last for first, last in filter(None, spans))


def _of_year(text: str, year: int) -> date:
    month, day = map(int, text.split("-"))
    return date(year, month, min(day, monthrange(year, month)[1]))


def _nth_weekday(year: int, rule: tuple[int, int, int, int]) -> date | None:
    number, weekday, month, plus = rule
    days = [date(year, month, day) for day in range(1, monthrange(year, month)[1] + 1)]
    fitting = [day for day in days if day.weekday() == weekday]
    if number > len(fitting):
        return None
    return fitting[number if number < 0 else number - 1] + timedelta(days=plus)
