"""Calendars: named times of the store, at the top of a rule file."""

import contextlib
import re
from datetime import date
from typing import Final

from headrace.rules import scalars
from headrace.rules.findings import Refused, quoted
from headrace.rules.model import Calendar
from headrace.rules.names import entry_id
from headrace.rules.reading import Reading, keys, mapping
from headrace.rules.yaml_source import Node

MONTHS: Final = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
NUMBERS: Final = {"1st": 1, "2nd": 2, "3rd": 3, "4th": 4, "5th": 5, "last": -1}
MAX_DAYS: Final = 366
_EXAMPLE: Final = "{from: 2026-11-27, to: 2026-11-30}, or {every_year: {from: 06-01, to: 08-31}}"
_DAY: Final = re.compile(r"([0-9]{2})-([0-9]{2})")
_WEEKDAY: Final = "4th thursday of november"


def calendars(node: Node, reading: Reading) -> dict[str, Calendar]:
    """`{black_friday: {from: 2026-11-27, to: 2026-11-30}}`: each by its name."""
    found: dict[str, Calendar] = {}
    for key, value in mapping(node, "calendars").pairs:
        name = reading.report.tried(entry_id, key)
        calendar = reading.report.tried(_calendar, value, reading)
        if name is not None:
            found[name] = calendar or Calendar(first="2000-01-01", last="2000-01-01")
    reading.calendars = found
    return found


def _calendar(node: Node, reading: Reading) -> Calendar:
    found = keys(node, "a calendar", reading.report, known=("from", "to", "on", "every_year"))
    if "every_year" in found:
        if len(found) > 1:
            raise Refused("bad_calendar", node.place, "a calendar has dates or every_year", f"write {_EXAMPLE}")
        return _yearly(found["every_year"], reading)
    first, last = _bounds(found, node)
    start, end = scalars.day(first, "from"), scalars.day(last, "to")
    if end < start:
        raise Refused("empty_range", last.place, f"{end} is before {start}", "write the earlier day first")
    return Calendar(first=start, last=end)


def _yearly(node: Node, reading: Reading) -> Calendar:
    found = keys(node, "every_year", reading.report, known=("from", "to", "on", "plus", "for"))
    on = found.get("on")
    if on is not None and not _DAY.fullmatch(scalars.text(on, "on")):
        return _by_weekday(on, found)
    extra = next((found[key] for key in ("plus", "for") if key in found), None)
    if extra is not None:
        raise Refused("bad_calendar", extra.place, "plus and for belong to a weekday", f"write on: {_WEEKDAY} beside")
    first, last = _bounds(found, node)
    return Calendar(first=_day(first), last=_day(last), yearly=True)


def _bounds(found: dict[str, Node], node: Node) -> tuple[Node, Node]:
    """First and last day; `on` is both."""
    if "on" in found and len(found) == 1:
        return found["on"], found["on"]
    if "from" in found and "to" in found and "on" not in found:
        return found["from"], found["to"]
    raise Refused("bad_calendar", node.place, "a calendar has from: and to:, or on:", f"write {_EXAMPLE}")


def _day(node: Node) -> str:
    """A day of every year, 06-01; 02-29 is the last of February."""
    written = scalars.text(node, "a day of the year")
    match = _DAY.fullmatch(written)
    with contextlib.suppress(ValueError):
        if match is not None:
            date(2000, int(match[1]), int(match[2]))
            return written
    raise Refused("bad_calendar", node.place, f"{quoted(written)} is no day of a year", "write month-day: 06-01")


def _by_weekday(on: Node, found: dict[str, Node]) -> Calendar:
    """`on: 4th thursday of november, plus: 1 day, for: 4 days`."""
    number, weekday, month = _weekday(on)
    plus, days = _days(found, "plus", 0), _days(found, "for", 1)
    if days == 0:
        raise Refused("bad_calendar", found["for"].place, "for: 0 days is no time at all", "write for: 1 day")
    for key in ("from", "to"):
        if key in found:
            raise Refused("bad_calendar", found[key].place, f"{key} does not go with on", "write for: 4 days")
    return Calendar(yearly=True, weekday=(number, weekday, month, plus), days=days)


def _weekday(node: Node) -> tuple[int, int, int]:
    written = " ".join(scalars.text(node, "on").casefold().split())
    number, _, rest = written.partition(" ")
    weekday, _, month = rest.partition(" of ")
    if number in NUMBERS and weekday in WEEKDAYS and month in MONTHS:
        return NUMBERS[number], WEEKDAYS.index(weekday), MONTHS.index(month) + 1
    raise Refused(
        "bad_calendar",
        node.place,
        f"{quoted(written)} is no day of a year",
        f"write a day such as 06-01, or {_WEEKDAY}, or last monday of may",
    )


def _days(found: dict[str, Node], key: str, otherwise: int) -> int:
    if key not in found:
        return otherwise
    count, unit = scalars.duration(found[key], key)
    if unit != "day" or count > MAX_DAYS:
        raise Refused("bad_calendar", found[key].place, f"{key} is a number of days", f"write {key}: 1 day")
    return count
