"""The value that a leaf looks at, read by its family: the one place where explanations know families.

A new family is its line in `_READERS`; a leaf of none of them shows no value, and its truth is shown all the same.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from headrace.rules.model import Leaf
from headrace.segmentation.conditions import time, window
from headrace.segmentation.conditions.registry import ATTRIBUTES, TAGS
from headrace.segmentation.conditions.terms import Terms
from headrace.segmentation.facts import CONSENTS, TEXTS, Facts

Value = bool | int | str | datetime | tuple[str, ...] | None
"""Money in minor units; None: unset, or nothing to show."""
Reader = Callable[[Facts], Value]


def reader_of(leaf: Leaf, terms: Terms) -> Reader:
    """What the leaf compares with its operand."""
    compiled = next((make for has, make in _READERS if has(leaf.field)), None)
    return _nothing if compiled is None else compiled(leaf, terms)


def _nothing(facts: Facts) -> Value:
    return None


def _attribute(leaf: Leaf, terms: Terms) -> Reader:
    name = leaf.field.removeprefix(ATTRIBUTES)
    return lambda facts: tuple(sorted(facts.attributes().get(name, ())))


def _tags(leaf: Leaf, terms: Terms) -> Reader:
    platform = leaf.field.removeprefix(TAGS)
    return lambda facts: tuple(sorted(facts.tags().get(platform, ())))


_READERS: Final[tuple[tuple[Callable[[str], bool], Callable[[Leaf, Terms], Reader]], ...]] = (
    (
        window.FIELDS.__contains__,
        lambda leaf, terms: window.compile_number(leaf.field, leaf.window, leaf.only, terms).read,
    ),
    (TEXTS.__contains__, lambda leaf, terms: TEXTS[leaf.field]),
    (time.FIELDS.__contains__, lambda leaf, terms: time.reader(leaf.field, terms.timezone)),
    (CONSENTS.__contains__, lambda leaf, terms: CONSENTS[leaf.field]),
    (lambda field: field.startswith(ATTRIBUTES), _attribute),
    (lambda field: field.startswith(TAGS), _tags),
)
