"""The top level: which keys there are, how the files of a folder become one, and the order they are read in."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from headrace.rules.findings import Place, Refused
from headrace.rules.model import RuleSet, Store
from headrace.rules.parse_calendars import calendars
from headrace.rules.parse_entries import read_all, rule, segment
from headrace.rules.parse_ladders import ladder
from headrace.rules.parse_reference import aliases, channels, postcodes
from headrace.rules.parse_sending import frequency_cap, max_age, quiet_hours
from headrace.rules.parse_store import group, group_order, spend, store
from headrace.rules.reading import MAX_ENTRIES, Reading, Use, each, keys
from headrace.rules.scalars import choice, text
from headrace.rules.yaml_source import Items, Node, Scalar

ONCE: Final = (
    "store",
    "spend",
    "channels",
    "aliases",
    "postcodes",
    "calendars",
    "group_order",
    "default_group",
    "unmanaged",
    "drift",
    "max_age",
    "quiet_hours",
    "frequency_cap",
)
LISTS: Final = ("groups", "ladders", "segments", "rules")
_DRIFT: Final = ("report", "overwrite", "pin")


def rule_set_of(roots: Sequence[Node], first_file: str, reading: Reading) -> RuleSet:
    """All files of one rule set together. With findings that are errors it is not complete."""
    found = _merged(roots, reading)
    declared = _store(found, Place(first_file, 1, 1), reading)
    values: dict[str, Any] = {}
    for key, read in _ONCE_READERS.items():
        if key in found:
            values[key] = reading.report.tried(read, found[key][0], reading)
    values["groups"] = _groups(found.get("groups", []), reading)
    nodes = {key: _entries(found.get(key, []), key, reading) for key in ("ladders", "segments", "rules")}
    if sum(map(len, nodes.values())) > MAX_ENTRIES:
        place = next(node.place for node in nodes["rules"] or nodes["segments"] or nodes["ladders"])
        reading.report.add("too_many", place, "too many entries", f"a rule set has at most {MAX_ENTRIES:,} entries")
        nodes = {key: [] for key in nodes}
    for key, read in (("ladders", ladder), ("segments", segment), ("rules", rule)):
        values[key] = read_all(nodes[key], read, reading)
    return RuleSet(store=declared, **{key: value for key, value in values.items() if value is not None})


def _merged(roots: Sequence[Node], reading: Reading) -> dict[str, list[Node]]:
    merged: dict[str, list[Node]] = {}
    for root in roots:
        found = reading.report.tried(
            keys, root, "a rule file", reading.report, known=(*ONCE, *LISTS)
        )  # fmt: skip
        for key, value in (found or {}).items():
            if key in ONCE and key in merged:
                before = merged[key][0].place
                reading.report.add(
                    "given_twice",
                    value.place,
                    f"{key} is already given in {before.file}, line {before.line}",
                    f"keep {key} in one file of the folder",
                )
            else:
                merged.setdefault(key, []).append(value)
    return merged


def _store(found: dict[str, list[Node]], start: Place, reading: Reading) -> Store:
    if "store" not in found:
        reading.report.add(
            "missing_key",
            start,
            "the rule set does not say store",
            "add store: {timezone: Europe/London, currency: GBP}",
        )
        return Store(timezone="", currency="")
    return reading.report.tried(store, found["store"][0], reading) or Store(timezone="", currency="")


def _default_group(node: Node, reading: Reading) -> str:
    if isinstance(node, Scalar) and node.quoted and node.text == "":
        return ""
    name = text(node, "default_group")
    reading.default_group.append(Use(name, node.place))
    return name


def _unmanaged(node: Node, reading: Reading) -> str:
    return choice(node, "unmanaged", ("keep",))


def _drift(node: Node, reading: Reading) -> str:
    return choice(node, "drift", _DRIFT)


_ONCE_READERS: Final[dict[str, Callable[[Node, Reading], Any]]] = {
    "spend": spend,
    "channels": channels,
    "aliases": aliases,
    "postcodes": postcodes,
    "calendars": calendars,
    "group_order": group_order,
    "default_group": _default_group,
    "max_age": max_age,
    "quiet_hours": quiet_hours,
    "frequency_cap": frequency_cap,
    "unmanaged": _unmanaged,
    "drift": _drift,
}


def _groups(nodes: Sequence[Node], reading: Reading) -> tuple[Any, ...]:
    groups: list[Any] = []
    for node in nodes:
        if isinstance(node, Items) and not node.items:
            continue
        read = reading.report.tried(
            each, node, "groups", "groups: [{name: Gold}]", reading.report, lambda item: group(item, reading)
        )  # fmt: skip
        groups.extend(read or ())
    return tuple(groups)


def _entries(nodes: Sequence[Node], key: str, reading: Reading) -> list[Node]:
    found: list[Node] = []
    for node in nodes:
        if isinstance(node, Items):
            found.extend(node.items)
        else:
            reading.report.tried(_not_a_list, node, key)
    return found


def _not_a_list(node: Node, key: str) -> None:
    raise Refused("wrong_shape", node.place, f"{key} is a list", f"write {key}: and one `- id: ...` per entry below")
