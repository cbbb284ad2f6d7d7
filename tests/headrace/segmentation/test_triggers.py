"""Which triggers the snapshots of one order give, one after the other."""

from datetime import UTC, datetime
from typing import Any

import pytest

from headrace.contracts.events import OrderLine, OrderSnapshot, Refund, StatusChange
from headrace.segmentation.ledger import apply_order
from headrace.segmentation.triggers import order_triggers, past_triggers

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = datetime(2026, 2, 1, tzinfo=UTC)
PLACED = ["order.placed", "product.ordered a"]


def order(status: str, lines: str = "a", refunds: str = "", told: tuple[str, str] | None = None) -> OrderSnapshot:
    fields: dict[str, Any] = {
        "status": status,
        "status_change": None if told is None else StatusChange(previous=told[0], new=told[1]),  # type: ignore[arg-type]
    }
    return OrderSnapshot(
        order_id="1",
        created_at=NOW,
        modified_at=LATER,
        currency="GBP",
        total=1,
        subtotal=1,
        total_excluding_tax=1,
        lines=tuple(OrderLine(id=name, product_id="p", quantity=1, price=1, total=1) for name in lines),
        refunds=tuple(Refund(id=name, created_at=LATER, amount=1) for name in refunds),
        **fields,
    )


def played(snapshots: list[OrderSnapshot]) -> list[str]:
    """The triggers, in words."""
    known, said = None, []
    for number, snapshot in enumerate(snapshots):
        applied = apply_order(known, snapshot, f"r{number}")
        assert applied is not None
        for occurrence in order_triggers(applied, snapshot):
            words = [occurrence.trigger]
            if occurrence.trigger == "product.ordered":
                words += [line.id for line in occurrence.lines]
            if occurrence.from_ and occurrence.to:
                words += [occurrence.from_, occurrence.to]
            said.append(" ".join(words))
        known = applied.after
    return said


@pytest.mark.parametrize(
    ("snapshots", "expected"),
    [
        ([order("incomplete")], []),
        ([order("pending"), order("pending")], PLACED),
        ([order("incomplete"), order("cancelled")], [*PLACED, "order.status_changed incomplete cancelled"]),
        ([order("refunded", refunds="f")], [*PLACED, "order.refunded"]),
        (
            [order("shipped"), order("shipped", refunds="f"), order("shipped", refunds="fg")],
            [*PLACED, *["order.refunded"] * 2],
        ),
        ([order("shipped", refunds="f"), order("shipped"), order("shipped", refunds="f")], [*PLACED, "order.refunded"]),
        (
            [order("shipped"), order("shipped", "ab"), order("shipped", "b"), order("shipped", "ab")],
            [*PLACED, "product.ordered b"],
        ),
        (
            [order("incomplete"), order("incomplete", ""), order("pending")],
            [*PLACED, "order.status_changed incomplete pending"],
        ),
        (
            [order("shipped", told=("pending", "shipped")), order("completed", told=("pending", "shipped"))],
            [*PLACED, "order.status_changed pending shipped", "order.status_changed shipped completed"],
        ),
        (
            [order("pending"), order("completed", told=("pending", "shipped"))],
            [*PLACED, "order.status_changed pending shipped", "order.status_changed shipped completed"],
        ),
    ],
)
def test_order_triggers__snapshots__each_cause_once(snapshots: list[OrderSnapshot], expected: list[str]) -> None:
    assert played(snapshots) == expected


def test_past_triggers__order_of_the_ledger__facts_have_their_own_time() -> None:
    applied = apply_order(None, order("completed", refunds="f"), "r")
    assert applied is not None
    assert [(one.trigger, one.fact_at) for one in past_triggers(applied.after)] == [
        ("order.placed", NOW),
        ("product.ordered", NOW),
        ("order.refunded", LATER),
    ]
