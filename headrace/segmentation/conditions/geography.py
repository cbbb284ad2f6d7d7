"""Places: country as its ISO code, state, city and zip as folded text.

Facts and operands are normalised before they come here; here they are only compared.
"""

from headrace.rules.model import Leaf
from headrace.segmentation.conditions import text

OPERATORS = ("is", "is_not", "in", "not_in", "starts_with", "is_set", "is_unset")


def compile_test(leaf: Leaf) -> text.TextTest:
    """The test of a leaf. Raises ValueError for an operator the family does not have."""
    if leaf.operator not in OPERATORS:
        raise ValueError(f"no operator {leaf.operator!r} on a place ({leaf.field})")
    return text.compile_test(leaf)


def evaluate(value: str | None, leaf: Leaf) -> bool:
    """Whether a normalised value meets the leaf."""
    return compile_test(leaf)(value)


def explain(leaf: Leaf) -> str:
    """`state is "new york"`."""
    return text.explain(leaf)
