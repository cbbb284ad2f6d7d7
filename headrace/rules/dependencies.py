"""Which entries read what others set, whether they do so in a circle, and the order in which none reads too early.

Everything an entry can set and another can read has one label; both the circles that are refused and the order in which
entries are evaluated come from these.
"""

from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from heapq import heapify, heappop, heappush
from typing import Final, NamedTuple

from headrace.rules.catalogue import ATTRIBUTES, GROUP_FIELDS, IN_SEGMENT, ON_RUNG, TAGS
from headrace.rules.model import (
    Action,
    AddAttribute,
    AddTag,
    AllOf,
    AnyOf,
    AssignGroup,
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
    Trigger,
    fold,
)

Entry = Ladder | Segment | Rule
GROUP: Final = "group"
"""Label of the customer's group; the others are `customer.attributes.<name>`, `customer.tags.<platform>`,
`segment:<id>`, `ladder:<id>` and `rung:<group>` of every ladder with a rung of that group.
"""
ATTRIBUTE_CHANGED: Final = "attribute.changed"
GROUP_CHANGED: Final = "group.changed"
CHANGES: Final = frozenset({ATTRIBUTE_CHANGED, GROUP_CHANGED})
"""Triggers that wait for what other entries do."""


class Circle(NamedTuple):
    """Ids of entries that wait for each other, and the labels through which they do."""

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
    """Labels an entry's condition reads; what its trigger waits for is in `awaits`."""
    if isinstance(entry, Ladder):
        return frozenset()
    condition = entry.who if isinstance(entry, Segment) else entry.if_
    return frozenset(label for leaf in leaves(condition) for label in _read(leaf))


def awaits(entry: Entry) -> frozenset[str]:
    """Labels that a rule's trigger waits for a change of."""
    return _awaited(entry.when) if isinstance(entry, Rule) else frozenset()


def _awaited(when: Trigger) -> frozenset[str]:
    if when.name == GROUP_CHANGED:
        return frozenset({GROUP})
    return frozenset({_label(ATTRIBUTES + (when.of or ""))} if when.name == ATTRIBUTE_CHANGED else ())


def _read(leaf: Leaf) -> Iterator[str]:
    if leaf.field.startswith((ATTRIBUTES, TAGS)):
        yield _label(leaf.field)
    elif leaf.field in GROUP_FIELDS:
        yield GROUP
    elif leaf.field in (IN_SEGMENT, ON_RUNG):
        for name in leaf.operand if isinstance(leaf.operand, tuple) else (leaf.operand,):
            if leaf.field == IN_SEGMENT:
                yield f"segment:{name}"
            else:
                yield f"rung:{name}"
                yield f"ladder:{str(name).partition('/')[0]}"


def _label(field: str) -> str:
    """Case and accents make no other attribute."""
    return ATTRIBUTES + fold(field.removeprefix(ATTRIBUTES)) if field.startswith(ATTRIBUTES) else field


def writes(entry: Entry) -> frozenset[str]:
    """Labels this entry sets."""
    if isinstance(entry, Rule):
        return frozenset(name for action in entry.then for name in _of_action(action))
    givers: tuple[Segment | Rung, ...] = entry.rungs if isinstance(entry, Ladder) else (entry,)
    found = {_label(ATTRIBUTES + name) for giver in givers for name in giver.attributes}
    found |= {TAGS + tag.platform for giver in givers for tag in giver.tags if not tag.list}
    groups = {giver.group for giver in givers if giver.group is not None}
    found |= {source_of(entry)} | ({GROUP} if groups else set())
    return frozenset(found | {f"rung:{group}" for group in groups if isinstance(entry, Ladder)})


def _of_action(action: Action) -> set[str]:
    match action:
        case AddAttribute(values=values) | RemoveAttribute(values=values):
            return {_label(ATTRIBUTES + name) for name in values}
        case AddTag(tags=tags) | RemoveTag(tags=tags):
            return {TAGS + tag.platform for tag in tags if not tag.list}  # nothing reads a list
        case AssignGroup():
            return {GROUP}
        case _:
            return set()


