"""Conditions that no customer can meet: at all, or at the moment their rule looks."""

from typing import Final

from headrace.rules.catalogue import FIELDS
from headrace.rules.lint.looking import Looking, condition_of, entries_of
from headrace.rules.lint.ranges import Range, excludes_itself, range_of
from headrace.rules.model import AllOf, AnyOf, Condition, Each, Leaf, Not, Rule, Segment

_NOUGHT: Final = frozenset({"customer.spend", "customer.orders", "customer.items", "customer.refunds"})
"""Numbers that are 0 for a customer without orders."""
_UNSET: Final = frozenset(
    {
        "customer.average_order",
        "customer.largest_order",
        "customer.first_order_at",
        "customer.last_order_at",
        "customer.days_since_last_order",
    }
)
"""What a customer without orders does not have."""


def check_never(looking: Looking) -> set[str]:
    """Tests that exclude each other, and rules on a new customer that ask for what only orders bring: their ids."""
    never: set[str] = set()
    for entry in entries_of(looking.rule_set):
        condition = condition_of(entry)
        if condition is None:
            continue
        if _contradicts(looking, entry, condition):
            never.add(entry.id)
        elif isinstance(entry, Rule) and entry.when.name == "customer.created" and _at_creation(condition) is False:
            _say_never_fires(looking, entry, condition)
            never.add(entry.id)
    return never


def _contradicts(looking: Looking, entry: Segment | Rule, condition: Condition) -> bool:
    leaf = excludes_itself(condition)
    if leaf is not None:
        looking.say(
            "never_holds",
            entry,
            f"no customer can meet this and the tests of {leaf.field} before it at once",
            "write any: in place of all:, or mend the bounds",
            at=leaf,
        )
    return leaf is not None


def _at_creation(condition: Condition) -> bool | None:
    """Whether a customer without orders meets it; None where that hangs on something else."""
    match condition:
        case AllOf(of=of):
            parts = [_at_creation(part) for part in of]
            return False if False in parts else None if None in parts else True
        case AnyOf(of=of):
            parts = [_at_creation(part) for part in of]
            return True if True in parts else None if None in parts else False
        case Not(of=part):
            inner = _at_creation(part)
            return None if inner is None else not inner
        case Each(field="customer.purchased", quantifier=quantifier):
            return quantifier == "none" if quantifier != "count" else None
        case Leaf():
            return _leaf_at_creation(condition)
        case _:
            return None


def _leaf_at_creation(leaf: Leaf) -> bool | None:
    if leaf.field in _UNSET:
        return leaf.operator in ("is_not", "not_in", "is_unset")
    if leaf.field in _NOUGHT and (found := range_of(leaf)) is not None:
        return not found.both(Range(0, 1)).empty
    return None


def _say_never_fires(looking: Looking, rule: Rule, condition: Condition) -> None:
    leaf = next(iter(_asks_for_orders(condition)), None)
    field = "customer.spend" if leaf is None else leaf.field
    nought = "not there yet" if field in _UNSET else "0"
    looking.say(
        "never_fires",
        rule,
        f"{field} is {nought} when an account is created: this rule never fires",
        f"make it a segment (who: {{{field}: ...}}) or a ladder by {field}: both follow the number as it grows",
        at=leaf,
    )


def _asks_for_orders(condition: Condition) -> list[Leaf]:
    match condition:
        case AllOf(of=of) | AnyOf(of=of):
            return [leaf for part in of for leaf in _asks_for_orders(part)]
        case Not(of=part):
            return _asks_for_orders(part)
        case Leaf() if condition.field in _NOUGHT | _UNSET and condition.field in FIELDS:
            return [condition]
        case _:
            return []
