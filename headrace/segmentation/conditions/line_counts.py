"""How many of several lines meet each condition that rules have on lines, all conditions asked together.

Each leaf has a bit, and the marks of a line are the bits of the leaves it meets. They are found field by field; which
conditions a line meets follows from its marks. Most lines of most orders have none.
"""

from collections.abc import Callable, Sequence
from typing import Final

from headrace.rules.dependencies import leaves
from headrace.rules.model import Condition, Leaf
from headrace.segmentation.conditions.combination import combined
from headrace.segmentation.conditions.line_words import HARDLY_REPEAT, can_meet
from headrace.segmentation.conditions.lines import READ, Remembered, catalogue_test
from headrace.segmentation.conditions.lists import Counted
from headrace.segmentation.state import Line

_MANY: Final = 3
"""Below that, one look at all lines a condition costs less than what it takes to ask them together."""
Marks = Callable[[tuple[Line, ...]], Sequence[int] | None]
"""The marks of each of some lines; None: none has any."""


def counts_of(counted: Counted[Line]) -> Callable[[tuple[Line, ...]], list[int]] | None:
    """How many of some lines meet each of these conditions; None where it is quicker to ask one after the other.

    Those that ask only what repeats between customers are asked together, so that many of them cost about what a few
    do.
    """
    known = [n for n, one in enumerate(counted.conditions) if all(leaf.field in READ for leaf in leaves(one))]
    if len(known) < _MANY:
        return None
    alone = [(n, test) for n, test in enumerate(counted.tests) if n not in known]
    bits = _Bits([counted.conditions[n] for n in known])
    asked = [_marks(field, bits) for field in READ if bits.of_field(field)]
    met = [(n, bits.test(counted.conditions[n])) for n in known]
    by_marks = Remembered(lambda marks: tuple([n for n, holds in met if holds(marks)]))
    unmarked, nothing = by_marks[0], [0] * len(counted.tests)

    def counts(lines: tuple[Line, ...]) -> list[int]:
        found = nothing.copy()
        marked = [marks for ask in asked if (marks := ask(lines)) is not None]
        if marked:
            together = marked[0] if len(marked) == 1 else map(sum, zip(*marked, strict=True))
            for numbers in filter(None, map(by_marks.__getitem__, together)):
                for n in numbers:
                    found[n] += 1
        else:
            for n in unmarked:
                found[n] = len(lines)
        for n, test in alone:
            found[n] = test(lines)
        return found

    return counts


class _Bits:
    """The leaves of some conditions, each with a bit."""

    def __init__(self, conditions: Sequence[Condition]) -> None:
        self._leaves = list[Leaf]()
        for condition in conditions:
            self._leaves += [leaf for leaf in leaves(condition) if leaf not in self._leaves]

    def of_field(self, field: str) -> list[tuple[int, Leaf]]:
        """Those that ask this field."""
        return [(1 << n, leaf) for n, leaf in enumerate(self._leaves) if leaf.field == field]

    def test(self, condition: Condition) -> Callable[[int], bool]:
        """Whether a line of some marks meets the condition."""
        return combined(condition, self._has)

    def _has(self, leaf: Leaf) -> Callable[[int], bool]:
        bit = 1 << self._leaves.index(leaf)
        return lambda marks: marks & bit != 0


def _marks(field: str, bits: _Bits) -> Marks:
    """The marks that lines have by one field."""
    asking, read = bits.of_field(field), READ[field]
    tests = [(bit, catalogue_test(leaf)) for bit, leaf in asking]
    mark = Remembered(lambda raw: sum([bit for bit, holds in tests if holds(raw)])).__getitem__

    may_be = can_meet([leaf for _, leaf in asking]) if field in HARDLY_REPEAT else None

    def marks(lines: tuple[Line, ...]) -> Sequence[int] | None:
        values = read(lines)
        if may_be is not None and not may_be(values):
            return None
        found = list(map(mark, values))
        return found if any(found) else None

    return marks
