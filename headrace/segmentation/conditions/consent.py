"""Consent: unset is denied, so this family alone fails closed.

What consent is for is the consumers' matter.
"""

from collections.abc import Callable

from headrace.rules.model import Leaf

OPERATORS = ("is",)


def compile_test(leaf: Leaf) -> Callable[[bool], bool]:
    """The test of a leaf on granted or not. Raises ValueError for an operator the family does not have."""
    if leaf.operator != "is" or not isinstance(leaf.operand, bool):
        raise ValueError(f"no operator {leaf.operator!r} on consent with {leaf.operand!r}")
    wanted = leaf.operand
    return lambda granted: granted is wanted


def evaluate(granted: bool | None, leaf: Leaf) -> bool:  # noqa: FBT001  # the value tested
    """Whether consent, None = no word, meets the leaf."""
    return compile_test(leaf)(granted is True)


def explain(leaf: Leaf) -> str:
    """`customer.subscribed is true`."""
    return f"{leaf.field} is {str(leaf.operand).lower()}"
