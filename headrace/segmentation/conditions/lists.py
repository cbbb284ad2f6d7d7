"""Lists: how many elements of a list field must meet the inner condition.

An empty list meets `none` and a count of 0; `all` needs at least one element.
"""

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

import msgspec

from headrace.rules.model import Condition, Each, Operand
from headrace.segmentation.conditions import number

T = TypeVar("T")


def compile_test(each: Each, inner: Callable[[T], bool]) -> Callable[[Iterable[T]], bool]:
    """The test on the elements, given that on one of them."""
    if each.quantifier == "any":
        return lambda elements: any(map(inner, elements))
    if each.quantifier == "none":
        return lambda elements: not any(map(inner, elements))
    if each.quantifier == "all":
        return lambda elements: _all(inner, elements)
    count = number.compile_test(each.operator or "", each.operand)
    return lambda elements: count(sum(map(inner, elements)))


def compile_count_test(each: Each) -> Callable[[int, int], bool]:
    """The test on how many elements meet the inner condition, and how many there are."""
    if each.quantifier == "any":
        return lambda matches, total: matches > 0
    if each.quantifier == "none":
        return lambda matches, total: matches == 0
    if each.quantifier == "all":
        return lambda matches, total: 0 < matches == total
    count = number.compile_test(each.operator or "", each.operand)
    return lambda matches, total: count(matches)


def as_comparison(each: Each) -> tuple[str, Operand] | None:
    """The same as an operator of numbers and its operand, on how many meet the condition; None: it is none."""
    match each.quantifier:
        case "any":
            return "above", 0
        case "none":
            return "is", 0
        case "count":
            return each.operator or "", each.operand
        case _:
            return None


class Counted(Generic[T]):
    """The inner conditions of the lists that are counted as they grow, each once however often it is written."""

    def __init__(self) -> None:
        self.tests: list[Callable[[tuple[T, ...]], int]] = []
        self.said: list[bytes] = []
        self.conditions: list[Condition] = []

    def number(self, condition: Condition, count: Callable[[tuple[T, ...]], int]) -> int:
        """The place among them of this condition, which `count` elements meet."""
        said = msgspec.json.encode(condition, order="deterministic")
        if said not in self.said:
            self.said.append(said)
            self.tests.append(count)
            self.conditions.append(condition)
        return self.said.index(said)


def evaluate(elements: Iterable[T], each: Each, inner: Callable[[T], bool]) -> bool:
    """Whether the elements meet the quantifier."""
    return compile_test(each, inner)(elements)


def explain(each: Each, inner: str) -> str:
    """`any of order.lines: brand is "bijou"`."""
    if each.quantifier == "count":
        return f"{number.explain('count', each.operator or '', each.operand)} of {each.field}: {inner}"
    return f"{each.quantifier} of {each.field}: {inner}"


def _all(inner: Callable[[T], bool], elements: Iterable[T]) -> bool:
    some = False
    for element in elements:
        if not inner(element):
            return False
        some = True
    return some
