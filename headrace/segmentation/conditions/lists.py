"""Lists: how many elements of a list field must meet the inner condition.

An empty list meets `none` and a count of 0; `all` needs at least one element.
"""

from collections.abc import Callable, Iterable
from typing import TypeVar

from headrace.rules.model import Each
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
