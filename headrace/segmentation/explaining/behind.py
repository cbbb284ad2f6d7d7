"""The orders behind a fact: the ids of those it is taken from, in the order they were made."""

from collections.abc import Callable, Sequence
from copy import copy
from typing import NamedTuple

from msgspec.structs import replace

from headrace.rules.model import Each, Leaf
from headrace.segmentation.codec import decode_lines
from headrace.segmentation.compiled import CompiledRules, terms_of
from headrace.segmentation.conditions import window
from headrace.segmentation.explaining.lens import Lens, one_element
from headrace.segmentation.explaining.tree import Test
from headrace.segmentation.facts import LINE_LIST, PLACE_LIST, PURCHASED, Facts
from headrace.segmentation.orders import every_order
from headrace.segmentation.pages import Pages
from headrace.segmentation.state import Entry, Line, Place, State
from headrace.segmentation.totals import Contribution, contribution, ordered


class Known(NamedTuple):
    """One order of the ledger, and what it adds to the totals."""

    id: str
    entry: Entry
    part: Contribution


def orders_of(state: State, rules: CompiledRules, pages: Pages) -> tuple[Known, ...]:
    """Every order, the oldest first."""
    found = [Known(name, entry, contribution(entry, rules.spend)) for name, entry in every_order(state, pages)]
    return tuple(sorted(found, key=lambda one: (one.entry.created_at, one.id)))


def orders_behind(
    test: Test, orders: Sequence[Known], facts: Facts, rules: CompiledRules, lens: Lens
) -> tuple[str, ...]:
    """Those a test's value is taken from; none where it is not taken from orders."""
    if isinstance(test, Each):
        return _with_line(test, orders, facts, lens) if test.field == PURCHASED else ()
    chosen = _windowed(test, facts, rules) if test.window or test.only else _of_totals(test.field, facts)
    return () if chosen is None else tuple(one.id for one in orders if chosen(one))


def matches(each: Each, facts: Facts, orders: Sequence[Known], lens: Lens) -> tuple[int, int] | None:
    """How many elements of a list meet a test, and how many there are; None where that is not told."""
    if each.field == PLACE_LIST:
        return sum(_place_meets(each, place, facts, lens) for place in facts.places), len(facts.places)
    if each.field not in (PURCHASED, LINE_LIST):
        return None
    purchased = (line for one in orders if one.part.counted for line in decode_lines(one.entry.lines))
    lines = tuple(purchased) if each.field == PURCHASED else facts.lines
    return sum(_line_meets(each, line, facts, lens) for line in lines), len(lines)


def _line_meets(each: Each, line: Line, facts: Facts, lens: Lens) -> bool:
    looked = copy(facts)
    looked.lines = (line,)
    return lens.holds(one_element(each), looked)


def _place_meets(each: Each, place: Place, facts: Facts, lens: Lens) -> bool:
    assert facts.profile is not None
    looked = copy(facts)
    looked.profile = replace(facts.profile, places=(place,))
    return lens.holds(one_element(each), looked)


def _with_line(each: Each, orders: Sequence[Known], facts: Facts, lens: Lens) -> tuple[str, ...]:
    counted = (one for one in orders if one.part.counted)
    return tuple(
        one.id for one in counted if any(_line_meets(each, line, facts, lens) for line in decode_lines(one.entry.lines))
    )


def _of_totals(field: str, facts: Facts) -> Callable[[Known], bool] | None:
    """Whether an order is behind a number or time over all orders; None: none is."""
    totals = facts.totals
    match field:
        case "customer.spend" | "customer.orders" | "customer.items" | "customer.average_order":
            return lambda one: one.part.counted
        case "customer.largest_order":
            return lambda one: one.part.counted and one.part.amount == totals.largest
        case "customer.refunds":
            return lambda one: one.part.refunded > 0
        case "customer.first_order_at":
            return lambda one: one.part.counted and one.part.created_at == totals.first
        case "customer.last_order_at" | "customer.days_since_last_order":
            return lambda one: one.part.counted and one.part.created_at == totals.last
    return None


def _windowed(leaf: Leaf, facts: Facts, rules: CompiledRules) -> Callable[[Known], bool] | None:
    """Whether an order adds to a window, and has not left it."""
    terms = terms_of(rules.rule_set)
    window.compile_number(leaf.field, leaf.window, leaf.only, terms)
    if not terms.windows.sums:
        return None
    one_sum, now = terms.windows.sums[0], facts.now

    def adds(one: Known) -> bool:
        parts = one_sum.parts(ordered(one.entry, one.part))
        left = one_sum.left
        return any(now is None or left is None or not left(at, now) for at, _ in parts)

    return adds
