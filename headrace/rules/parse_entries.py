"""Segments and rules: their keys, and what each must say.

Ladders stand in `parse_ladders.py`; what only several entries together show is checked in `check.py`.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from headrace.contracts.events import CUSTOMER_DELETED
from headrace.rules.catalogue import trigger_spec
from headrace.rules.findings import Refused
from headrace.rules.model import Action, AssignGroup, Rule, Segment, Send, Trigger
from headrace.rules.names import entry_id
from headrace.rules.parse_actions import actions, turns, with_keys
from headrace.rules.parse_conditions import Scoped, condition
from headrace.rules.parse_labels import attributes, group_name, lists, tags
from headrace.rules.parse_store import ABOUT, about
from headrace.rules.parse_triggers import trigger
from headrace.rules.reading import Kind, Reading, Use, keys
from headrace.rules.scalars import choice
from headrace.rules.yaml_source import Mapping, Node, Scalar

Read = Callable[[Node, Reading], Any]
GIVES: Final = ("group", "attributes", "tags", "lists")
TURNS: Final = ("on_enter", "on_exit")
DOES: Final = (*GIVES, *TURNS)
ADD_SOMETHING: Final = "add group:, attributes:, tags:, lists: or on_enter:"
SEGMENT_KEYS: Final = ("id", "who", *DOES, "renamed_from", *ABOUT)
RULE_KEYS: Final = ("id", "when", "if", "then", "past", "renamed_from", *ABOUT)
GIVE_READERS: Final[dict[str, Read]] = {
    "group": group_name,
    "attributes": attributes,
    "tags": tags,
    "lists": lists,
    "on_enter": turns,
    "on_exit": turns,
}


def known_id(node: Node) -> str | None:
    """The id as far as it can be told, for findings inside the entry."""
    value = node.get("id") if isinstance(node, Mapping) else None
    return value.text[:100] if isinstance(value, Scalar) and value.text else None


def open_entry(
    node: Node, kind: Kind, reading: Reading, known: Sequence[str], required: Sequence[str]
) -> dict[str, Node]:
    """The keys of an entry, its id and renamed_from recorded, missing ones reported."""
    report = reading.report
    found = keys(node, f"a {kind}", report, known=known)
    if "id" in found:
        name = report.tried(entry_id, found["id"])
        if name is not None:
            reading.ids.append(Use(name, found["id"].place, name))
    for key in required:
        if key not in found and not _reported(node, key):
            report.add("missing_key", node.place, f"this {kind} has no {key}", f"add {key}: {_EXAMPLES[key]}")
    if "renamed_from" in found:
        before = report.tried(entry_id, found["renamed_from"])
        if before is not None:
            reading.renamed.append(Use(before, found["renamed_from"].place, report.entry))
    _missing_about(found, node, kind, reading)
    return found


_EXAMPLES: Final = {
    "id": "gold-members",
    "who": "{customer.spend: {above: 500}}",
    "when": "order.placed",
    "then": "[{assign_group: Gold}]",
    "by": "customer.spend",
    "rungs": "[{group: Silver}, {group: Gold, from: 1000}]",
}


def _reported(node: Node, key: str) -> bool:
    return isinstance(node, Mapping) and node.get(key) is not None


def _missing_about(found: dict[str, Node], node: Node, kind: str, reading: Reading) -> None:
    missing = [key for key in ("goal", "owner") if key not in found]
    if missing:
        words = " and ".join(missing)
        reading.report.add(
            "owner_or_goal_missing",
            node.place,
            f"this {kind} has no {words}",
            f"add {words}: who to ask, and what it is for, when someone wonders in a year",
        )


def common(found: dict[str, Node], reading: Reading) -> dict[str, Any]:
    """id, renamed_from and what an entry says of itself; values that were refused are None."""
    values: dict[str, Any] = dict(about(found, reading))
    for key in ("id", "renamed_from"):
        node = found.get(key)
        values[key] = node.text if isinstance(node, Scalar) else None
    return values


def given(found: dict[str, Node], reading: Reading) -> dict[str, Any]:
    """Group, attributes, tags with lists, and effects without their keys, where they are named."""
    read = {key: reading.report.tried(read, found[key], reading) for key, read in GIVE_READERS.items() if key in found}
    if "lists" in read:
        tags_, lists_ = read.get("tags", ()), read.pop("lists")
        read["tags"] = None if tags_ is None or lists_ is None else (*tags_, *lists_)
    return read


def segment(node: Node, reading: Reading) -> Segment | None:
    """Customers WHO meet a condition, and what they have while they do."""
    found = open_entry(node, "segment", reading, SEGMENT_KEYS, ("id", "who"))
    scope = Scoped(order=False, where="a segment")
    values = common(found, reading) | given(found, reading)
    values["who"] = reading.report.tried(condition, found["who"], scope, reading) if "who" in found else None
    values["on_enter"] = with_keys(values.get("on_enter") or ())
    values["on_exit"] = with_keys(values.get("on_exit") or (), "exit.")
    if not any(key in found for key in DOES):
        reading.report.add("does_nothing", node.place, "this segment gives nothing to its customers", ADD_SOMETHING)
    return None if _unread(values, found, ("id", "who")) else Segment(**values)


def rule(node: Node, reading: Reading) -> Rule | None:
    """WHEN an event is seen, IF the condition holds, THEN actions."""
    report = reading.report
    found = open_entry(node, "rule", reading, RULE_KEYS, ("id", "when", "then"))
    values = common(found, reading)
    when = report.tried(trigger, found["when"], reading) if "when" in found else None
    then = report.tried(actions, found["then"], reading) if "then" in found else None
    values |= {"when": when, "then": then}
    if "if" in found:
        values["if_"] = report.tried(condition, found["if"], _scope(when), reading)
    if "past" in found:
        values["past"] = report.tried(_past_word, found["past"], when)
    if when is not None and then:
        _to_the_deleted(found["then"], when, then, reading)
    _past(found, node, then or (), reading)
    return None if _unread(values, found, ("id", "when", "then")) else Rule(**values)


def _scope(when: Trigger | None) -> Scoped:
    if when is None:
        return Scoped(order=True, cart=True, event=True, happening=True, where="this rule")
    spec = trigger_spec(when.name)
    return Scoped(
        order=spec.order,
        cart=spec.cart,
        event=spec.event,
        happening=spec.happening,
        where=f"a rule on {when.name}",
    )


def _past_word(node: Node, when: Trigger | None) -> str:
    word = choice(node, "past", ("ignore", "apply"))
    if word == "apply" and when is not None and not trigger_spec(when.name).past:
        raise Refused(
            "past_unknown",
            node.place,
            f"the orders from before the rule do not tell when {when.name} happened",
            "write past: ignore; or a segment, if it is about a lasting property",
        )
    return word


def _to_the_deleted(node: Node, when: Trigger, then: tuple[Action, ...], reading: Reading) -> None:
    if when.name == CUSTOMER_DELETED and any(not isinstance(action, Send) for action in then):
        reading.report.add(
            "does_nothing",
            node.place,
            "a deleted customer can be given nothing",
            "write effects only: [{notify_staff: {channel: crm, text: A customer left}}]",
        )


def _past(found: dict[str, Node], node: Node, then: tuple[Action, ...], reading: Reading) -> None:
    if "past" not in found and any(isinstance(action, AssignGroup) for action in then):
        reading.report.add(
            "past_missing",
            node.place,
            "this rule assigns a group and does not say whether orders before it count",
            "add past: apply (older orders count too) or past: ignore (only what happens from now on)",
        )


def _unread(values: dict[str, Any], found: dict[str, Node], required: Sequence[str]) -> bool:
    """Whether a required or a written value was refused (a finding says why)."""
    written = {"if": "if_", "lists": "tags"}
    return any(values.get(key) is None for key in required) or any(
        values.get(written.get(key, key), "") is None for key in found
    )


def read_all(nodes: Sequence[Node], read: Callable[[Node, Reading], Any], reading: Reading) -> tuple[Any, ...]:
    """Every entry of a list; those refused are left out, their findings carry their id."""
    entries = []
    for node in nodes:
        with reading.report.inside(known_id(node)):
            entries.append(reading.report.tried(_is_mapping(read), node, reading))
    return tuple(entry for entry in entries if entry is not None)


def _is_mapping(read: Callable[[Node, Reading], Any]) -> Callable[[Node, Reading], Any]:
    def checked(node: Node, reading: Reading) -> Any:
        if not isinstance(node, Mapping):
            raise Refused("wrong_shape", node.place, "an entry is a mapping", "write - id: ... and its keys below")
        return read(node, reading)

    return checked
