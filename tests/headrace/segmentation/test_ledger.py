"""An order's entry, by its snapshots."""

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from headrace.contracts.events import OrderLine, OrderSnapshot, OrderStatus, Refund, RefundLine
from headrace.segmentation.ledger import apply_order, lines_of, was_placed
from headrace.segmentation.state import Entry, Line

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


def test_apply_order__every_amount_another__each_in_its_field() -> None:
    amounts = {"total": 11, "subtotal": 12, "total_excluding_tax": 13}
    amounts |= {"shipping": 14, "store_credit": 15, "shipping_excluding_tax": 16}
    after = entry(replace(order(archived=True), channel_id=17, **amounts))
    assert {name: getattr(after, name) for name in amounts} == amounts
    assert (after.revision, after.status, after.created_at, after.channel) == ("r1", "completed", NOW, 17)
    assert (after.units, after.archived, after.refunds, after.gone) == (5, True, (), ())


def test_lines_of__every_field_another__each_in_its_field() -> None:
    assert Line.__struct_fields__ == OrderLine.__struct_fields__
    line = OrderLine(
        id="a",
        product_id="p",
        quantity=1,
        price=2,
        total=3,
        name="n",
        sku="s",
        brand="b",
        categories=("c", "d"),
        backordered=4,
    )
    assert lines_of((line, line)) == (Line("a", "p", 1, 2, 3, "n", "s", "b", ("c", "d"), 4),) * 2


@pytest.mark.parametrize("revision", ["r1", "r0"])
def test_apply_order__not_newer__is_dropped(revision: str) -> None:
    assert apply_order(entry(order()), order("cancelled"), revision) is None


@pytest.mark.parametrize(("status", "placed"), [("incomplete", False), ("cancelled", True), ("pending", True)])
def test_was_placed__first_sight__any_status_but_incomplete(status: OrderStatus, placed: bool) -> None:
    assert was_placed(entry(order(status))) is placed
