"""From a condition to a closure and a text: which family a field belongs to, in the one table of fields.

A new family is its file and its line in `_customer_leaf` or `_element_leaf`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from headrace.rules.model import AllOf, AnyOf, Condition, Each, Leaf, Not
from headrace.segmentation.conditions import combination, consent, geography, lists, number, sets, text
from headrace.segmentation.facts import (
    CONSENTS,
    LINE_CATEGORIES,
    LINE_LISTS,
    LINE_NUMBERS,
    LINE_TEXTS,
    MONEY,
    NUMBERS,
    PERSONAL,
    PLACE_LIST,
    PLACES,
    TEXTS,
    Facts,
    catalogue_folded,
    depends_on,
)
from headrace.segmentation.state import Line, Place

T = TypeVar("T")
Predicate = Callable[[Facts], bool]
ATTRIBUTES = "customer.attributes."
TAGS = "customer.tags."


@dataclass(frozen=True, slots=True)
class CompiledCondition:
    """A condition ready to ask: `reads` names the parts of the customer it depends on, `labels` the sets."""

    holds: Predicate
    text: str
    reads: frozenset[str]
    labels: frozenset[str]
    """`customer.attributes.<name>` and `customer.tags.<platform>` that it reads."""


def compile_condition(condition: Condition, currency: str) -> CompiledCondition:
    """Raises ValueError for a field or operator that does not exist: the rule set was made by another release."""
    fields = frozenset(_fields(condition))
    return CompiledCondition(
        holds=_customer(condition),
        text=explain(condition, currency),
        reads=frozenset(depends_on(field) for field in fields),
        labels=frozenset(field for field in fields if field.startswith((ATTRIBUTES, TAGS))),
    )


def explain(condition: Condition, currency: str) -> str:
    """The condition in words, without anything that identifies a person."""
    match condition:
        case AllOf(of=of):
            return combination.explain("and", [explain(part, currency) for part in of])
        case AnyOf(of=of):
            return combination.explain("or", [explain(part, currency) for part in of])
        case Not(of=part):
            return combination.explain("not", [explain(part, currency)])
        case Each():
            return lists.explain(condition, explain(condition.of, currency))
        case Leaf():
            return explain_leaf(condition, currency)


def explain_leaf(leaf: Leaf, currency: str) -> str:
    """One leaf in words."""
    if leaf.field in NUMBERS or leaf.field in LINE_NUMBERS:
        money = currency if leaf.field in MONEY else None
        return number.explain(leaf.field, leaf.operator, leaf.operand, currency=money)
    if leaf.field in CONSENTS:
        return consent.explain(leaf)
    if leaf.field.startswith((ATTRIBUTES, TAGS)):
        return sets.explain(leaf)
    if leaf.field in PLACES:
        return geography.explain(leaf)
    return text.explain(leaf, personal=leaf.field in PERSONAL)


def _combined(condition: Condition, leaf: Callable[[Any], Callable[[T], bool]]) -> Callable[[T], bool]:
    match condition:
        case AllOf(of=of):
            return combination.all_of([_combined(part, leaf) for part in of])
        case AnyOf(of=of):
            return combination.any_of([_combined(part, leaf) for part in of])
        case Not(of=part):
            return combination.not_(_combined(part, leaf))
        case _:
            return leaf(condition)


def _customer(condition: Condition) -> Predicate:
    return _combined(condition, _customer_leaf)


def _customer_leaf(leaf: Leaf | Each) -> Predicate:
    if isinstance(leaf, Each):
        return _each(leaf)
    field = leaf.field
    if field in NUMBERS:
        return _chain(NUMBERS[field], number.compile_test(leaf.operator, leaf.operand))
    if field in TEXTS:
        return _chain(TEXTS[field], text.compile_test(leaf))
    if field in CONSENTS:
        return _chain(CONSENTS[field], consent.compile_test(leaf))
    if field.startswith((ATTRIBUTES, TAGS)):
        return _labels(leaf)
    raise ValueError(f"no field {field!r}")


def _labels(leaf: Leaf) -> Predicate:
    test = sets.compile_test(leaf)
    if leaf.field.startswith(ATTRIBUTES):
        name = leaf.field.removeprefix(ATTRIBUTES)
        return lambda facts: test(facts.attributes().get(name, ()))
    platform = leaf.field.removeprefix(TAGS)
    return lambda facts: test(facts.tags().get(platform, ()))


def _each(each: Each) -> Predicate:
    if each.field == PLACE_LIST:
        return _chain(lambda facts: facts.places, lists.compile_test(each, _combined(each.of, _place_leaf)))
    if each.field in LINE_LISTS:
        return _chain(LINE_LISTS[each.field], lists.compile_test(each, _combined(each.of, _line_leaf)))
    raise ValueError(f"no list {each.field!r}")


def _place_leaf(leaf: Leaf) -> Callable[[Place], bool]:
    if leaf.field not in PLACES:
        raise ValueError(f"an address has no {leaf.field!r}")
    return _chain(PLACES[leaf.field], geography.compile_test(leaf))


def _line_leaf(leaf: Leaf) -> Callable[[Line], bool]:
    if leaf.field in LINE_TEXTS:
        return _chain(LINE_TEXTS[leaf.field], text.compile_test(leaf))
    if leaf.field in LINE_NUMBERS:
        return _chain(LINE_NUMBERS[leaf.field], number.compile_test(leaf.operator, leaf.operand))
    if leaf.field == LINE_CATEGORIES:
        return _chain(_categories, text.compile_any_test(leaf))
    raise ValueError(f"a line has no {leaf.field!r}")


def _categories(line: Line) -> tuple[str, ...]:
    return tuple(map(catalogue_folded, line.categories))


V = TypeVar("V")


def _chain(read: Callable[[T], V], test: Callable[[V], bool]) -> Callable[[T], bool]:
    return lambda value: test(read(value))


def _fields(condition: Condition) -> list[str]:
    """Every field that is read from the customer; those of elements go by their list's."""
    match condition:
        case AllOf(of=of) | AnyOf(of=of):
            return [field for part in of for field in _fields(part)]
        case Not(of=part):
            return _fields(part)
        case Leaf(field=field) | Each(field=field):
            return [field]
