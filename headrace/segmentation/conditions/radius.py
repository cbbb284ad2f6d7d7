"""Radius: an address within so many km of a postcode, by the postcodes that were found when the rules were read.

An address without a postcode, or with one that the file does not have, is outside.
"""

from collections.abc import Callable, Iterator
from typing import Final

from headrace.rules.model import Leaf, Nearby
from headrace.segmentation.state import Place

FIELD: Final = "radius"
OPERATORS: Final = ("within",)


def compile_test(leaf: Leaf) -> Callable[[Place], bool]:
    """The test of a leaf. Raises ValueError for an operator the family does not have."""
    if leaf.operator not in OPERATORS or not isinstance(leaf.operand, Nearby):
        raise ValueError(f"no operator {leaf.operator!r} on a radius with {leaf.operand!r}")
    near = frozenset(leaf.operand.zips)
    return lambda place: any(label in near for label in labels_of(place))


def labels_of(place: Place) -> Iterator[str]:
    """How the file may name the place: `10001-1234` is in 10001, `LS1 4AB` in LS1; with its country, and without."""
    if not place.zip:
        return
    for postcode in dict.fromkeys((place.zip, place.zip.partition("-")[0], place.zip.partition(" ")[0])):
        yield f"{place.country}:{postcode}"
        yield postcode


def explain(leaf: Leaf) -> str:
    """`radius within 50 km of 10001`."""
    assert isinstance(leaf.operand, Nearby)
    return f"{leaf.field} within {leaf.operand.km} km of {leaf.operand.of.upper()}"
