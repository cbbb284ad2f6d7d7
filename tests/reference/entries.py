"""The entries of a rule set: in which order they are asked, what each writes, gives and reads."""

from collections.abc import Iterable, Iterator
from functools import lru_cache

import msgspec

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
    decode_rule_set,
)
from tests.reference.labels import Label, attribute_labels, tag_labels

Entry = Rule | Segment | Ladder


def in_order(rules: RuleSet) -> list[Entry]:
    """Rules, segments, ladders as in the file, but who reads a label comes after all that write it.

    A rule does not wait for another rule: each acts on what the ones before it set.
    """
    return _in_order(msgspec.json.encode(rules))


@lru_cache(maxsize=256)
def _in_order(encoded: bytes) -> list[Entry]:
    rules = decode_rule_set(encoded)
    waiting: list[Entry] = [*rules.rules, *rules.segments, *rules.ladders]
    done: list[Entry] = []
    while waiting:
        entry = next(one for one in waiting if not any(_waits(one, other) for other in waiting))
        waiting.remove(entry)
        done.append(entry)
    return done


def _waits(entry: Entry, other: Entry) -> bool:
    if isinstance(entry, Rule) and isinstance(other, Rule):
        return False
    return bool(_reads(entry) & _writes(other))


def leaves(condition: Condition | None) -> Iterator[Leaf | Each]:
    """Every test of the customer in a condition; of a list the list's."""
    match condition:
        case AllOf(of=of) | AnyOf(of=of):
            for part in of:
                yield from leaves(part)
        case Not(of=part):
            yield from leaves(part)
        case Leaf() | Each():
            yield condition


def condition_of(entry: Entry) -> Condition | None:
    return entry.if_ if isinstance(entry, Rule) else entry.who if isinstance(entry, Segment) else None


def _reads(entry: Entry) -> set[str]:
    return {one.field for one in leaves(condition_of(entry))}


def _writes(entry: Entry) -> set[str]:
    if isinstance(entry, Rule):
        labels: set[Label] = set().union(*(labels_of(action) for action in entry.then))
    else:
        givers = entry.rungs if isinstance(entry, Ladder) else (entry,)
        labels = set().union(*map(given, givers))
    return {f"customer.{kind}s.{name}" for kind, name, _ in labels}


def given(giver: Segment | Rung) -> set[Label]:
    """The labels a segment or a rung gives while the customer is in it."""
    return attribute_labels(giver.attributes) | tag_labels(giver.tags)


def labels_of(action: Action) -> set[Label]:
    """Those an action sets or removes."""
    match action:
        case AddAttribute(values=values) | RemoveAttribute(values=values):
            return attribute_labels(values)
        case AddTag(tags=tags) | RemoveTag(tags=tags):
            return tag_labels(tags)
    return set()


def renames(entries: Iterable[Entry]) -> dict[str, str]:
    """Old id -> new id."""
    several = list(entries)
    known = {entry.id for entry in several}
    return {entry.renamed_from: entry.id for entry in several if entry.renamed_from and entry.renamed_from not in known}


def parts_read(entry: Entry) -> set[str]:
    """Of what an entry is made: profile, orders, labels. The newest fact behind it is the newest of these."""
    fields = {entry.by} if isinstance(entry, Ladder) else _reads(entry)
    return {_part(name) for name in fields}


def _part(name: str) -> str:
    if name.startswith(("customer.attributes.", "customer.tags.")):
        return "labels"
    if name in OF_ORDERS or name.startswith("customer.channel_share."):
        return "orders"
    return "time" if name in ("calendar", "customer.visits") else "profile"


OF_ORDERS = frozenset(
    f"customer.{name}"
    for name in (
        *("spend", "orders", "items", "refunds", "average_order", "largest_order", "spend_before"),
        *("first_order_at", "last_order_at", "days_since_last_order", "purchased", "channels"),
    )
)
