"""Numbers and money: integers, money in minor units of the store's currency.

Unset is None: only `is_not` holds on it.
"""

from collections.abc import Callable, Mapping
from typing import Final

from headrace.contracts.money import format_money
from headrace.rules.model import Between, Operand

NumberTest = Callable[[int | None], bool]


def _is(bound: int) -> NumberTest:
    return lambda value: value == bound


def _is_not(bound: int) -> NumberTest:
    return lambda value: value != bound


def _above(bound: int) -> NumberTest:
    return lambda value: value is not None and value > bound


def _from(bound: int) -> NumberTest:
    return lambda value: value is not None and value >= bound


def _below(bound: int) -> NumberTest:
    return lambda value: value is not None and value < bound


def _up_to(bound: int) -> NumberTest:
    return lambda value: value is not None and value <= bound


_BY_NUMBER: Final[Mapping[str, Callable[[int], NumberTest]]] = {
    "is": _is,
    "is_not": _is_not,
    "above": _above,
    "from": _from,
    "below": _below,
    "up_to": _up_to,
}
STEADY: Final = ("above", "from", "below", "up_to")
"""Tests that change once as the number grows."""
OPERATORS: Final = (*_BY_NUMBER, "between", "is_set", "is_unset")


def compile_test(operator: str, operand: Operand) -> NumberTest:
    """The test, thresholds read once. Raises ValueError for what the family does not have."""
    if operator == "between" and isinstance(operand, Between):
        low, high = operand.low, operand.high
        return lambda value: value is not None and low <= value < high
    if operator in ("is_set", "is_unset"):
        wanted = operator == "is_set"
        return lambda value: (value is not None) is wanted
    if operator not in _BY_NUMBER or not isinstance(operand, int):
        raise ValueError(f"no operator {operator!r} on a number with {operand!r}")
    return _BY_NUMBER[operator](operand)


def bounds(operand: Operand) -> tuple[int, ...]:
    """The numbers a test compares with."""
    if isinstance(operand, Between):
        return operand.low, operand.high
    return (operand,) if isinstance(operand, int) else ()


def evaluate(value: int | None, operator: str, operand: Operand) -> bool:
    """Whether a number meets the test."""
    return compile_test(operator, operand)(value)


def explain(field: str, operator: str, operand: Operand, *, currency: str | None = None) -> str:
    """`customer.spend above 5,000.00 GBP`; `currency` None for plain numbers."""
    if isinstance(operand, Between):
        return f"{field} from {shown(operand.low, currency)} below {shown(operand.high, currency)}"
    if operator in ("is_set", "is_unset"):
        return f"{field} {operator.replace('_', ' ')}"
    bound = shown(operand, currency) if isinstance(operand, int) else str(operand)
    return f"{field} {operator.replace('_', ' ')} {bound}"


def shown(value: int | None, currency: str | None) -> str:
    """A number for people; `unset` for None."""
    if value is None:
        return "unset"
    return f"{value:,}" if currency is None else format_money(value, currency)
