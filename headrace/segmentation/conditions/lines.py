"""Lines of orders and carts: how a leaf tests one, and how many of several meet a condition.

An order has many lines and every line is asked, so what repeats between customers (names, brands, categories) is
remembered by how it stands.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from operator import attrgetter
from typing import Any, Final, TypeVar

from headrace.rules.model import Condition, Each, Leaf
from headrace.segmentation.conditions import number, text
from headrace.segmentation.conditions.combination import combined
from headrace.segmentation.conditions.line_words import HARDLY_REPEAT, can_meet
from headrace.segmentation.facts import (
    LINE_CATALOGUE,
    LINE_CATEGORIES,
    LINE_LIST,
    LINE_NUMBERS,
    LINE_TEXTS,
    catalogue_folded,
)
from headrace.segmentation.state import Line

T = TypeVar("T")
_ATTRIBUTES: Final[Mapping[str, Callable[[Line], Any]]] = {**LINE_CATALOGUE, LINE_CATEGORIES: attrgetter("categories")}
"""What repeats between customers, of a line."""
READ: Final[Mapping[str, Callable[[tuple[Line, ...]], list[Any]]]] = {
    "name": lambda lines: [line.name for line in lines],
    "sku": lambda lines: [line.sku for line in lines],
    "brand": lambda lines: [line.brand for line in lines],
    LINE_CATEGORIES: lambda lines: [line.categories for line in lines],
}
"""The same of several lines; written out, since that is quicker than to look an attribute up by its name."""
_REMEMBERED: Final = 16384


def leaf(one: Leaf) -> Callable[[Line], bool]:
    """The test of a leaf on a line. Raises ValueError for a field that a line does not have."""
    if one.field in _ATTRIBUTES:
        known, read = _known(one), _ATTRIBUTES[one.field]
        return lambda line: known(read(line))
    if one.field in LINE_TEXTS:
        value, test = LINE_TEXTS[one.field], text.compile_test(one)
        return lambda line: test(value(line))
    if one.field in LINE_NUMBERS:
        amount, meets = LINE_NUMBERS[one.field], number.compile_test(one.operator, one.operand)
        return lambda line: meets(amount(line))
    raise ValueError(f"a line has no {one.field!r}")


def catalogue_test(one: Leaf) -> Callable[[Any], bool]:
    """The test of a leaf on what repeats between customers, as it stands."""
    if one.field == LINE_CATEGORIES:
        any_test = text.compile_any_test(one)
        return lambda raw: any_test(tuple(map(catalogue_folded, raw)))
    test = text.compile_test(one)
    return lambda raw: test(catalogue_folded(raw) or None)


def count(condition: Condition) -> Callable[[tuple[Line, ...]], int]:
    """How many lines meet a condition."""
    met = _met(condition)
    return lambda lines: sum(met(lines))


def one_by_one(condition: Condition) -> Callable[[tuple[Line, ...]], bool] | None:
    """Whether a condition holds for an order of one of these lines; None where it asks anything else."""
    if not (isinstance(condition, Each) and condition.field == LINE_LIST and condition.quantifier in ("any", "all")):
        return None
    return some(condition.of)


def some(condition: Condition) -> Callable[[tuple[Line, ...]], bool]:
    """Whether one of some lines meets a condition."""
    if not (isinstance(condition, Leaf) and condition.field in READ):
        met = _met(condition)
        return lambda lines: any(met(lines))
    known, read = _known(condition), READ[condition.field]
    may_be = can_meet([condition]) if condition.field in HARDLY_REPEAT else None
    if may_be is None:
        return lambda lines: any(map(known, set(read(lines))))
    return lambda lines: may_be(read(lines)) and any(map(known, read(lines)))


class Remembered(dict[Any, T]):
    """A test with its answers; quicker than `lru_cache`."""

    def __init__(self, test: Callable[[Any], T]) -> None:
        super().__init__()
        self._test = test

    def __missing__(self, value: Any) -> T:
        if len(self) >= _REMEMBERED:
            self.clear()
        answer = self[value] = self._test(value)
        return answer


def _met(condition: Condition) -> Callable[[tuple[Line, ...]], Iterable[bool]]:
    """Line by line, whether it meets the condition."""
    if isinstance(condition, Leaf) and condition.field in READ:
        known, read = _known(condition), READ[condition.field]
        return lambda lines: map(known, read(lines))
    return partial(map, combined(condition, leaf))


def _known(one: Leaf) -> Callable[[Any], bool]:
    """The same, remembered."""
    return Remembered(catalogue_test(one)).__getitem__
