"""A condition as it is put together, for who judges many at once: the leaves it asks, and by which words.

Equal leaves of one rule set are one object, so whoever looks at several conditions can ask each of them once.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from headrace.rules.model import Operand
from headrace.segmentation.facts import Facts, Labels


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """A number of the customer against the bounds of an operator of `number.py`. `unset`: it may be."""

    read: Callable[[Facts], int | None]
    operator: str
    operand: Operand
    unset: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Aged:
    """How long ago a time of the customer is: from `edge` on it is older. `older`: the test is that it is.

    `edge` is that of the day the time lies in in `zone`; of the very moment where there is none.
    """

    read: Callable[[Facts], datetime | None]
    edge: Callable[[Any], datetime | None]
    zone: ZoneInfo | None
    older: bool


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """The values of one name among the customer's attributes or tags, folded. `of`: all of that kind.

    `negated`: the leaf holds where the test does not.
    """

    of: Callable[[Facts], Labels]
    name: str
    test: Callable[[Collection[str]], bool]
    negated: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A leaf: `holds` is what it means; `as_one_of` says the same of the common families."""

    holds: Callable[[Facts], bool]
    as_one_of: Compared | Aged | Labelled | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Combined:
    """`and`, `or` of several, `not` of one."""

    word: Literal["and", "or", "not"]
    of: tuple["Tree", ...]


Tree = Asked | Combined


def leaves(tree: Tree) -> Iterator[Asked]:
    """Each as often as it is asked."""
    if isinstance(tree, Asked):
        yield tree
    else:
        for part in tree.of:
            yield from leaves(part)
