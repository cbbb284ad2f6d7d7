"""The latched rules from a log with repeats, late snapshots and status changes."""

from typing import Any

import pytest

from headrace.demo.log_fold import Latched, fold_log


def snapshot(revision: str, *, status: str = "awaiting_fulfillment", order: str = "100", **data: Any) -> dict[str, Any]:
    return {
        "type": "order.snapshot",
        "subject": "s:7",
        "headracerevision": revision,
        "headraceorigin": "live",
        "data": {"order_id": order, "status": status, "total": 1000, "created_at": "2010-01-05T12:00:00Z", **data},
    }


def line(quantity: int, brand: str = "") -> dict[str, Any]:
    return {"id": "1", "product_id": "1", "quantity": quantity, "price": 1, "total": quantity, "brand": brand}


@pytest.mark.parametrize(("units", "bulk"), [(499, False), (500, False), (501, True)])
def test_fold_log__units__latch_bulk_above_500(units: int, bulk: bool) -> None:
    fold = fold_log([snapshot("1", lines=[line(units - 1), line(1)])])
    assert fold.latched["s:7"] == Latched(bulk_buyer=bulk)


def test_fold_log__bijou_line__latches() -> None:
    fold = fold_log([snapshot("1", lines=[line(1, "Hearth"), line(1, "Bijou")])])
    assert fold.latched["s:7"] == Latched(bijou_buyer=True)


def test_fold_log__incomplete__is_placed_only_when_it_is_paid() -> None:
    incomplete = snapshot("1", status="incomplete", lines=[line(1, "Bijou")])
    assert not fold_log([incomplete]).latched["s:7"].bijou_buyer
    assert fold_log([incomplete, snapshot("2", lines=[line(1, "Bijou")])]).latched["s:7"].bijou_buyer


def test_fold_log__edit_after_it_was_placed__adds_products_but_places_nothing() -> None:
    fold = fold_log([snapshot("1", lines=[line(1)]), snapshot("2", lines=[line(501, "Bijou")])])
    assert fold.latched["s:7"] == Latched(bijou_buyer=True)


def test_fold_log__late_and_repeated_snapshots__are_left_out() -> None:
    fold = fold_log(
        [
            snapshot("2", refunds=[]),
            snapshot("1", refunds=[{"id": "1", "amount": 5}], lines=[line(501)]),
            snapshot("2", lines=[line(501)]),
        ]
    )
    assert fold.stale == 2
    assert fold.latched["s:7"] == Latched()
    assert fold.orders["100"].refunded_minor == 0


def test_fold_log__refund__makes_a_returner_and_stays_with_the_order() -> None:
    fold = fold_log([snapshot("1"), snapshot("2", status="partially_refunded", refunds=[{"id": "1", "amount": 5}])])
    assert fold.latched["s:7"].returner
    assert (fold.orders["100"].status, fold.orders["100"].refunded_minor) == ("partially_refunded", 5)


def test_fold_log__refund_seen_first__is_a_refund_too() -> None:
    assert fold_log([snapshot("1", refunds=[{"id": "1", "amount": 5}])]).latched["s:7"].returner


def test_fold_log__other_events__are_counted_only() -> None:
    clock = {"type": "clock", "subject": "~", "data": {"store": "s", "now": "2010-01-01T00:00:00Z"}}
    customer = {"type": "customer.snapshot", "subject": "s:7", "data": {}}
    fold = fold_log([clock, customer])
    assert (fold.records, fold.customers, fold.orders) == (2, {"s:7"}, {})
