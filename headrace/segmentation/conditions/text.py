"""Text, folded: e-mail domains, companies, names, skus, brands, and categories, where one of several is enough.

Unset is None; a positive test on it is false, and `is_not` and `not_in` are exact complements.
"""

from collections.abc import Callable, Mapping
from typing import Final

import re2

from headrace.rules.model import Leaf, Operand

TextTest = Callable[[str | None], bool]


def _is(operand: str) -> TextTest:
    return lambda value: value == operand


def _in(operand: frozenset[str]) -> TextTest:
    return lambda value: value in operand


def _in_or_below(operand: frozenset[str]) -> TextTest:
    endings = tuple(f".{domain}" for domain in operand)
    return lambda value: value is not None and (value in operand or value.endswith(endings))


def _contains(operand: str) -> TextTest:
    return lambda value: value is not None and operand in value


def _starts_with(operand: str) -> TextTest:
    return lambda value: value is not None and value.startswith(operand)


def _ends_with(operand: str) -> TextTest:
    return lambda value: value is not None and value.endswith(operand)


def _matches(operand: str) -> TextTest:
    search = re2.compile(f"(?i:{operand})").search
    return lambda value: value is not None and search(value) is not None


_BY_TEXT: Final[Mapping[str, Callable[[str], TextTest]]] = {
    "is": _is,
    "contains": _contains,
    "starts_with": _starts_with,
    "ends_with": _ends_with,
    "matches": _matches,
}
NEGATIONS: Final[Mapping[str, str]] = {"is_not": "is", "not_in": "in", "is_unset": "is_set"}
"""Operator -> the one it is the exact complement of."""
OPERATORS: Final = (*_BY_TEXT, "in", "is_set", *NEGATIONS)


def compile_test(leaf: Leaf) -> TextTest:
    """The test of a leaf, parsed once. Raises ValueError for an operator the family does not have."""
    if leaf.operator in NEGATIONS:
        positive = _positive(NEGATIONS[leaf.operator], leaf)
        return lambda value: not positive(value)
    return _positive(leaf.operator, leaf)


def compile_any_test(leaf: Leaf) -> Callable[[tuple[str, ...]], bool]:
    """The test of a leaf over several values: it holds if one of them meets it, a complement if none does."""
    positive = _positive(NEGATIONS.get(leaf.operator, leaf.operator), leaf)
    if leaf.operator in NEGATIONS:
        return lambda values: not any(map(positive, values))
    return lambda values: any(map(positive, values))


def evaluate(value: str | None, leaf: Leaf) -> bool:
    """Whether a folded value meets the leaf."""
    return compile_test(leaf)(value)


def explain(leaf: Leaf, *, personal: bool = False) -> str:
    """`customer.company contains "acme"`; what identifies a person is not shown."""
    if leaf.operator in ("is_set", "is_unset"):
        return f"{leaf.field} {leaf.operator.replace('_', ' ')}"
    shown = "(personal)" if personal or "@" in str(leaf.operand) else _quoted(leaf.operand)
    below = " or a subdomain" if leaf.options.get("or_subdomains") else ""
    return f"{leaf.field} {leaf.operator.replace('_', ' ')} {shown}{below}"


def _positive(operator: str, leaf: Leaf) -> TextTest:
    if operator == "is_set":
        return lambda value: value is not None
    if operator == "in":
        members = frozenset(str(member) for member in _several(leaf.operand))
        return _in_or_below(members) if leaf.options.get("or_subdomains") else _in(members)
    if operator not in _BY_TEXT:
        raise ValueError(f"no operator {operator!r} on text ({leaf.field})")
    return _BY_TEXT[operator](str(leaf.operand))


def _several(operand: Operand) -> tuple[str | int, ...]:
    return operand if isinstance(operand, tuple) else (str(operand),)


def _quoted(operand: Operand) -> str:
    return ", ".join(f'"{member}"' for member in _several(operand))
