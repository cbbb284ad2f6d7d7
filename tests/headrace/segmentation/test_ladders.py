"""Rungs and their boundaries."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.rules.model import Ladder, Rung
from headrace.segmentation.ladders import rung_of

LADDER = Ladder(
    id="loyalty",
    by="customer.spend",
    rungs=(Rung(group="Silver"), Rung(bound="from", threshold=100000), Rung(bound="above", threshold=500000)),
)


@pytest.mark.parametrize(
    ("value", "rung"),
    [(None, 0), (0, 0), (99999, 0), (100000, 1), (500000, 1), (500001, 2), (10**12, 2)],
)
def test_rung_of__value__highest_bound_met(value: int | None, rung: int) -> None:
    assert rung_of(LADDER, value) == rung


@given(st.integers(0, 10**7), st.integers(0, 10**7))
def test_rung_of__more__is_never_lower(one: int, other: int) -> None:
    low, high = sorted((one, other))
    assert rung_of(LADDER, low) <= rung_of(LADDER, high)
