"""The extremes of cold orders, against all of their values."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from headrace.segmentation import cold as colds
from headrace.segmentation import pages as paging
from headrace.segmentation.pages import Limits
from headrace.segmentation.state import Cold
from headrace.segmentation.totals import Contribution

NOW = datetime(2026, 1, 1, tzinfo=UTC)
moments = st.integers(0, 9).map(lambda hours: NOW + timedelta(hours=hours))
parts = st.builds(
    lambda counted, amount, made, newest: Contribution(counted, counted * amount, 1, 0, made, max(made, newest)),
    st.booleans(),
    st.integers(0, 9),
    moments,
    moments,
)


def unfit(cold: Cold, known: dict[int, Contribution]) -> Iterator[str]:
    """What is not as it must be: a list that does not begin as all values, sorted, do; or is empty beside some."""
    counted = [part for part in known.values() if part.counted]
    if (cold.orders, cold.counted) != (len(known), len(counted)):
        yield "counts"
    amounts, made = [part.amount for part in counted], [part.created_at for part in counted]
    newest = [part.newest for part in known.values()]
    if list(cold.largest) != sorted(amounts, reverse=True)[: len(cold.largest)] or bool(amounts) != bool(cold.largest):
        yield "largest"
    if list(cold.first) != sorted(made)[: len(cold.first)] or bool(made) != bool(cold.first):
        yield "first"
    if list(cold.last) != sorted(made, reverse=True)[: len(cold.last)] or bool(made) != bool(cold.last):
        yield "last"
    if list(cold.newest) != sorted(newest, reverse=True)[: len(cold.newest)] or bool(newest) != bool(cold.newest):
        yield "newest"


@settings(max_examples=300)
@given(st.lists(st.tuples(st.integers(0, 6), parts), max_size=40), st.integers(1, 4))
def test_change__any_orders_come_and_change__known_extremes_are_true(
    steps: list[tuple[int, Contribution]], extremes: int
) -> None:
    cold, known = Cold(), dict[int, Contribution]()
    with patch.object(paging, "LIMITS", Limits(extremes=extremes)):
        for order, part in steps:
            after = colds.change(cold, known[order], part) if order in known else colds.put(cold, part)
            known[order] = part
            cold = colds.cold_of(known.values()) if after is None else after
            assert list(unfit(cold, known)) == []
            assert max(map(len, (cold.largest, cold.first, cold.last, cold.newest))) <= extremes


def test_change__last_known_extreme_goes__all_must_be_looked_at() -> None:
    dear, cheap = (Contribution(True, amount, 1, 0, NOW, NOW) for amount in (9, 1))
    with patch.object(paging, "LIMITS", Limits(extremes=1)):
        cold = colds.cold_of((dear, cheap))
        assert colds.change(cold, dear, replace(cheap, amount=0)) is None
        assert colds.change(cold, dear, replace(dear, amount=10)) is not None
        assert colds.change(cold, cheap, replace(cheap, amount=0)) is not None


def test_change__same_order_edited_again_and_again__nothing_is_forgotten() -> None:
    parts = [Contribution(True, amount, 1, 0, NOW + timedelta(hours=amount), NOW) for amount in range(9)]
    cold, dear = colds.cold_of(parts), parts[-1]
    for units in range(20):
        edited = replace(dear, units=units, refunded=units, newest=NOW + timedelta(days=units))
        changed = colds.change(cold, dear, edited)
        assert changed is not None
        assert (changed.largest, changed.first, changed.last) == (cold.largest, cold.first, cold.last)
        cold, dear = changed, edited
