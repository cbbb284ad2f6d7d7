"""Which triggers the snapshots of one order give, one after the other."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.contracts.events import OrderLine, OrderSnapshot, Refund, StatusChange
from headrace.segmentation.ledger import apply_order
from headrace.segmentation.state import Profile
from headrace.segmentation.triggers import Occurrence, customer_triggers, order_triggers, past_triggers

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = datetime(2026, 2, 1, tzinfo=UTC)
PLACED = ["order.placed", "product.ordered a"]


BEFORE = frozenset({"order.placed", "product.ordered", "order.status_changed", "order.refunded"})


def order(
    status: str, lines: str = "a", refunds: str = "", told: tuple[str, str] | None = None, late: str = ""
) -> OrderSnapshot:
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
        lines=tuple(
            OrderLine(id=name, product_id="p", quantity=1, price=1, total=1, backordered=int(name in late))
            for name in lines
        ),
        refunds=tuple(Refund(id=name, created_at=LATER, amount=1) for name in refunds),
        **fields,
    )


def played(snapshots: list[OrderSnapshot], wanted: frozenset[str] = BEFORE) -> list[str]:
    """The triggers, in words."""
    known, said = None, []
    for number, snapshot in enumerate(snapshots):
        applied = apply_order(known, snapshot, f"r{number}")
        assert applied is not None
        for occurrence in order_triggers(applied, snapshot, wanted):
            words = [occurrence.trigger]
            if occurrence.trigger in ("product.ordered", "order.backordered"):
                words += [line.id for line in occurrence.lines]
            words += [word for word in (occurrence.from_, occurrence.to) if word]
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


REACHED = frozenset({"order.reached"})
ONCE = frozenset({"order.paid", "order.cancelled"})
LATE = frozenset({"order.backordered"})


@pytest.mark.parametrize(
    ("wanted", "snapshots", "expected"),
    [
        (REACHED, [order("pending"), order("pending")], ["order.reached pending"]),
        (
            REACHED,
            [order("pending"), order("shipped"), order("pending"), order("shipped")],
            ["order.reached pending", "order.reached shipped"],
        ),
        (
            REACHED,
            [order("pending"), order("completed", told=("awaiting_fulfillment", "shipped"))],
            [
                "order.reached pending",
                "order.reached shipped",
                "order.reached completed",
                "order.reached awaiting_fulfillment",
            ],
        ),
        (ONCE, [order("incomplete"), order("pending"), order("awaiting_payment")], []),
        (ONCE, [order("awaiting_fulfillment"), order("shipped"), order("completed")], ["order.paid"]),
        (ONCE, [order("partially_refunded")], ["order.paid"]),
        (ONCE, [order("refunded")], []),
        (ONCE, [order("pending"), order("refunded", told=("completed", "refunded"))], ["order.paid"]),
        (ONCE, [order("completed"), order("cancelled"), order("declined")], ["order.paid", "order.cancelled"]),
        (ONCE, [order("declined"), order("completed"), order("cancelled")], ["order.cancelled", "order.paid"]),
        (LATE, [order("incomplete", late="a")], []),
        (LATE, [order("incomplete", late="a"), order("pending", late="a")], ["order.backordered a"]),
        (
            LATE,
            [order("pending", "ab", late="b"), order("pending", "ab", late="ab")],
            ["order.backordered b", "order.backordered a"],
        ),
        (
            LATE,
            [order("pending", late="a"), order("pending"), order("pending", late="a")],
            ["order.backordered a"],
        ),
        (
            LATE,
            [order("pending", "ab", late="b"), order("pending"), order("pending", "ab", late="b")],
            ["order.backordered b"],
        ),
        (LATE, [order("pending", "ab"), order("pending"), order("pending", "ab", late="b")], ["order.backordered b"]),
    ],
)
def test_order_triggers__first_sight_of_something__never_again(
    wanted: frozenset[str], snapshots: list[OrderSnapshot], expected: list[str]
) -> None:
    assert played(snapshots, wanted) == expected


_STATUSES = st.sampled_from(["incomplete", "pending", "shipped", "completed", "cancelled", "declined", "refunded"])
_SNAPSHOTS = st.builds(
    order,
    _STATUSES,
    st.sampled_from(["a", "ab", "b", ""]),
    st.sampled_from(["", "f", "fg"]),
    st.none() | st.tuples(_STATUSES, _STATUSES),
    st.sampled_from(["", "a", "ab"]),
)


@given(st.lists(_SNAPSHOTS, max_size=8))
def test_order_triggers__any_snapshots__each_fires_at_most_once_for_a_cause(snapshots: list[OrderSnapshot]) -> None:
    known, fired = None, []
    for number, snapshot in enumerate(snapshots):
        applied = apply_order(known, snapshot, f"r{number:02}")
        assert applied is not None
        fired += [
            (one.trigger, one.cause, one.to, line)
            for one in order_triggers(applied, snapshot)
            if one.trigger != "order.status_changed"  # may change back and forth
            for line in ([line.id for line in one.lines] if one.trigger in _BY_LINE else [""])
        ]
        known = applied.after
    by_line = [(trigger, line) if trigger in _BY_LINE else (trigger, cause, to) for trigger, cause, to, line in fired]
    assert len(set(by_line)) == len(by_line)


_BY_LINE = ("product.ordered", "order.backordered")


@given(st.lists(_SNAPSHOTS, min_size=1, max_size=6))
def test_order_triggers__only_some_are_wanted__those_and_no_others(snapshots: list[OrderSnapshot]) -> None:
    known, wanted = None, frozenset({"order.paid", "product.ordered"})
    for number, snapshot in enumerate(snapshots):
        applied = apply_order(known, snapshot, f"r{number:02}")
        assert applied is not None
        every = [one for one in order_triggers(applied, snapshot) if one.trigger in wanted]
        assert sorted(order_triggers(applied, snapshot, wanted), key=_name) == sorted(every, key=_name)
        known = applied.after


def _name(one: Occurrence) -> str:
    return one.trigger


def test_order_triggers__their_causes__name_the_order_and_what_of_it() -> None:
    first = apply_order(None, order("completed", refunds="f", late="a"), "r0")
    assert first is not None
    assert [(one.trigger, one.cause) for one in order_triggers(first, order("completed", refunds="f", late="a"))] == [
        ("order.placed", "1"),
        ("product.ordered", "1"),
        ("order.backordered", "1:a"),
        ("order.reached", "1"),
        ("order.paid", "1"),
        ("order.refunded", "1:f"),
    ]
    second = apply_order(first.after, order("shipped"), "r1")
    assert second is not None
    assert [one.cause for one in order_triggers(second, order("shipped"), frozenset({"order.status_changed"}))] == [
        "1:completed:shipped:2026-02-01T00:00:00Z"
    ]


def profile(revision: str = "r1", **fields: Any) -> Profile:
    return Profile(revision, NOW, LATER, **fields)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (None, profile(subscribed=True), ["customer.created"]),
        (profile(), profile("r2"), []),
        (profile(), profile("r2", company="Acme"), ["customer.updated"]),
        (profile(), profile("r2", subscribed=True), ["customer.updated", "subscriber.changed"]),
        (profile(), profile("r2", consents={"sms": True}), ["customer.updated", "subscriber.changed"]),
        (profile(), profile("r2", consents={"sms": False}), ["customer.updated"]),
        (profile(), profile("r2", store_credit=500), ["customer.updated"]),
        (profile(form={"a": "x"}), profile("r2", form={"a": "y"}), ["customer.updated"]),
        (profile(birthday="1990-05-17"), profile("r2"), ["customer.updated"]),
    ],
)
def test_customer_triggers__a_snapshot__what_it_changed(
    before: Profile | None, after: Profile, expected: list[str]
) -> None:
    found = customer_triggers(before, after)
    assert [one.trigger for one in found] == expected
    assert {one.cause for one in found} <= {"created", "r2"}


def test_past_triggers__order_of_the_ledger__facts_have_their_own_time() -> None:
    applied = apply_order(None, order("completed", refunds="f"), "r")
    assert applied is not None
    assert [(one.trigger, one.fact_at) for one in past_triggers("1", applied.after)] == [
        ("order.placed", NOW),
        ("product.ordered", NOW),
        ("order.reached", NOW),
        ("order.paid", NOW),
        ("order.refunded", LATER),
    ]
