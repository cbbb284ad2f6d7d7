"""Lines of orders and carts: how a leaf tests one, and how many of several meet what rules ask of them.

An order has many lines and every line is asked, so what repeats between customers (names, brands, categories) is
remembered by how it stands.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from operator import attrgetter
from typing import Any, Final, TypeVar

from headrace.rules.model import AllOf, AnyOf, Condition, Each, Leaf, Not
from headrace.segmentation.conditions import number, text
from headrace.segmentation.conditions.combination import combined
from headrace.segmentation.conditions.lists import Counted
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
_ATTRIBUTES: Final[Mapping[str, str]] = {**{field: field for field in LINE_CATALOGUE}, LINE_CATEGORIES: "categories"}
"""What repeats between customers: its field, and what it is of a line."""
_REMEMBERED: Final = 16384


def leaf(one: Leaf) -> Callable[[Line], bool]:
    """The test of a leaf on a line. Raises ValueError for a field that a line does not have."""
    if one.field in _ATTRIBUTES:
        known, read = _known(one), attrgetter(_ATTRIBUTES[one.field])
        return lambda line: known(read(line))
    if one.field in LINE_TEXTS:
        value, test = LINE_TEXTS[one.field], text.compile_test(one)
        return lambda line: test(value(line))
    if one.field in LINE_NUMBERS:
        amount, meets = LINE_NUMBERS[one.field], number.compile_test(one.operator, one.operand)
        return lambda line: meets(amount(line))
    raise ValueError(f"a line has no {one.field!r}")


def count(condition: Condition) -> Callable[[tuple[Line, ...]], int]:
    """How many lines meet a condition."""
    met = _met(condition)
    return lambda lines: sum(met(lines))


def one_by_one(condition: Condition) -> Callable[[tuple[Line, ...]], bool] | None:
    """Whether a condition holds for an order of one of these lines; None where it asks anything else."""
    if not (isinstance(condition, Each) and condition.field == LINE_LIST and condition.quantifier in ("any", "all")):
        return None
    met = _met(condition.of)
    return lambda lines: any(met(lines))


def counts_of(counted: Counted[Line]) -> Callable[[tuple[Line, ...]], list[int]]:
    """How many of some lines meet each of these conditions.

    Those that ask only what repeats between customers are asked together and remembered for each kind of line, so that
    many of them cost about what one does.
    """
    together = [n for n, one in enumerate(counted.conditions) if _fields_of(one) <= _ATTRIBUTES.keys()]
    fields = sorted({_ATTRIBUTES[field] for n in together for field in _fields_of(counted.conditions[n])})
    alone = [(n, test) for n, test in enumerate(counted.tests) if n not in together or len(fields) < 2]
    if len(alone) == len(counted.tests):
        return lambda lines: [test(lines) for _, test in alone]
    met, kind = [(n, combined(counted.conditions[n], leaf)) for n in together], attrgetter(*fields)

    def meets(values: tuple[Any, ...]) -> tuple[int, ...]:
        line = Line("", "", 0, 0, 0, **dict(zip(fields, values, strict=True)))
        return tuple(n for n, holds in met if holds(line))

    remembered, nothing = Remembered(meets), [0] * len(counted.tests)

    def counts(lines: tuple[Line, ...]) -> list[int]:
        found = nothing.copy()
        for numbers in filter(None, map(remembered.__getitem__, map(kind, lines))):
            for n in numbers:
                found[n] += 1
        for n, test in alone:
            found[n] = test(lines)
        return found

    return counts


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
    if isinstance(condition, Leaf) and condition.field in _ATTRIBUTES:
        known, read = _known(condition), attrgetter(_ATTRIBUTES[condition.field])
        return lambda lines: map(known, map(read, lines))
    return partial(map, combined(condition, leaf))


def _known(one: Leaf) -> Callable[[Any], bool]:
    """A test of what repeats between customers, remembered by how it stands."""
    if one.field == LINE_CATEGORIES:
        any_test = text.compile_any_test(one)
        return Remembered(lambda raw: any_test(tuple(map(catalogue_folded, raw)))).__getitem__
    test = text.compile_test(one)
    return Remembered(lambda raw: test(catalogue_folded(raw) or None)).__getitem__


def _fields_of(condition: Condition) -> set[str]:
    """The fields that it asks of a line."""
    match condition:
        case AllOf(of=of) | AnyOf(of=of):
            return {field for part in of for field in _fields_of(part)}
        case Not(of=part):
            return _fields_of(part)
        case _:
            return {condition.field}
