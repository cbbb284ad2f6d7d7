"""Days, spans, calendars and yearly days as tests name them, and the triggers that time sets off."""

import contextlib
from datetime import datetime, timedelta
from typing import Final

from cronsim import CronSim, CronSimError

from headrace.rules import scalars
from headrace.rules.catalogue import FIELDS, Field
from headrace.rules.findings import Refused, did_you_mean, quoted
from headrace.rules.model import Day, Duration, Reached, Trigger
from headrace.rules.reading import Reading, single_pair
from headrace.rules.yaml_source import Node, Scalar

TODAY: Final = "today"
EVERY_YEAR: Final = "every year"
TIMES: Final = tuple(name for name, f in FIELDS.items() if f.family == "time" and f.scope == "customer")
_CRON: Final = '{schedule: "0 9 * * 1"}'
_REACHED: Final = "{time.reached: {customer.created_at: 2 years}}"
_ANY_TIME: Final = datetime(2026, 1, 1)  # noqa: DTZ001  # schedules are checked without a zone
_SEARCHED: Final = timedelta(days=60 * 365)


def span(node: Node, what: str) -> Duration:
    """A length of time of at least one hour."""
    count, unit = scalars.duration(node, what)
    if count == 0:
        raise Refused("not_a_duration", node.place, f"{what} is no time at all", f"write 1 {unit}")
    return Duration(count=count, unit=unit)


def day(node: Node, what: str) -> Day:
    """A day of the store's calendar."""
    return Day(date=scalars.day(node, what))


def calendar_name(node: Node, reading: Reading) -> str:
    """One of `calendars`."""
    name = scalars.text(node, "a calendar")
    if name in reading.calendars:
        return name
    known = tuple(reading.calendars)
    otherwise = f"name it at the top: calendars: {{{name}: {{from: 2026-11-27, to: 2026-11-30}}}}"
    hint = did_you_mean(name, known, otherwise=otherwise)
    raise Refused("unknown_calendar", node.place, f"no calendar is called {quoted(name)}", hint)


def no_moment(node: Node, field: Field) -> Refused:
    """Nobody can write the moment a fact happened at: it is tested by how long ago that is, or by its day."""
    hint = f"write {field.name}: {{older_than: 90 days}}, or within_last:"
    with contextlib.suppress(Refused):
        hint = f"write {field.name}: {{on_date: {scalars.day(node, field.name)}}}, or before:, after:"
    return Refused(
        "wrong_shape", node.place, f"{field.name} is tested by how long ago it is or by its day, not by one value", hint
    )


def yearly_day(node: Node, what: str) -> str:
    """`today`: the only yearly day that is tested."""
    return scalars.choice(node, what, (TODAY,))


def schedule(name: str, node: Node, reading: Reading) -> Trigger:
    """Five fields of cron, in the store's zone: minute, hour, day, month, day of the week. At most once an hour."""
    written = scalars.text(node, name)
    fields = written.split()
    try:
        if len(fields) != 5:
            raise CronSimError("five fields are needed: minute, hour, day, month, day of the week")
        following = next(CronSim(written, _ANY_TIME), None)
    except CronSimError as error:
        raise _bad_schedule(node, f"{quoted(written)} is no schedule: {str(error).lower()}") from error
    if following is None or following - _ANY_TIME > _SEARCHED:
        raise _bad_schedule(node, f"{quoted(written)} never comes")
    if not fields[0].isdigit():
        raise _bad_schedule(node, f"{quoted(written)} comes more than once an hour, for every customer")
    return Trigger(name=name, cron=" ".join(fields))


def _bad_schedule(node: Node, problem: str) -> Refused:
    return Refused("bad_schedule", node.place, problem, f"write {_CRON} (Mondays at 9:00), or {_daily()}")


def _daily() -> str:
    return '{schedule: "30 6 * * *"} (every day at 6:30)'


def time_reached(name: str, node: Node, reading: Reading) -> Trigger:
    """`{customer.created_at: 2 years}`, or `{customer.birthday: every year}`."""
    pair = single_pair(node, name, f"when: {_REACHED}")
    field = pair.key.text
    if field not in TIMES:
        hint = did_you_mean(field, TIMES, otherwise=f"write one of: {', '.join(TIMES)}")
        raise Refused("unknown_field", pair.key.place, f"{quoted(field)} is no time of a customer", hint)
    if isinstance(pair.value, Scalar) and " ".join(pair.value.text.split()) == EVERY_YEAR:
        return Trigger(name=name, reached=Reached(field=field))
    return Trigger(name=name, reached=Reached(field=field, span=_after(pair.value, field)))


def _after(node: Node, field: str) -> Duration:
    try:
        return span(node, f"the time after {field}")
    except Refused as refused:
        hint = f"{refused.hint}; or {EVERY_YEAR}"
        raise Refused(refused.code, refused.place, refused.message, hint) from refused