def rung_names(rule_set: RuleSet) -> dict[str, tuple[tuple[str, int], ...]]:
    """`Gold`, `loyalty/Gold` and, counted from 1, `loyalty/2` -> the ladders and rung numbers they mean."""
    found: dict[str, tuple[tuple[str, int], ...]] = {}
    for ladder in rule_set.ladders:
        for number, rung in enumerate(ladder.rungs):
            groups = () if rung.group is None else (rung.group, f"{ladder.id}/{rung.group}")
            for name in dict.fromkeys((*groups, f"{ladder.id}/{number + 1}")):
                found[name] = (*found.get(name, ()), (ladder.id, number))
    return found


def source_of(entry: Entry) -> str:
    """`rule:apple-buyers`: what verdicts and claims call an entry."""
    kind = {Rule: "rule", Segment: "segment", Ladder: "ladder"}[type(entry)]
    return f"{kind}:{entry.id}"


def entries_of(rule_set: RuleSet) -> tuple[Entry, ...]:
    """Ladders, segments, rules, each in file order."""
    return (*rule_set.ladders, *rule_set.segments, *rule_set.rules)


def in_order(rule_set: RuleSet) -> tuple[str, ...]:
    """Sources of rules, segments, ladders, each in file order, except that who sets a label comes before who reads it.

    Raises ValueError for entries that wait for each other in a circle.
    """
    entries: tuple[Entry, ...] = (*rule_set.rules, *rule_set.segments, *rule_set.ladders)
    waits = _waits(entries)
    followers: list[list[int]] = [[] for _ in entries]
    for index, before in enumerate(waits):
        for other in before:
            followers[other].append(index)
    ready = [index for index, before in enumerate(waits) if not before]
    heapify(ready)
    done: list[int] = []
    while ready:
        index = heappop(ready)
        done.append(index)
        for other in followers[index]:
            waits[other].remove(index)
            if not waits[other]:
                heappush(ready, other)
    if len(done) < len(entries):
        circle = sorted(source_of(entries[index]) for index in set(range(len(entries))) - set(done))
        raise ValueError(f"entries read each other's labels in a circle: {', '.join(circle)}")
    return tuple(source_of(entries[index]) for index in done)


def _waits(entries: tuple[Entry, ...]) -> list[set[int]]:
    """The numbers of the entries that each must come after.

    Rules among themselves act in the file's order, each on what the ones before it set; only where a rule is woken by a
    change does it wait for every rule that may bring it.
    """
    setters: dict[str, list[int]] = {}
    for index, entry in enumerate(entries):
        for label in writes(entry):
            setters.setdefault(label, []).append(index)
    waits: list[set[int]] = []
    for entry in entries:
        read = {other for label in reads(entry) for other in setters.get(label, ())}
        if isinstance(entry, Rule):
            read = {other for other in read if not isinstance(entries[other], Rule)}
        waits.append(read | {other for label in awaits(entry) for other in setters.get(label, ())})
    return waits


def find_circle(rule_set: RuleSet) -> Circle | None:
    """A circle of entries, the first in the file first; None if there is none."""
    entries = entries_of(rule_set)
    try:
        TopologicalSorter(dict(enumerate(_waits(entries)))).prepare()
    except CycleError as error:
        ring = list(error.args[1][1:])
        first = ring.index(min(ring))
        circle = [entries[index] for index in ring[first:] + ring[:first]]
        return Circle(tuple(entry.id for entry in circle), _through(circle))
    return None


def _through(circle: list[Entry]) -> tuple[str, ...]:
    read = frozenset().union(*(reads(entry) | awaits(entry) for entry in circle))
    written = frozenset().union(*(writes(entry) for entry in circle))
    return tuple(sorted(read & written))
