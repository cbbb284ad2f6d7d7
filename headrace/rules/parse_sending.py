"""When effects may go out: how old a fact may be, quiet hours, and how often a customer is written to."""

import re
from typing import Final

from headrace.rules import scalars
from headrace.rules.findings import Refused, quoted
from headrace.rules.model import Duration, FrequencyCap, QuietHours
from headrace.rules.reading import Reading, keys
from headrace.rules.yaml_source import Node

_TIME_OF_DAY: Final = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_QUIET: Final = "quiet_hours: {from: 21:00, to: 08:00}"
_CAP: Final = "frequency_cap: {at_most: 3, per: 7 days}"


def max_age(node: Node, reading: Reading) -> Duration:
    """How old a fact may be for an effect: `24 hours`."""
    return _span(node, "max_age", "24 hours")


def quiet_hours(node: Node, reading: Reading) -> QuietHours | None:
    """No marketing from one time of the day to another, over midnight too."""
    found = _both(node, "quiet_hours", ("from", "to"), _QUIET, reading)
    start, end = (reading.report.tried(_time_of_day, found[key], key) for key in ("from", "to"))
    if start is None or end is None:
        return None
    if start == end:
        raise Refused("empty_range", found["to"].place, "quiet hours that begin and end at once", f"write {_QUIET}")
    return QuietHours(start=start, end=end)


def frequency_cap(node: Node, reading: Reading) -> FrequencyCap | None:
    """So many marketing effects a customer in a span, and no more."""
    found = _both(node, "frequency_cap", ("at_most", "per"), _CAP, reading)
    count = reading.report.tried(_count, found["at_most"])
    per = reading.report.tried(_span, found["per"], "per", "7 days")
    return None if count is None or per is None else FrequencyCap(count=count, per=per)


def _both(node: Node, what: str, names: tuple[str, str], example: str, reading: Reading) -> dict[str, Node]:
    found = keys(node, what, reading.report, known=names)
    for name in names:
        if name not in found:
            raise Refused("missing_key", node.place, f"{what} has no {name}", f"write {example}")
    return found


def _span(node: Node, what: str, example: str) -> Duration:
    count, unit = scalars.duration(node, what)
    if count == 0:
        raise Refused("not_a_duration", node.place, f"{what} is no time at all", f"write {what}: {example}")
    return Duration(count=count, unit=unit)


def _time_of_day(node: Node, what: str) -> str:
    written = scalars.text(node, what)
    if _TIME_OF_DAY.fullmatch(written):
        return written
    raise Refused(
        "not_a_time_of_day",
        node.place,
        f"{what} is a time of the day, not {quoted(written)}",
        "write hours and minutes from 00:00 to 23:59, such as 21:00",
    )


def _count(node: Node) -> int:
    count = scalars.whole_number(node, "at_most")
    if count == 0:
        raise Refused("empty_range", node.place, "at most 0 would send nothing to anyone", f"write {_CAP}")
    return count
