"""The entries of a rule set: in which order they are asked, what each writes, gives and reads."""

from collections import Counter
from collections.abc import Iterable, Iterator
from functools import lru_cache

import msgspec

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
    Send,
    decode_rule_set,
)
from tests.reference.labels import Label, attribute_labels, tag_labels

Entry = Rule | Segment | Ladder
Giver = Segment | Rung
GROUP_FIELDS = ("customer.group", "customer.kind", "customer.erp_id")


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
    """A rule that a change wakes waits for whatever may bring it, other rules too."""
    if awaits(entry) & _writes(other):
        return True
    if isinstance(entry, Rule) and isinstance(other, Rule):
        return False
    return bool(reads(entry) & _writes(other))


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
    """What it asks before it does anything."""
    return entry.if_ if isinstance(entry, Rule) else entry.who if isinstance(entry, Segment) else None


def reads(entry: Entry) -> set[str]:
    """Names of what it reads that entries may set; memberships by the entry that decides them."""
    found: set[str] = set()
    for one in leaves(condition_of(entry)):
        found.add("group" if one.field in GROUP_FIELDS else one.field)
        if isinstance(one, Leaf) and one.field in ("customer.in_segment", "customer.on_rung"):
            names = one.operand if isinstance(one.operand, tuple) else (one.operand,)
            found |= {f"{one.field}:{name}" for name in names}
    return found


def awaits(entry: Entry) -> set[str]:
    """What wakes it when it changes."""
    if not isinstance(entry, Rule):
        return set()
    if entry.when.name == "attribute.changed":
        return {f"customer.attributes.{entry.when.of}"}
    return {"group"} if entry.when.name == "group.changed" else set()


def _writes(entry: Entry) -> set[str]:
    found: set[str] = set()
    if isinstance(entry, Rule):
        labels: set[Label] = set().union(*(labels_of(action) for action in entry.then))
        found |= {"group" for action in entry.then if isinstance(action, AssignGroup)}
    else:
        several: tuple[Giver, ...] = entry.rungs if isinstance(entry, Ladder) else (entry,)
        labels = set().union(*map(given, several))
        found |= {"group" for giver in several if giver.group is not None}
    if isinstance(entry, Segment):
        found.add(f"customer.in_segment:{entry.id}")
    if isinstance(entry, Ladder):
        found |= {
            f"customer.on_rung:{name}" for number in range(len(entry.rungs)) for name in rung_names(entry, number)
        }
    return found | {f"customer.{kind}s.{name}" for kind, name, _ in labels}


def rung_names(ladder: Ladder, number: int) -> set[str]:
    """Gold, loyalty/Gold, loyalty/2."""
    group = ladder.rungs[number].group
    return {f"{ladder.id}/{number + 1}"} | ({group, f"{ladder.id}/{group}"} if group else set())


def givers(rules: RuleSet, segments: set[str], rungs: dict[str, int]) -> Iterator[tuple[str, Entry, Giver]]:
    """Source, entry and what gives of those the customer is in."""
    for segment in rules.segments:
        if segment.id in segments:
            yield f"segment:{segment.id}", segment, segment
    for ladder in rules.ladders:
        if ladder.id in rungs:
            yield f"ladder:{ladder.id}", ladder, ladder.rungs[rungs[ladder.id]]


def given(giver: Giver) -> set[Label]:
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
    if isinstance(entry, Ladder):
        return {_part(entry.by)}
    return {_part(one.field) for one in leaves(condition_of(entry))}


def _part(name: str) -> str:
    if name.startswith(("customer.attributes.", "customer.tags.")) or name in MEMBERSHIPS:
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
MEMBERSHIPS = (*GROUP_FIELDS, "customer.in_segment", "customer.on_rung", "customer.pinned")


def keyed(actions: Iterable[Action]) -> list[tuple[str, Action]]:
    """Actions that are effects or wait, by their key: an effect's own, else the kind with its number."""
    found: list[tuple[str, Action]] = []
    counts: Counter[str] = Counter()
    for action in actions:
        kind = KINDS.get(type(action), "")
        counts[kind] += 1
        key = action.key if isinstance(action, Send) else kind if counts[kind] == 1 else f"{kind}-{counts[kind]}"
        if isinstance(action, Send) or action.after is not None:
            found.append((key, action))
    return found


KINDS: dict[type[Action], str] = {
    AssignGroup: "assign_group",
    AddAttribute: "add_attribute",
    RemoveAttribute: "remove_attribute",
    AddTag: "tag",
    RemoveTag: "untag",
}
