"""Which entries read what others set (an attribute, the tags on a platform), and whether they do so in a circle.

Entries refer to each other only so in this release. Rules among themselves make no circle: they act in file order.
"""

from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

from headrace.rules.catalogue import ATTRIBUTES, TAGS
from headrace.rules.model import (
    Action,
    AddAttribute,
    AddTag,
    AllOf,
    AnyOf,
    Condition,
    Each,
    Ladder,
    Leaf,
    Not,
    RemoveAttribute,
    RemoveTag,
    Rule,
    RuleSet,
    Rung,
    Segment,
    fold,
)

Entry = Ladder | Segment | Rule


class Circle(NamedTuple):
    """Ids of entries that wait for each other, and the fields through which they do."""

    entries: tuple[str, ...]
    through: tuple[str, ...]


def leaves(condition: Condition | None) -> Iterator[Leaf]:
    """Every test on a field outside lists (elements of lists depend on no entry)."""
    waiting = [condition] if condition is not None else []
    while waiting:
        node = waiting.pop()
        if isinstance(node, Leaf):
            yield node
        elif isinstance(node, AllOf | AnyOf):
            waiting.extend(node.of)
        elif isinstance(node, Not):
            waiting.append(node.of)
        else:
            assert isinstance(node, Each)


def reads(entry: Entry) -> frozenset[str]:
    """Fields read that entries may set: `customer.attributes.tier`, `customer.tags.mailchimp`."""
    if isinstance(entry, Ladder):
        return frozenset()
    found: set[str] = set()
    for leaf in leaves(entry.who if isinstance(entry, Segment) else entry.if_):
        if leaf.field.startswith((ATTRIBUTES, TAGS)):
            found.add(_label(leaf.field))
    return frozenset(found)


def _label(field: str) -> str:
    """Case and accents make no other attribute."""
    return ATTRIBUTES + fold(field.removeprefix(ATTRIBUTES)) if field.startswith(ATTRIBUTES) else field


def writes(entry: Entry) -> frozenset[str]:
    """Fields this entry sets values of, named as in `reads`."""
    if isinstance(entry, Rule):
        return frozenset(name for action in entry.then for name in _of_action(action))
    givers: tuple[Segment | Rung, ...] = entry.rungs if isinstance(entry, Ladder) else (entry,)
    attributes = {_label(ATTRIBUTES + name) for giver in givers for name in giver.attributes}
    return frozenset(attributes | {TAGS + tag.platform for giver in givers for tag in giver.tags})


def _of_action(action: Action) -> set[str]:
    if isinstance(action, AddAttribute | RemoveAttribute):
        return {_label(ATTRIBUTES + name) for name in action.values}
    if isinstance(action, AddTag | RemoveTag):
        return {TAGS + tag.platform for tag in action.tags}
    return set()


def entries_of(rule_set: RuleSet) -> tuple[Entry, ...]:
    """Ladders, segments, rules, each in file order."""
    return (*rule_set.ladders, *rule_set.segments, *rule_set.rules)


def _graph(rule_set: RuleSet) -> dict[str, set[str]]:
    entries = entries_of(rule_set)
    rules = {rule.id for rule in rule_set.rules}
    setters: dict[str, set[str]] = {}
    for entry in entries:
        for name in writes(entry):
            setters.setdefault(name, set()).add(entry.id)
    graph: dict[str, set[str]] = {}
    for entry in entries:
        waits = graph.setdefault(entry.id, set())
        for name in reads(entry):
            waits |= setters.get(name, set()) - (rules if entry.id in rules else set())
    return graph


def find_circle(rule_set: RuleSet) -> Circle | None:
    """A circle of entries, the first in the file first; None if there is none."""
    try:
        TopologicalSorter(_graph(rule_set)).prepare()
    except CycleError as error:
        ids = tuple(error.args[1][1:])
        return Circle(_rotated(ids, rule_set), _through(ids, rule_set))
    return None


def _rotated(ids: tuple[str, ...], rule_set: RuleSet) -> tuple[str, ...]:
    order = [entry.id for entry in entries_of(rule_set)]
    start = ids.index(min(ids, key=order.index))
    return ids[start:] + ids[:start]


def _through(ids: tuple[str, ...], rule_set: RuleSet) -> tuple[str, ...]:
    entries = [e for e in entries_of(rule_set) if e.id in ids]
    read = frozenset().union(*(reads(entry) for entry in entries))
    written = frozenset().union(*(writes(entry) for entry in entries))
    return tuple(sorted(read & written))
