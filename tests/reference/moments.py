"""When time alone may change an answer: every fact, later by every span the rules name, and the turns they ask for.

Too many moments rather than too few: to ask at another one changes nothing.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, Literal

import msgspec
from msgspec import Struct

from headrace.contracts.events import CustomerSnapshot, OrderSnapshot
from headrace.rules.model import Between, Duration, Ladder, Leaf, RuleSet, Window, decode_rule_set
from tests.reference import timeline
from tests.reference.facts import Facts, person
from tests.reference.schedule import times_of

AGES: dict[str, Literal["day", "year"]] = {
    "customer.account_age": "day",
    "customer.days_since_last_order": "day",
    "customer.age": "year",
}


def moments(rules: RuleSet, facts: Facts, since: datetime | None, until: datetime) -> list[datetime]:
    """Those after `since` (None: ever) up to `until`, ascending."""
    if since == until:
        return []
    zone, said = rules.store.timezone, msgspec.json.encode(rules)
    times = set(_times(facts, zone))
    found = {timeline.later(at, span, zone) for at in times for span in _spans(said)}
    days = {timeline.local_day(at, zone) for at in times}
    found |= {timeline.day_start(timeline.day_after(day, age), zone) for day in days for age in _ages(said)}
    first = min((*times, until)) if since is None else since
    between = timeline.local_day(first, zone), timeline.local_day(until, zone)
    found |= {timeline.day_start(day, zone) for day in _turns(_nodes(said), rules, *between)}
    if any(isinstance(node, Leaf) and node.operator == "anniversary" for node in _nodes(said)):
        found |= {timeline.day_start(turn, zone) for day in days for turn in _yearly(day, *between)}
    for rule in rules.rules:
        found |= set(times_of(rule, rules, facts, first, until))
    return sorted(moment for moment in found if moment <= until and (since is None or moment > since))


def spans_of(rules: RuleSet) -> frozenset[Duration]:
    """Every length of time that the rules name."""
    return _spans(msgspec.json.encode(rules))


def _times(facts: Facts, zone: str) -> Iterator[datetime]:
    for one in facts.arrived:
        yield one.event.envelope.time
        data = one.event.data
        if isinstance(data, CustomerSnapshot | OrderSnapshot):
            yield data.created_at
        if isinstance(data, OrderSnapshot):
            yield from (refund.created_at for refund in data.refunds)
    if born := person(facts).birthday:
        yield timeline.day_start(date.fromisoformat(born), zone)


def _turns(nodes: tuple[Any, ...], rules: RuleSet, first: date, last: date) -> Iterator[date]:
    """Where a month, a year or a calendar begins or ends in between."""
    if any(isinstance(node, Window) and node.this for node in nodes):
        months = range(first.year * 12 + first.month, last.year * 12 + last.month)
        yield from (date(month // 12, month % 12 + 1, 1) for month in months)
    if any(isinstance(node, Leaf) and node.field == "calendar" for node in nodes):
        for calendar in rules.calendars.values():
            for year in range(first.year - 2, last.year + 1):
                for day in timeline.calendar_days(calendar, year) or ():
                    yield from (day, day + timedelta(days=1))


def _yearly(day: date, first: date, last: date) -> Iterator[date]:
    """Its yearly days in between, and the days after them."""
    for year in range(max(first.year, day.year + 1), last.year + 1):
        turn = timeline.yearly_day(day, year)
        yield from (turn, turn + timedelta(days=1))


@lru_cache(maxsize=256)
def _spans(rules: bytes) -> frozenset[Duration]:
    return frozenset(node for node in _nodes(rules) if isinstance(node, Duration))


@lru_cache(maxsize=256)
def _ages(rules: bytes) -> frozenset[Duration]:
    """Those at which a number of days or years comes to a bound, or passes it."""
    found: set[tuple[int, Literal["day", "year"]]] = set()
    for node in _nodes(rules):
        if isinstance(node, Leaf) and (unit := AGES.get(node.field)):
            found |= {(bound + more, unit) for bound in _bounds(node.operand) for more in (0, 1)}
        if isinstance(node, Ladder) and (unit := AGES.get(node.by)):
            found |= {(rung.threshold + more, unit) for rung in node.rungs for more in (0, 1)}
    return frozenset(Duration(count=count, unit=unit) for count, unit in found)


def _bounds(operand: Any) -> tuple[int, ...]:
    return (
        (operand.low, operand.high) if isinstance(operand, Between) else (operand,) if isinstance(operand, int) else ()
    )


@lru_cache(maxsize=256)
def _nodes(rules: bytes) -> tuple[Any, ...]:
    """Every part of a rule set."""
    return tuple(_parts(decode_rule_set(rules)))


def _parts(node: Any) -> Iterator[Any]:
    if isinstance(node, Struct):
        yield node
        for name in node.__struct_fields__:
            yield from _parts(getattr(node, name))
    elif isinstance(node, tuple):
        for one in node:
            yield from _parts(one)
