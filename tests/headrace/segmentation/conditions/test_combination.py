"""and, or, not."""

import pytest

from headrace.segmentation.conditions import combination


def yes(value: int) -> bool:
    return value > 0


def even(value: int) -> bool:
    return value % 2 == 0


def small(value: int) -> bool:
    return value < 10


@pytest.mark.parametrize(
    ("value", "every", "some"),
    [(2, True, True), (3, False, True), (12, False, True), (-3, False, True), (11, False, True)],
)
def test_all_of_and_any_of__three__short_circuit_to_the_same(value: int, every: bool, some: bool) -> None:
    assert combination.all_of([yes, even, small])(value) is every
    assert combination.any_of([yes, even, small])(value) is some
    assert combination.all_of([yes, even])(value) is (yes(value) and even(value))
    assert combination.any_of([yes, even])(value) is (yes(value) or even(value))
    assert combination.all_of([yes])(value) is yes(value)
    assert combination.any_of([yes])(value) is yes(value)
    assert combination.not_(yes)(value) is not yes(value)


def test_explain__nested__keeps_its_brackets() -> None:
    both = combination.explain("and", ["a", "b"])
    assert combination.explain("not", [combination.explain("or", [both, "c"])]) == "not (((a and b) or c))"
