"""Sets: the customer's attribute values and tags, folded.

`has_none` is the exact complement of `has_any`; a customer without the attribute has the empty set.
"""

from collections.abc import Callable, Collection
from typing import Final

from headrace.rules.model import Leaf, Operand

SetTest = Callable[[Collection[str]], bool]
OPERATORS: Final = ("has_any", "has_all", "has_none", "is_set", "is_unset")


def compile_test(leaf: Leaf) -> SetTest:
    """The test of a leaf. Raises ValueError for an operator the family does not have."""
    if leaf.operator == "is_set":
        return bool
    if leaf.operator == "is_unset":
        return lambda values: not values
    wanted = members(leaf.operand)
    if leaf.operator == "has_all":
        return wanted.issubset
    if leaf.operator == "has_any":
        return lambda values: not wanted.isdisjoint(values)
    if leaf.operator == "has_none":
        return wanted.isdisjoint
    raise ValueError(f"no operator {leaf.operator!r} on a set ({leaf.field})")


def as_negation(leaf: Leaf) -> SetTest | None:
    """A test that holds where the leaf does not, and that calls no function of ours; None: there is none."""
    if leaf.operator == "is_unset":
        return bool
    return members(leaf.operand).isdisjoint if leaf.operator == "has_any" else None


def evaluate(values: Collection[str], leaf: Leaf) -> bool:
    """Whether a set of folded values meets the leaf."""
    return compile_test(leaf)(values)


def explain(leaf: Leaf) -> str:
    """`customer.attributes.interests has any of "apple"`; values of personal kind are not shown."""
    if leaf.operator in ("is_set", "is_unset"):
        return f"{leaf.field} {leaf.operator.replace('_', ' ')}"
    shown = ", ".join(f'"{member}"' if "@" not in member else "(personal)" for member in sorted(members(leaf.operand)))
    return f"{leaf.field} {leaf.operator.replace('_', ' ')} of {shown}"


def members(operand: Operand) -> frozenset[str]:
    """An operand as the set it names."""
    return frozenset(str(member) for member in operand) if isinstance(operand, tuple) else frozenset({str(operand)})
