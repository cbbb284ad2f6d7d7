"""Conditions turned against whoever nothing is known of: what still holds does not hold by an unset value.

Pure, on rule sets; whom an entry concerns only so is found by `by_unset.py`.
"""

from typing import Final

from msgspec.structs import replace

from headrace.rules.catalogue import ATTRIBUTES, FIELDS, OPERATORS, TAGS, prefixed_field
from headrace.rules.model import AllOf, AnyOf, Condition, Each, Leaf, Not, RuleSet
from headrace.segmentation.conditions import number

_PRESENCE: Final = frozenset({"is_set", "is_unset"})
_BELOW_ALL: Final = -(2**62)
ALWAYS_KNOWN: Final = frozenset(
    {"customer.spend", "customer.orders", "customer.items", "customer.refunds", "customer.visits"}
)
"""Numbers that are 0 where nothing is known."""
_ADDRESSES: Final = "customer.addresses"
_ANY_ADDRESS: Final = Each(field=_ADDRESSES, quantifier="any", of=AllOf(of=()))


def segments_against_unset(rule_set: RuleSet) -> tuple[RuleSet, frozenset[str]]:
    """The rule set with every unset value held against its segments, and the ids of those it makes a difference to."""
    segments = tuple(replace(segment, who=known_only(segment.who)) for segment in rule_set.segments)
    differing = {new.id for new, old in zip(segments, rule_set.segments, strict=True) if new.who != old.who}
    return replace(rule_set, segments=segments), frozenset(differing)


def rules_against_unset(rule_set: RuleSet) -> tuple[RuleSet, frozenset[str]]:
    """The same for rules that look at the orders from before they were; the others act when something happens."""
    rules = tuple(
        rule if rule.past != "apply" or rule.if_ is None else replace(rule, if_=known_only(rule.if_))
        for rule in rule_set.rules
    )
    differing = {new.id for new, old in zip(rules, rule_set.rules, strict=True) if new.if_ != old.if_}
    return replace(rule_set, rules=rules), frozenset(differing)


def known_only(condition: Condition) -> Condition:
    """Holds where the condition does whatever the unset values would turn out to be.

    `is_set` and `is_unset` ask for it and are left as they are; consent that is unset is denied, which is no gap; what
    a customer ordered and is a member of is always known, addresses only if there is one.
    """
    return _against(condition, positive=True)


def _against(condition: Condition, *, positive: bool) -> Condition:
    match condition:
        case AllOf(of=of):
            return AllOf(of=tuple(_against(part, positive=positive) for part in of))
        case AnyOf(of=of):
            return AnyOf(of=tuple(_against(part, positive=positive) for part in of))
        case Not(of=part):
            return Not(of=_against(part, positive=not positive))
        case Leaf():
            return _guarded(condition, _value_of(condition), _holds_unset(condition), positive=positive)
        case Each():
            known = _ANY_ADDRESS if condition.field == _ADDRESSES else None
            return _guarded(condition, known, _holds_empty(condition), positive=positive)


def _guarded(test: Leaf | Each, known: Condition | None, holds_unset: bool, *, positive: bool) -> Condition:  # noqa: FBT001  # one of two
    """The test where its value is known; where it is not, the answer that is against the customer."""
    if known is None or holds_unset is not positive:
        return test
    return AllOf(of=(test, known)) if positive else AnyOf(of=(test, Not(of=known)))


def _holds_empty(each: Each) -> bool:
    """Whether the test holds on a list without elements."""
    if each.quantifier == "count":
        return number.evaluate(0, each.operator or "", each.operand)
    return each.quantifier == "none"


def _holds_unset(leaf: Leaf) -> bool:
    """Whether the test holds on an unset value."""
    operator = OPERATORS.get(leaf.operator)
    return operator is not None and not operator.positive


def _value_of(leaf: Leaf) -> Condition | None:
    """Whether the leaf's field has a value, as a condition; None where that is always so, or was asked for."""
    if leaf.operator in _PRESENCE:
        return None
    if leaf.field.startswith((ATTRIBUTES, TAGS)):
        return Leaf(field=leaf.field, operator="is_set")
    field = FIELDS.get(leaf.field) or prefixed_field(leaf.field)
    if field is None or field.family == "membership" or leaf.field in ALWAYS_KNOWN:
        return None
    if "is_set" in field.operators:
        return Leaf(field=leaf.field, operator="is_set")
    if field.family in ("number", "money"):
        return Leaf(field=leaf.field, operator="from", operand=_BELOW_ALL)
    return None
