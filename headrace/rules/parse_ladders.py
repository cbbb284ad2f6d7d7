"""Ladders: ordered rungs over one number, from the lowest to the highest.

Grace and slower demotion come with a later release and are refused by name.
"""

import itertools
from typing import Any, Final, Literal

from headrace.rules import parse_values
from headrace.rules.catalogue import FIELDS, Field
from headrace.rules.findings import Refused, did_you_mean, quoted
from headrace.rules.later import ENTRY
from headrace.rules.model import Ladder, Rung
from headrace.rules.parse_entries import GIVES, common, given, open_entry
from headrace.rules.parse_store import ABOUT
from headrace.rules.reading import Reading, each, keys
from headrace.rules.scalars import choice, duration, shown_money, text
from headrace.rules.yaml_source import Node

LADDER_KEYS: Final = ("id", "by", "rungs", "demote", "grace", "renamed_from", *ABOUT)
RUNG_KEYS: Final = (*GIVES, "from", "above")
LADDER_FIELDS: Final = tuple(
    name for name, field in FIELDS.items() if field.scope == "customer" and field.family in ("money", "number")
)
_RUNGS: Final = "[{group: Silver}, {group: Gold, from: 1000}]"


def ladder(node: Node, reading: Reading) -> Ladder | None:
    """Rungs over one number field, exactly one per customer."""
    report = reading.report
    found = open_entry(node, "ladder", reading, LADDER_KEYS, ("id", "by", "rungs"))
    values = common(found, reading)
    field = report.tried(_by, found["by"]) if "by" in found else None
    rungs = report.tried(_rungs, found["rungs"], field, reading) if "rungs" in found and field else None
    for key, check in (("demote", _demote), ("grace", _grace)):
        if key in found:
            report.tried(check, found[key])
    if field is None or not rungs or values["id"] is None:
        return None
    return Ladder(**values, by=field.name, rungs=rungs)


def _by(node: Node) -> Field:
    name = text(node, "by")
    if name in LADDER_FIELDS:
        return FIELDS[name]
    hint = did_you_mean(name, LADDER_FIELDS, otherwise=f"write one of: {', '.join(LADDER_FIELDS)}")
    raise Refused("unknown_field", node.place, f"a ladder cannot stand on {quoted(name)}", hint)


def _demote(node: Node) -> None:
    word = choice(node, "demote", ("direct", "one_step", "never"))
    if word != "direct":
        raise Refused(
            "not_yet",
            node.place,
            f"demote: {word} comes with a later release; ladders demote at once here",
            "write demote: direct, or leave it out",
        )


def _grace(node: Node) -> None:
    count, _ = duration(node, "grace")
    if count != 0:
        raise Refused(
            "not_yet",
            node.place,
            "grace comes with a later release; ladders demote at once here",
            "write grace: 0 days, or leave it out",
        )


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
    return tuple(rung for _, rung in rungs)


def _rung(node: Node, field: Field, reading: Reading) -> tuple[Node, Rung]:
    found = keys(node, "a rung", reading.report, known=RUNG_KEYS, later=ENTRY["rung"])
    bounds = [key for key in ("from", "above") if key in found]
    if len(bounds) > 1:
        raise Refused(
            "several_operators",
            found["above"].place,
            "a rung has one lower bound; its upper one is the next rung's",
            "keep from: (at least) or above: (more than)",
        )
    values: dict[str, Any] = {key: value for key, value in given(found, reading).items() if value is not None}
    if not any(key in found for key in GIVES) and bounds:
        reading.report.add(
            "does_nothing", node.place, "this rung gives nothing to its customers", "add group:, attributes: or tags:"
        )
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
