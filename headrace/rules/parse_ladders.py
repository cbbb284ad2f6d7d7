"""Ladders: ordered rungs over one number, from the lowest to the highest.

What they stand on is a number of the customer; how long a lost rung is kept is said by `demote` and `grace`.
"""

import itertools
from collections import Counter
from typing import Any, Final, Literal

from msgspec.structs import replace

from headrace.rules import parse_values
from headrace.rules.catalogue import FIELDS, Field
from headrace.rules.findings import Refused, Report
from headrace.rules.model import Duration, Ladder, Rung
from headrace.rules.parse_actions import with_keys
from headrace.rules.parse_entries import ADD_SOMETHING, DOES, common, given, open_entry
from headrace.rules.parse_store import ABOUT
from headrace.rules.parse_windows import number_of
from headrace.rules.reading import Reading, each, keys
from headrace.rules.scalars import choice, duration, shown_money
from headrace.rules.yaml_source import Node

LADDER_KEYS: Final = ("id", "by", "rungs", "demote", "grace", "renamed_from", *ABOUT)
RUNG_KEYS: Final = (*DOES, "from", "above")
DEMOTE: Final = ("direct", "one_step", "never")
LADDER_FIELDS: Final = tuple(
    name
    for name, field in FIELDS.items()
    if field.scope == "customer" and field.family in ("money", "number") and not field.happening
)
_RUNGS: Final = "[{group: Silver}, {group: Gold, from: 1000}]"


def ladder(node: Node, reading: Reading) -> Ladder | None:
    """Rungs over one number field, exactly one per customer."""
    report = reading.report
    found = open_entry(node, "ladder", reading, LADDER_KEYS, ("id", "by", "rungs"))
    values = common(found, reading)
    by = report.tried(number_of, found["by"], LADDER_FIELDS, reading) if "by" in found else None
    field, window, only = by or (None, None, None)
    rungs = report.tried(_rungs, found["rungs"], field, reading) if "rungs" in found and field else None
    values |= _down(found, report)
    if field is None or not rungs or values["id"] is None:
        return None
    return Ladder(**values, by=field.name, window=window, only=only, rungs=rungs)


def _down(found: dict[str, Node], report: Report) -> dict[str, Any]:
    """How and when a lost rung is left; `grace: 0 days` is the same as none."""
    demote = report.tried(choice, found["demote"], "demote", DEMOTE) if "demote" in found else "direct"
    grace = report.tried(_grace, found["grace"]) if "grace" in found else Duration(count=0, unit="day")
    at_once = grace is not None and grace.count == 0
    if demote == "one_step" and at_once:
        report.add(
            "grace_out_of_place",
            found["demote"].place,
            "one_step goes down one rung at the end of each grace, and this ladder has none",
            "add grace: 30 days, or write demote: direct",
        )
    if demote == "never" and not at_once and grace is not None:
        report.add(
            "grace_out_of_place",
            found["grace"].place,
            "nobody goes down this ladder, so there is no grace",
            "remove grace, or write demote: direct (or one_step)",
        )
    return {"demote": demote or "direct", "grace": None if at_once else grace}


def _grace(node: Node) -> Duration:
    count, unit = duration(node, "grace")
    return Duration(count=count, unit=unit)


def _rungs(node: Node, field: Field, reading: Reading) -> tuple[Rung, ...]:
    rungs = each(node, "rungs", _RUNGS, reading.report, lambda item: _rung(item, field, reading))
    if rungs and rungs[0][1].bound != "start":
        first, rung = rungs[0]
        shown = shown_bound(rung, field, reading)
        reading.report.add(
            "ladder_open_below",
            first.place,
            f"customers whose {field.name} is not {shown} are on no rung of this ladder",
            "that may be meant; else put a rung without from: before it",
        )
        rungs = ((first, Rung()), *rungs)
    _ascending(rungs, field, reading)
    return _with_keys([rung for _, rung in rungs])


def _with_keys(rungs: list[Rung]) -> tuple[Rung, ...]:
    """Effects are named by their rung, and the rung by its group, so that they stay when other rungs come or go."""
    seen: Counter[str] = Counter()
    named = []
    for rung in rungs:
        name = rung.group or (rung.bound if rung.bound == "start" else f"{rung.bound}-{rung.threshold}")
        seen[name] += 1
        name = name if seen[name] == 1 else f"{name}-{seen[name]}"
        on_enter, on_exit = with_keys(rung.on_enter, f"{name}."), with_keys(rung.on_exit, f"{name}.exit.")
        named.append(replace(rung, on_enter=on_enter, on_exit=on_exit) if on_enter or on_exit else rung)
    return tuple(named)


def _rung(node: Node, field: Field, reading: Reading) -> tuple[Node, Rung]:
    found = keys(node, "a rung", reading.report, known=RUNG_KEYS)
    bounds = [key for key in ("from", "above") if key in found]
    if len(bounds) > 1:
        raise Refused(
            "several_operators",
            found["above"].place,
            "a rung has one lower bound; its upper one is the next rung's",
            "keep from: (at least) or above: (more than)",
        )
    values: dict[str, Any] = {key: value for key, value in given(found, reading).items() if value is not None}
    if not any(key in found for key in DOES) and bounds:
        reading.report.add("does_nothing", node.place, "this rung gives nothing to its customers", ADD_SOMETHING)
    for key in bounds:
        values |= {"bound": key, "threshold": parse_values.value(found[key], field, reading, "")}
    return node, Rung(**values)


def _lowest(rung: Rung) -> int:
    """The smallest value on the rung."""
    return {"start": -1, "from": rung.threshold, "above": rung.threshold + 1}[rung.bound]


def _ascending(rungs: tuple[tuple[Node, Rung], ...], field: Field, reading: Reading) -> None:
    for (_, lower), (node, rung) in itertools.pairwise(rungs):
        if rung.bound == "start":
            reading.report.add(
                "rung_order", node.place, "only the first rung has no lower bound", "add from: or above: to this rung"
            )
        elif lower.bound != "start" and (_lowest(rung) <= _lowest(lower) or rung.threshold == lower.threshold):
            reading.report.add(
                "rung_order",
                node.place,
                f"this rung begins {shown_bound(rung, field, reading)}, "
                f"the one before it {shown_bound(lower, field, reading)}",
                "write the rungs from the lowest to the highest, each with a larger amount than the one before",
            )


def shown_bound(rung: Rung, field: Field, reading: Reading) -> str:
    """A bound in words: `from 1000.00`."""
    bound: Literal["start", "from", "above"] = rung.bound
    amount = str(rung.threshold) if field.family == "number" else shown_money(rung.threshold, reading.currency)
    return f"{bound} {amount}"
