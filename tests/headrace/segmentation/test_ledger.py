"""What counts, and how accumulators follow an order."""

from datetime import UTC, datetime

import pytest

from headrace.contracts.events import OrderLine, OrderSnapshot, OrderStatus, Refund, RefundLine
from headrace.rules.model import Spend
from headrace.segmentation.ledger import apply_order, contribution, counted_spend, step_totals, totals_of, was_placed
from headrace.segmentation.state import Entry, Totals

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def order(
    status: OrderStatus = "completed", *, total: int = 1000, refunded: int = 0, units: int = 0, archived: bool = False
) -> OrderSnapshot:
    refund = Refund(
        id="f", created_at=NOW, amount=refunded, lines=(RefundLine(line_id="a", quantity=units, amount=refunded),)
    )
    return OrderSnapshot(
        order_id="1",
        status=status,
        created_at=NOW,
        modified_at=NOW,
        currency="GBP",
        total=total,
        subtotal=total - 100,
        total_excluding_tax=total - 200,
        lines=(OrderLine(id="a", product_id="p", quantity=5, price=200, total=1000),),
        refunds=(refund,) if refunded else (),
        archived=archived,
    )


def entry(snapshot: OrderSnapshot) -> Entry:
    applied = apply_order(None, snapshot, "r1")
    assert applied is not None
    return applied.after


@pytest.mark.parametrize(
    ("snapshot", "spend", "expected"),
    [
        (order(), Spend(), Totals(1000, 1, 5, 0, 1000)),
        (order(), Spend(amount="subtotal"), Totals(900, 1, 5, 0, 900)),
        (order(), Spend(amount="total_excluding_tax"), Totals(800, 1, 5, 0, 800)),
        (order(refunded=300, units=2), Spend(), Totals(700, 1, 3, 300, 700)),
        (order(refunded=300, units=2), Spend(refunds="ignore"), Totals(1000, 1, 5, 300, 1000)),
        (order(refunded=3000, units=9), Spend(), Totals(0, 1, 0, 3000, 0)),
        (order("refunded", refunded=1000, units=5), Spend(), Totals(refunds=1000)),
        (order("cancelled"), Spend(), Totals()),
        (order("cancelled"), Spend(count_statuses=("cancelled",)), Totals(1000, 1, 5, 0, 1000)),
        (order(archived=True, refunded=5), Spend(), Totals()),
    ],
)
def test_contribution__declared_spend__decides(snapshot: OrderSnapshot, spend: Spend, expected: Totals) -> None:
    assert contribution(entry(snapshot), counted_spend(spend)) == expected


@pytest.mark.parametrize("revision", ["r1", "r0"])
def test_apply_order__not_newer__is_dropped(revision: str) -> None:
    assert apply_order(entry(order()), order("cancelled"), revision) is None


def test_step_totals__largest_order_shrinks__next_largest_takes_over() -> None:
    spend = counted_spend(Spend())
    ledger = {"1": entry(order(total=900)), "2": entry(order(total=500))}
    applied = apply_order(ledger["1"], order(total=100), "r2")
    assert applied is not None
    after = {**ledger, "1": applied.after}
    totals = step_totals(totals_of(ledger, spend), applied, after, spend)
    assert totals == totals_of(after, spend)
    assert totals.largest == 500


@pytest.mark.parametrize(("status", "placed"), [("incomplete", False), ("cancelled", True), ("pending", True)])
def test_was_placed__first_sight__any_status_but_incomplete(status: OrderStatus, placed: bool) -> None:
    assert was_placed(entry(order(status))) is placed
