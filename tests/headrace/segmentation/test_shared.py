"""What is made of objects that many share is made once for each object, and never for another one."""

import pytest

from headrace.segmentation.shared import Shared


def test_shared__same_object__is_made_once() -> None:
    shared = Shared[list[int], list[int]](list)
    one = [1, 2]
    made = shared.of(one)
    assert made == one
    assert shared.of(one) is made
    assert shared.of([1, 2]) is not made


def test_shared__more_than_it_keeps_or_cleared__begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headrace.segmentation.shared._KEPT", 2)
    shared = Shared[tuple[int, ...], int](sum)
    for number in range(100):  # most of them come to stand where one stood that was let go
        assert shared.of((number, number)) == 2 * number
    shared.clear()
    assert shared.of((3, 4)) == 7
