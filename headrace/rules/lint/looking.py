"""What every check of lint is given: the rule set, where things stand in the files, and how values are told."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from headrace.contracts.money import format_money
from headrace.rules.catalogue import FIELDS
from headrace.rules.findings import Code, Place
from headrace.rules.model import (
    Action,
    AllOf,
    AnyOf,
    Condition,
    Each,
    Ladder,
    Leaf,
    Not,
    Rule,
    RuleSet,
    Rung,
    Segment,
)
from headrace.rules.reading import Reading

Entry = Ladder | Segment | Rule


@dataclass(frozen=True, slots=True)
class Looking:
    """`today`: None where lint runs without a clock, as in tests and on `apply`."""

    rule_set: RuleSet
    reading: Reading
    today: date | None = None

    def say(self, code: Code, entry: Entry, message: str, hint: str, *, at: Leaf | Each | None = None) -> None:
        """Record a finding about an entry, at one of its tests if that is known."""
        known = self.reading.tests.get(id(at))
        self.reading.report.add(code, known[1] if known else self.place_of(entry), message, hint, id=entry.id)

    def place_of(self, entry: Entry) -> Place:
        """Where the entry's id stands."""
        return next(use.place for use in self.reading.ids if use.name == entry.id)

    def shown(self, field: str, value: int) -> str:
        """A value of a number field as people write it: 2,000.00 GBP."""
        money = field in FIELDS and FIELDS[field].family == "money"
        return format_money(value, self.rule_set.store.currency) if money else f"{value:,}"

    def plain(self, field: str, value: int) -> str:
        """The same as it is written in a rule file: 2000.00."""
        return self.shown(field, value).split(" ")[0].replace(",", "")


def condition_of(entry: Segment | Rule) -> Condition | None:
    """WHO or IF."""
    return entry.who if isinstance(entry, Segment) else entry.if_


def every_test(condition: Condition | None, *, negated: bool = False) -> Iterator[tuple[Leaf | Each, bool]]:
    """Every test of the customer or the order, in the order written, and whether a `not` turns it round.

    Tests of elements are not gone into: their list stands for them.
    """
    match condition:
        case Leaf() | Each():
            yield condition, negated
        case AllOf(of=of) | AnyOf(of=of):
            for part in of:
                yield from every_test(part, negated=negated)
        case Not(of=part):
            yield from every_test(part, negated=not negated)


def actions_of(entry: Entry) -> tuple[Action, ...]:
    """What a rule does; of a segment or ladder, its effects."""
    if isinstance(entry, Rule):
        return entry.then
    givers: tuple[Segment | Rung, ...] = (entry,) if isinstance(entry, Segment) else entry.rungs
    return tuple(action for giver in givers for action in (*giver.on_enter, *giver.on_exit))


def all_entries(rule_set: RuleSet) -> Iterator[Entry]:
    """Ladders, segments, rules, each in file order."""
    yield from rule_set.ladders
    yield from rule_set.segments
    yield from rule_set.rules


def entries_of(rule_set: RuleSet) -> Iterator[Segment | Rule]:
    """Those with a condition, in file order."""
    yield from rule_set.segments
    yield from rule_set.rules
