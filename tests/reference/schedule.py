"""Rules that time sets off: by a schedule of the store, or a span or every year after a time of the customer."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from headrace.rules.model import Duration, Reached, Rule, RuleSet
from tests.reference import timeline
from tests.reference.facts import Facts, Happening, account_made, first_order_at, last_order_at, person


def times_due(rules: RuleSet, facts: Facts, moment: datetime) -> list[Happening]:
    """The rules whose time this moment is."""
    cause = f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return [
        Happening(rule.when.name, moment, cause=cause, rule=rule.id)
        for rule in rules.rules
        if moment in set(times_of(rule, rules, facts, moment, moment))
    ]


def times_of(rule: Rule, rules: RuleSet, facts: Facts, first: datetime, last: datetime) -> Iterator[datetime]:
    """Its moments on the days from `first` to `last`."""
    zone, when = rules.store.timezone, rule.when
    days = timeline.local_day(first, zone), timeline.local_day(last, zone)
    if when.cron is not None:
        yield from _scheduled(when.cron, *days, zone)
    if when.reached is not None:
        yield from _reached(when.reached, rules, facts, *days)


def _scheduled(cron: str, first: date, last: date, zone: str) -> Iterator[datetime]:
    """Plain numbers and stars only, at hours that every day of the store has."""
    minute, hour, day, month, weekday = cron.split()
    for more in range((last - first).days + 1):
        one = first + timedelta(days=more)
        if (
            day in ("*", str(one.day))
            and month in ("*", str(one.month))
            and weekday in ("*", str(one.isoweekday() % 7))
        ):
            local = datetime(one.year, one.month, one.day, int(hour), int(minute), tzinfo=ZoneInfo(zone))
            yield local.astimezone(UTC)


def _reached(reached: Reached, rules: RuleSet, facts: Facts, first: date, last: date) -> Iterator[datetime]:
    zone, orders = rules.store.timezone, facts.newest_orders
    at = {
        "customer.created_at": account_made(facts),
        "customer.first_order_at": first_order_at(orders, rules.spend),
        "customer.last_order_at": last_order_at(orders, rules.spend),
    }.get(reached.field)
    day = None if at is None else timeline.local_day(at, zone)
    if reached.field == "customer.birthday":
        born = person(facts).birthday
        day = date.fromisoformat(born) if born else None
        at = timeline.day_start(day, zone) if day else None
    if at is None or day is None:
        return
    if reached.span is None:
        years = range(max(day.year + 1, first.year), last.year + 1)
        yield from (timeline.day_start(timeline.yearly_day(day, year), zone) for year in years)
    else:
        yield _after(at, day, reached.span, zone)


def _after(at: datetime, day: date, span: Duration, zone: str) -> datetime:
    """So many hours later, or when the day so many days later begins."""
    if span.unit == "hour":
        return at + timedelta(hours=span.count)
    return timeline.day_start(timeline.day_after(day, span), zone)
