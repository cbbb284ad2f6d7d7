"""From a condition to a closure and a text: which family a field belongs to, in the one table of fields.

A new family is its file and its line in `_customer_leaf` or `_element_leaf`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

from headrace.rules.model import AllOf, AnyOf, Condition, Each, Leaf, Not
from headrace.segmentation.conditions import (
    calendar,
    channels,
    combination,
    consent,
    crossing,
    declared,
    geography,
    lines,
    lists,
    membership,
    number,
    radius,
    sets,
    text,
    time,
    window,
)
from headrace.segmentation.conditions.change import TIME, Change, NextChange, earliest, newest_fact
from headrace.segmentation.conditions.terms import Terms
from headrace.segmentation.conditions.tree import Aged, Asked, Combined, Compared, Labelled, Tree
from headrace.segmentation.facts import (
    CART_LIST,
    CONSENTS,
    LINE_LIST,
    LINE_NUMBERS,
    MONEY,
    NEVER_UNSET,
    PERSONAL,
    PLACE_LIST,
    PLACES,
    PURCHASED,
    TEXTS,
    Facts,
    Labels,
    depends_on,
)
from headrace.segmentation.state import Line, Place
from headrace.segmentation.written import tested, written

T = TypeVar("T")
Predicate = Callable[[Facts], bool]
ATTRIBUTES = "customer.attributes."
TAGS = "customer.tags."
_LABELS: Final[Mapping[str, Callable[[Facts], Labels]]] = {
    ATTRIBUTES: written("facts.attributes()"),
    TAGS: written("facts.tags()"),
}


@dataclass(frozen=True, slots=True)
class CompiledCondition:
    """A condition ready to ask: `reads` names the parts of the customer it depends on, `labels` the sets.

    `next_change`: when time alone may change its value next; None on a condition that time does not change.
    """

    holds: Predicate
    text: str
    reads: frozenset[str]
    labels: frozenset[str]
    """`customer.attributes.<name>` and `customer.tags.<platform>` that it reads."""
    tree: Tree
    next_change: NextChange | None = None
    one_by_one: Callable[[tuple[Line, ...]], bool] | None = None
    """Whether it holds for an order of one of these lines, where it asks nothing else."""
    changes: tuple[Change, ...] = ()
    """When each of its leaves may change by time alone next, as far as one may."""
    moved_by: frozenset[str] = frozenset()
    """The parts of the customer, and time, by which those move."""


def compile_condition(condition: Condition, terms: Terms) -> CompiledCondition:
    """`terms` take in each test of all purchased lines and each windowed sum: the facts keep them in the same order.

    Raises ValueError for a field or operator that does not exist: the rule set was made by another release.
    """
    read = tuple(_read(condition))
    fields = frozenset(leaf.field for leaf in read)
    timed = [(leaf, change) for leaf in read if (change := _change_of(leaf, terms)) is not None]
    reads = frozenset(depends_on(field) for field in fields) | ({TIME} if timed else frozenset())
    tree = _tree(condition, terms)
    return CompiledCondition(
        holds=_asked(tree),
        text=explain(condition, terms.currency),
        reads=reads,
        labels=frozenset(field for field in fields if field.startswith((ATTRIBUTES, TAGS))),
        one_by_one=lines.one_by_one(condition),
        next_change=earliest([change for _, change in timed]) if timed else None,
        tree=tree,
        changes=tuple(_aged(leaf, terms) or change for leaf, change in timed),
        moved_by=_moved_by([leaf for leaf, _ in timed], reads),
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
    if leaf.field in window.FIELDS or leaf.field in LINE_NUMBERS:
        money = currency if leaf.field in MONEY else None
        return number.explain(window.named(leaf), leaf.operator, leaf.operand, currency=money)
    if leaf.field in CONSENTS:
        return consent.explain(leaf)
    if leaf.field in time.FIELDS:
        return time.explain(leaf)
    if leaf.field == calendar.FIELD:
        return calendar.explain(leaf)
    if leaf.field.startswith((ATTRIBUTES, TAGS)):
        return sets.explain(leaf)
    if leaf.field in membership.FIELDS:
        return membership.explain(leaf)
    if leaf.field == radius.FIELD:
        return radius.explain(leaf)
    if (said := declared.explain(leaf)) is not None:
        return said
    if leaf.field in PLACES:
        return geography.explain(leaf)
    return text.explain(leaf, personal=leaf.field in PERSONAL)


def _tree(condition: Condition, terms: Terms) -> Tree:
    match condition:
        case AllOf(of=of):
            return Combined("and", tuple(_tree(part, terms) for part in of))
        case AnyOf(of=of):
            return Combined("or", tuple(_tree(part, terms) for part in of))
        case Not(of=part):
            return Combined("not", (_tree(part, terms),))
        case _:
            return terms.once("leaf", condition, lambda: _leaf(condition, terms))


def _leaf(leaf: Leaf | Each, terms: Terms) -> Asked:
    return Asked(_customer_leaf(terms, leaf), _plain(leaf, terms))


def _plain(leaf: Leaf | Each, terms: Terms) -> Compared | Aged | Labelled | None:
    """The leaf as one of the common families."""
    if isinstance(leaf, Each):
        return _plain_count(leaf, terms)
    if leaf.field in window.FIELDS and leaf.operator not in crossing.OPERATORS:
        read = window.compile_number(leaf.field, leaf.window, leaf.only, terms).read
        return Compared(read, leaf.operator, leaf.operand, leaf.field not in NEVER_UNSET)
    if leaf.field.startswith(channels.SHARE):
        share = terms.once("share", leaf.field, lambda: channels.compile_share(leaf.field, terms))
        return Compared(share, leaf.operator, leaf.operand)
    return _labelled(leaf) or _aged(leaf, terms)


def _plain_count(each: Each, terms: Terms) -> Compared | None:
    if each.field != PURCHASED or (compared := lists.as_comparison(each)) is None:
        return None
    number = terms.purchased.number(each.of, lines.count(each.of))
    read = terms.once("matches", number, lambda: written("facts.purchased.matches[{number}]", number=number))
    return Compared(read, *compared, unset=False)


def _labelled(leaf: Leaf) -> Labelled | None:
    for prefix, of in _LABELS.items():
        if leaf.field.startswith(prefix):
            name, opposite = leaf.field.removeprefix(prefix), sets.as_negation(leaf)
            if opposite is not None:
                return Labelled(of, name, opposite, negated=True)
            return Labelled(of, name, sets.compile_test(leaf))
    return None


def _aged(leaf: Leaf | Each, terms: Terms) -> Aged | None:
    return time.aged(leaf, terms.timezone) if isinstance(leaf, Leaf) and leaf.field in time.FIELDS else None


def _asked(tree: Tree) -> Predicate:
    if isinstance(tree, Asked):
        return tree.holds
    parts = [_asked(part) for part in tree.of]
    match tree.word:
        case "and":
            return combination.all_of(parts)
        case "or":
            return combination.any_of(parts)
        case "not":
            return combination.not_(parts[0])


def _customer_leaf(terms: Terms, leaf: Leaf | Each) -> Predicate:
    if isinstance(leaf, Each):
        return _each(leaf, terms.purchased)
    field = leaf.field
    if (test := declared.compile_leaf(leaf, terms)) is not None:
        return test
    if field in window.FIELDS:
        return _number(leaf, terms)
    if field in TEXTS:
        return tested(TEXTS[field], text.compile_test(leaf))
    if field in CONSENTS:
        return tested(CONSENTS[field], consent.compile_test(leaf))
    if field in time.FIELDS:
        return _span(time.reader(field, terms.timezone), time.compile_test(leaf, terms.timezone, terms.calendars))
    if field == calendar.FIELD:
        during = calendar.compile_now(terms.calendar(leaf.operand), leaf.operator, terms.timezone)
        return lambda facts: during(facts.now)
    if (labelled := _labelled(leaf)) is not None:
        of, name, has = labelled.of, labelled.name, sets.compile_test(leaf)
        return lambda facts: has(of(facts).get(name, ()))
    if field in membership.FIELDS:
        return membership.compile_test(leaf, terms.named, terms.timezone)
    raise ValueError(f"no field {field!r}")


def _span(read: Callable[[Facts], datetime | None], test: time.TimeTest) -> Predicate:
    return lambda facts: test(read(facts), facts.now)


def _number(leaf: Leaf, terms: Terms) -> Predicate:
    read = window.compile_number(leaf.field, leaf.window, leaf.only, terms).read
    if leaf.operator in crossing.OPERATORS:
        return crossing.compile_test(leaf, read)
    return tested(read, number.compile_test(leaf.operator, leaf.operand))


def _change_of(leaf: Leaf | Each, terms: Terms) -> NextChange | None:
    """When time alone changes what the leaf comes to; None: it does not."""
    return terms.once("change", leaf, lambda: _next_change(leaf, terms))


def _moved_by(timed: list[Leaf | Each], reads: frozenset[str]) -> frozenset[str]:
    """What the leaves read that time changes; beside a calendar, which is of no customer, all that any leaf reads."""
    if any(leaf.field == calendar.FIELD for leaf in timed):
        return reads
    return frozenset((TIME, *(depends_on(leaf.field) for leaf in timed)))


def _next_change(leaf: Leaf | Each, terms: Terms) -> NextChange | None:
    if isinstance(leaf, Each):
        return None
    if leaf.field in time.FIELDS:
        return time.next_change(leaf, terms.timezone)
    if leaf.field in membership.FIELDS:
        return membership.compile_next(leaf, terms.named, terms.timezone)
    if leaf.field == calendar.FIELD:
        turns = calendar.compile_next(terms.calendar(leaf.operand), terms.timezone)
        return lambda facts: newest_fact(facts) if facts.now is None else turns(facts.now)
    if leaf.field in window.FIELDS and leaf.operator not in crossing.OPERATORS:
        compiled = window.compile_number(leaf.field, leaf.window, leaf.only, terms)
        test = number.compile_test(leaf.operator, leaf.operand)
        return compiled.next_change(test, number.bounds(leaf.operand), steady=leaf.operator in number.STEADY)
    return None


def _each(each: Each, purchased: lists.Counted[Line]) -> Predicate:
    if each.field == PLACE_LIST:
        return _chain(lambda facts: facts.places, lists.compile_test(each, combination.combined(each.of, _place_leaf)))
    if each.field in (LINE_LIST, CART_LIST) and each.quantifier in ("any", "none"):
        some, wanted = lines.some(each.of), each.quantifier == "any"
        return lambda facts: some(facts.lines) is wanted
    if each.field in (LINE_LIST, CART_LIST):
        return _chain(lambda facts: facts.lines, lists.compile_test(each, combination.combined(each.of, lines.leaf)))
    if each.field == PURCHASED:
        return _counted(lists.compile_count_test(each), purchased.number(each.of, lines.count(each.of)))
    raise ValueError(f"no list {each.field!r}")


def _counted(test: Callable[[int, int], bool], number: int) -> Predicate:
    return lambda facts: test(facts.purchased.matches[number], facts.purchased.lines)


def _place_leaf(leaf: Leaf) -> Callable[[Place], bool]:
    if leaf.field == radius.FIELD:
        return radius.compile_test(leaf)
    if leaf.field not in PLACES:
        raise ValueError(f"an address has no {leaf.field!r}")
    return _chain(PLACES[leaf.field], geography.compile_test(leaf))


V = TypeVar("V")


def _chain(read: Callable[[T], V], test: Callable[[V], bool]) -> Callable[[T], bool]:
    return lambda value: test(read(value))


def _read(condition: Condition) -> list[Leaf | Each]:
    """Every test of the customer; those of elements go by their list."""
    match condition:
        case AllOf(of=of) | AnyOf(of=of):
            return [leaf for part in of for leaf in _read(part)]
        case Not(of=part):
            return _read(part)
        case Leaf() | Each():
            return [condition]
