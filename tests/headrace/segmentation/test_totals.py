"""What an order contributes, and how accumulators follow it."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.contracts.events import OrderStatus
from headrace.rules.model import Spend
from headrace.segmentation.codec import encode_lines
from headrace.segmentation.ledger import counted_spend
from headrace.segmentation.state import Cold, Entry, Line, Purchased, Refunded, Totals
from headrace.segmentation.totals import (
    Contribution,
    LineCount,
    Summing,
    Sums,
    contribution,
    extremes_of,
    step_purchased,
    step_totals,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
LINES = (Line("a", "p", 5, 200, 1000),)
SPEND = counted_spend(Spend())


def order(
    status: OrderStatus = "completed", *, refunded: int = 0, units: int = 0, archived: bool = False, total: int = 1000
) -> Entry:
    refunds = (Refunded("f", LATER, refunded, units),) if refunded else ()
    return Entry("r", status, NOW, total, total - 100, total - 200, 5, encode_lines(LINES), refunds, archived)


def counted(amount: int, units: int = 5, refunded: int = 0) -> Contribution:
    return Contribution(True, amount, units, refunded, NOW, LATER if refunded else NOW)


def uncounted(refunded: int = 0, newest: datetime = NOW) -> Contribution:
    return Contribution(False, 0, 0, refunded, NOW, newest)


@pytest.mark.parametrize(
    ("entry", "spend", "expected"),
    [
        (order(), Spend(), counted(1000)),
        (order(), Spend(amount="subtotal"), counted(900)),
        (order(), Spend(amount="total_excluding_tax"), counted(800)),
        (order(refunded=300, units=2), Spend(), counted(700, 3, 300)),
        (order(refunded=300, units=2), Spend(refunds="ignore"), counted(1000, 5, 300)),
        (order(refunded=3000, units=9), Spend(), counted(0, 0, 3000)),
        (order("refunded", refunded=1000, units=5), Spend(), uncounted(1000, LATER)),
        (order("cancelled"), Spend(), uncounted()),
        (order("cancelled"), Spend(count_statuses=("cancelled",)), counted(1000)),
        (order(archived=True, refunded=5), Spend(), uncounted(0, LATER)),
    ],
)
def test_contribution__declared_spend__decides(entry: Entry, spend: Spend, expected: Contribution) -> None:
    assert contribution(entry, counted_spend(spend)) == expected


moments = st.integers(0, 3).map(lambda days: NOW + timedelta(days=days))
parts = st.one_of(
    st.builds(lambda amount, made: Contribution(True, amount, 1, 0, made, made), st.integers(0, 5), moments),
    st.builds(lambda made, newest: Contribution(False, 0, 0, 0, made, max(made, newest)), moments, moments),
)


@given(st.dictionaries(st.integers(0, 5), parts, min_size=1), parts, st.data())
def test_step_totals__one_order_changed__as_if_added_up_anew(
    known: dict[int, Contribution], new: Contribution, data: st.DataObject
) -> None:
    changed = data.draw(st.integers(0, 5))
    before, after = extremes_of(known.values(), Cold()), {**known, changed: new}
    stepped = step_totals(before, known.get(changed), new, lambda: extremes_of(after.values(), Cold()))
    assert stepped == extremes_of(after.values(), Cold())


def test_extremes_of__cold_orders__count_too() -> None:
    cold = Cold(2, 2, (900, 100), (NOW,), (LATER,), (LATER,))
    assert extremes_of([counted(500)], cold) == Totals(500, 1, 5, 0, 900, NOW, LATER, LATER)


def test_step_purchased__lines_go_and_come__are_counted_by_each_test() -> None:
    apples: LineCount = lambda lines: sum(line.brand == "Apple" for line in lines)  # noqa: E731  # typed
    several: LineCount = lambda lines: sum(line.quantity > 1 for line in lines)  # noqa: E731  # typed
    summing = Summing(SPEND, (apples, several))
    apple, pear = Line("a", "p", 2, 1, 2, brand="Apple"), Line("b", "q", 1, 1, 1, brand="Pear")
    assert step_purchased(Purchased(4, (2, 1)), (pear, pear), (apple,), summing) == Purchased(3, (3, 2))


def test_sums__orders_that_count_and_do_not__lines_of_the_first_only() -> None:
    sums = Sums(Summing(SPEND, (lambda lines: sum(line.quantity == 5 for line in lines),)))
    sums.add(order())
    sums.add(order("cancelled"))
    assert sums.purchased == Purchased(1, (1,))
    assert sums.totals == Totals(1000, 1, 5, 0, 1000, NOW, NOW, NOW)
