"""What stands beside the comparison of an aggregate: the window it is taken over, and of which orders and lines.

`{from: 500, within: 90 days, brand: Apple}`. The comparison itself is read in `parse_leaf.py`.
"""

from collections.abc import Sequence
from typing import Any, Final, cast

from headrace.rules import scalars
from headrace.rules.catalogue import FIELDS, VISITS, Field
from headrace.rules.findings import Refused, did_you_mean, quoted
from headrace.rules.model import Duration, Only, Window
from headrace.rules.parse_reference import channel_ids
from headrace.rules.parse_time import span
from headrace.rules.parse_values import folded
from headrace.rules.reading import Reading, one_or_more, single_pair
from headrace.rules.scalars import text
from headrace.rules.yaml_source import Mapping, Node, Pair

DATES: Final = ("from_date", "to_date")
WINDOWS: Final = ("within", "this", *DATES)
ONLY: Final = ("brand", "category", "product", "channel")
KEYS: Final = (*WINDOWS, *ONLY)
WINDOWED: Final = tuple(field.name for field in FIELDS.values() if field.windowed)
PERIODS: Final = {"this_month": "this: month", "this_year": "this: year"}
MAX_VISIT_DAYS: Final = 400
_VISIT_COUNTS: Final = {"day": 400, "month": 13, "year": 1}
_EXAMPLE: Final = "{customer.spend: {within: 365 days}}"


def window_of(pairs: Sequence[Pair], field: Field, reading: Reading) -> tuple[Window | None, Only | None]:
    """What these pairs, of `KEYS`, say."""
    found = {pair.key.text: pair for pair in pairs}
    window = _window(found, field)
    only: dict[str, Any] = {key: _filter(key, found[key], field, reading) for key in ONLY if key in found}
    return window, Only(**only) if only else None


def number_of(node: Node, fields: Sequence[str], reading: Reading) -> tuple[Field, Window | None, Only | None]:
    """What a ladder stands on: `customer.spend`, or `{customer.spend: {within: 365 days}}`."""
    if not isinstance(node, Mapping):
        return _number(text(node, "by"), node, fields), None, None
    pair = single_pair(node, "by", f"by: {_EXAMPLE}")
    field = _number(pair.key.text, pair.key, fields)
    pairs = pair.value.pairs if isinstance(pair.value, Mapping) else ()
    if not field.windowed or not pairs:
        raise Refused("wrong_shape", pair.value.place, f"{field.name} stands alone here", f"write by: {field.name}")
    for part in pairs:
        if part.key.text not in KEYS:
            hint = did_you_mean(part.key.text, KEYS, otherwise=f"write one of: {', '.join(KEYS)}")
            raise Refused("unknown_key", part.key.place, f"by has no {quoted(part.key.text)}", hint)
    return field, *window_of(pairs, field, reading)


def not_windowed(pair: Pair, field: Field) -> Refused:
    """A window or filter on a field that has none."""
    name = pair.key.text
    hint = f"windows and filters are of: {', '.join(WINDOWED)}"
    if field.windowed and name in PERIODS:
        hint = f"write {PERIODS[name]}"
    if name == "within" and field.family == "time":
        hint = f"write {field.name}: {{within_last: {getattr(pair.value, 'text', '') or '90 days'}}}"
    return Refused("unknown_operator", pair.key.place, f"{field.name} cannot be taken {quoted(name)}", hint)


def _number(name: str, node: Node, fields: Sequence[str]) -> Field:
    if name in fields:
        return FIELDS[name]
    hint = did_you_mean(name, tuple(fields), otherwise=f"write one of: {', '.join(fields)}")
    raise Refused("unknown_field", node.place, f"a ladder cannot stand on {quoted(name)}", hint)


def _window(found: dict[str, Pair], field: Field) -> Window | None:
    written = [key for key in WINDOWS if key in found]
    if not written:
        return None
    kinds = {"dates" if key in DATES else key for key in written}
    if len(kinds) > 1:
        raise Refused(
            "several_windows",
            found[written[1]].key.place,
            f"{field.name} is taken over one window, here are {' and '.join(written)}",
            "keep within: 90 days, or this: month, or from_date: and to_date:",
        )
    if field.name == VISITS:
        _refuse_not_kept(found, field)
    if "within" in found:
        return Window(span=span(found["within"].value, f"within of {field.name}"))
    if "this" in found:
        return Window(this=cast("Any", scalars.choice(found["this"].value, "this", ("month", "year"))))
    return _dates(found)


def _dates(found: dict[str, Pair]) -> Window:
    first, last = (scalars.day(found[key].value, key) if key in found else None for key in DATES)
    if first is not None and last is not None and last < first:
        raise Refused(
            "empty_range", found["to_date"].value.place, f"{last} is before {first}", "write the earlier day first"
        )
    return Window(first=first, last=last)


def _refuse_not_kept(found: dict[str, Pair], field: Field) -> None:
    """Visits are counted by days, for a little more than a year."""
    if any(key in found for key in DATES):
        at, reason = next(found[key] for key in DATES if key in found), "between two days"
    elif "within" in found and not _kept(span(found["within"].value, "within")):
        at, reason = found["within"], "for so long, or by hours"
    else:
        return
    hint = f"write within: up to {MAX_VISIT_DAYS} days, or this: month"
    raise Refused("window_not_kept", at.key.place, f"{field.name} is not counted {reason}", hint)


def _kept(length: Duration) -> bool:
    return length.count <= _VISIT_COUNTS.get(length.unit, 0)


def _filter(key: str, pair: Pair, field: Field, reading: Reading) -> tuple[str | int, ...]:
    if field.name == VISITS:
        raise Refused("unknown_operator", pair.key.place, f"{field.name} has no {key}", "a visit is of no order")
    if key == "channel":
        return channel_ids(pair.value, reading)
    if key == "product":
        return tuple(one_or_more(pair.value, key, reading.report, lambda node: text(node, key)))
    return tuple(dict.fromkeys(one_or_more(pair.value, key, reading.report, lambda node: folded(node, key))))
