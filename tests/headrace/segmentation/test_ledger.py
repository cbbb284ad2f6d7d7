"""An order's entry, by its snapshots."""

from datetime import UTC, datetime

import pytest

from headrace.contracts.events import OrderLine, OrderSnapshot, OrderStatus, Refund, RefundLine
from headrace.segmentation.ledger import apply_order, was_placed
from headrace.segmentation.state import Entry

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


@pytest.mark.parametrize("revision", ["r1", "r0"])
def test_apply_order__not_newer__is_dropped(revision: str) -> None:
    assert apply_order(entry(order()), order("cancelled"), revision) is None


@pytest.mark.parametrize(("status", "placed"), [("incomplete", False), ("cancelled", True), ("pending", True)])
def test_was_placed__first_sight__any_status_but_incomplete(status: OrderStatus, placed: bool) -> None:
    assert was_placed(entry(order(status))) is placed
