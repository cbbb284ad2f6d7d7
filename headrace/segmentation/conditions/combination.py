"""`all`, `any` and `not` over conditions of every family.

Two children are the common case and get a plain `and` / `or`.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from headrace.rules.model import AllOf, AnyOf, Condition, Not

T = TypeVar("T")


def all_of(tests: Sequence[Callable[[T], bool]]) -> Callable[[T], bool]:
    """Holds when every test does."""
    if len(tests) == 1:
        return tests[0]
    if len(tests) == 2:
        first, second = tests
        return lambda value: first(value) and second(value)

    def holds(value: T) -> bool:
        for test in tests:  # noqa: SIM110  # a generator would cost more than the tests
            if not test(value):
                return False
        return True

    return holds


def any_of(tests: Sequence[Callable[[T], bool]]) -> Callable[[T], bool]:
    """Holds when one test does."""
    if len(tests) == 1:
        return tests[0]
    if len(tests) == 2:
        first, second = tests
        return lambda value: first(value) or second(value)

    def holds(value: T) -> bool:
        for test in tests:  # noqa: SIM110  # as above
            if test(value):
                return True
        return False

    return holds


def not_(test: Callable[[T], bool]) -> Callable[[T], bool]:
    """The exact complement."""
    return lambda value: not test(value)


def combined(condition: Condition, leaf: Callable[[Any], Callable[[T], bool]]) -> Callable[[T], bool]:
    """The test of a condition, given that of a leaf."""
    match condition:
        case AllOf(of=of):
            return all_of([combined(part, leaf) for part in of])
        case AnyOf(of=of):
            return any_of([combined(part, leaf) for part in of])
        case Not(of=part):
            return not_(combined(part, leaf))
        case _:
            return leaf(condition)


def explain(word: str, parts: Sequence[str]) -> str:
    """`(a and b)`, `(a or b)`, `not (a)`."""
    if word == "not":
        return f"not ({parts[0]})"
    return parts[0] if len(parts) == 1 else "(" + f" {word} ".join(parts) + ")"
