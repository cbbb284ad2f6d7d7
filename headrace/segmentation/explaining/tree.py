"""The leaves of a rule set's conditions, each with the path a person finds it by.

A test on a list counts as one leaf: which element meets it may identify a person.
"""

from collections.abc import Iterator

import msgspec

from headrace.rules.model import AllOf, AnyOf, Condition, Each, Ladder, Leaf, Not, Rule, RuleSet, Segment

Test = Leaf | Each
Entry = Rule | Segment | Ladder


def leaves(condition: Condition, path: str) -> Iterator[tuple[str, Test]]:
    """Each with its path: `who.all[0].not.customer.spend`."""
    match condition:
        case AllOf(of=of):
            for number, part in enumerate(of):
                yield from leaves(part, f"{path}.all[{number}]")
        case AnyOf(of=of):
            for number, part in enumerate(of):
                yield from leaves(part, f"{path}.any[{number}]")
        case Not(of=part):
            yield from leaves(part, f"{path}.not")
        case Leaf() | Each():
            yield f"{path}.{condition.field}", condition


def tests_of(entry: Entry) -> tuple[tuple[str, Test], ...]:
    """What an entry asks of the customer; of a ladder the bounds of its rungs."""
    match entry:
        case Segment(who=who):
            return tuple(leaves(who, "who"))
        case Rule():
            return () if entry.if_ is None else tuple(leaves(entry.if_, "if"))
        case Ladder():
            return tuple(_bounds(entry))


def _bounds(ladder: Ladder) -> Iterator[tuple[str, Leaf]]:
    for number, rung in enumerate(ladder.rungs):
        if rung.bound != "start":
            leaf = Leaf(
                field=ladder.by, operator=rung.bound, operand=rung.threshold, window=ladder.window, only=ladder.only
            )
            yield f"rungs[{number}].{ladder.by}", leaf


def source_of(entry: Entry) -> str:
    """`rule:apple-buyers`."""
    return f"{type(entry).__name__.lower()}:{entry.id}"


def entries_of(rule_set: RuleSet) -> tuple[Entry, ...]:
    """In the order of the explanation: rules, segments, ladders."""
    return (*rule_set.rules, *rule_set.segments, *rule_set.ladders)


def said(test: Test) -> bytes:
    """The test as bytes: two that say the same are the same."""
    return msgspec.json.encode(test, order="deterministic")
