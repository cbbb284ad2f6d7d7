"""An order that leaves a customer takes all with it that it brought, in whatever order it is told."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.contracts.actions import DesiredContact
from headrace.contracts.events import (
    Event,
    OrderLine,
    OrderPersonal,
    OrderRemoved,
    OrderSnapshot,
    Refund,
    decode_event,
    encode_event,
)
from headrace.segmentation.codec import decode_state, encode_state
from headrace.segmentation.decide import Context, Decision, decide
from headrace.segmentation.ledger import was_taken_out
from headrace.segmentation.orders import every_order
from headrace.segmentation.pages import Limits
from headrace.segmentation.state import State
from tests.headrace.segmentation.paged import limited
from tests.headrace.segmentation.story import compiled

NOW = datetime(2026, 1, 20, tzinfo=UTC)
RULES = compiled(
    """
segments:
  - {id: vip, who: {customer.spend: {from: 10}}, group: Gold}
  - {id: lately, who: {customer.orders: {from: 2, within: 30 days}}, attributes: {loyalty: often}}
  - {id: mugs, who: {customer.purchased: {any: {sku: M}}}, tags: [{mailchimp: Mugs}]}
"""
)
GUEST, ACCOUNT, OTHER = "shop:guest-1f", "shop:7", "shop:8"


@dataclass
class Pages:
    """The pages of one customer, in memory."""

    kept: dict[str, bytes]

    def read(self, name: str) -> bytes | None:
        return self.kept.get(name)

    def orders(self) -> list[str]:
        return [name for name in self.kept if name.startswith("order:")]


class Customer:
    """One customer told events, every state through bytes."""

    def __init__(self, key: str) -> None:
        self.state, self.pages, self.offset = State(key=key), Pages({}), 0

    def told(self, event: Event) -> Decision:
        self.offset += 1
        state = decode_state(encode_state(self.state))
        decision = decide(state, event, RULES, Context(1, self.offset, NOW, 1), pages=self.pages)
        for name, page in decision.pages.items():
            if page is None:
                self.pages.kept.pop(name, None)
            else:
                self.pages.kept[name] = page
        self.state = decision.state
        return decision

    @property
    def facts(self) -> dict[str, Any]:
        """What rules may read of the orders, without the marks of those that left."""
        state = self.state
        orders = {name: entry for name, entry in every_order(state, self.pages) if not was_taken_out(entry)}
        totals = state.totals
        return {
            "orders": orders,
            "spend": (totals.spend, totals.orders, totals.items, totals.refunds, totals.largest),
            "between": (totals.first, totals.last),
            "purchased": state.purchased,
            "windows": state.windows,
            "segments": state.standing.segments,
            "known": state.profile is not None,
        }


def snapshot(key: str, number: int, minute: int, total: int = 900) -> Event:
    made = NOW - timedelta(days=number)
    order = OrderSnapshot(
        order_id=str(number),
        status="completed",
        created_at=made,
        modified_at=made,
        currency="GBP",
        total=total,
        subtotal=total,
        total_excluding_tax=total,
        lines=(OrderLine(id=f"{number}1", product_id="5", quantity=2, price=total // 2, total=total, sku="M"),),
        refunds=(Refund(id="1", created_at=made, amount=100),) if number == 3 else (),
        personal=OrderPersonal(email="jo@example.com"),
    )
    return _event(order, "order.snapshot", key, f"{minute:03d}")


def removal(key: str, number: int, minute: int, to: str = ACCOUNT) -> Event:
    return _event(OrderRemoved(order_id=str(number), to=to), "order.removed", key, f"{minute:03d}")


def _event(data: OrderSnapshot | OrderRemoved, kind: str, key: str, revision: str) -> Event:
    value = encode_event(
        data, type=kind, id=f"{kind}{revision}", store="shop", subject=key, time=NOW, origin="live", revision=revision
    )
    return decode_event(value)


def facts_of(key: str, *events: Event) -> dict[str, Any]:
    customer = Customer(key)
    for event in events:
        customer.told(event)
    return customer.facts


@given(
    st.permutations(
        [snapshot(GUEST, number, 1) for number in (1, 2, 3)] + [removal(GUEST, number, 2) for number in (1, 2, 3)]
    ),
    st.booleans(),
)
def test_order_removed__guest_who_got_an_account__nothing_is_left_in_any_order(told: list[Event], small: bool) -> None:
    with limited(Limits(ledger_bytes=1, ledger_kept_bytes=0, order_bytes=1) if small else Limits()):
        assert facts_of(GUEST, *told) == facts_of(GUEST, removal(GUEST, 9, 1))  # one who never had any


STAFF = [
    *(snapshot(OTHER, number, 1) for number in (1, 2, 3)),
    snapshot(OTHER, 2, 2, total=700),
    removal(OTHER, 2, 3),
    removal(OTHER, 2, 3),
    snapshot(OTHER, 3, 4, total=800),
]


@given(st.permutations(STAFF), st.booleans())
def test_order_removed__moved_by_staff__the_others_stay_in_any_order(told: list[Event], small: bool) -> None:
    with limited(Limits(ledger_bytes=1, ledger_kept_bytes=0, order_bytes=1) if small else Limits()):
        assert facts_of(OTHER, *told) == facts_of(OTHER, snapshot(OTHER, 1, 1), snapshot(OTHER, 3, 4, total=800))


@given(st.permutations([snapshot(OTHER, 1, 1), removal(OTHER, 1, 2), snapshot(OTHER, 1, 3)]))
def test_order_removed__and_back__is_there_in_any_order(told: list[Event]) -> None:
    assert facts_of(OTHER, *told) == facts_of(OTHER, snapshot(OTHER, 1, 3))


@pytest.mark.parametrize("first", [snapshot(OTHER, 1, 2), removal(OTHER, 1, 2)])
def test_order_removed__same_revision__wins_over_the_snapshot(first: Event) -> None:
    customer = Customer(OTHER)
    customer.told(first)
    customer.told(removal(OTHER, 1, 2))
    assert customer.told(snapshot(OTHER, 1, 2)).trace.verdicts[0].reason == "stale"
    assert customer.facts["spend"] == (0, 0, 0, 0, 0)


def test_order_removed__the_sinks__are_told() -> None:
    customer = Customer(GUEST)
    for number in (1, 2):
        customer.told(snapshot(GUEST, number, 1))
    assert customer.state.standing.segments == ("lately", "mugs", "vip")
    assert not any(isinstance(each, DesiredContact) for each in customer.told(removal(GUEST, 1, 2)).actions)
    (contact,) = (each for each in customer.told(removal(GUEST, 2, 2)).actions if isinstance(each, DesiredContact))
    assert (contact.deleted, contact.personal) == (True, None)
    (again,) = (each for each in customer.told(snapshot(GUEST, 4, 3)).actions if isinstance(each, DesiredContact))
    assert not again.deleted


def test_order_removed__nothing_fires__what_the_customer_was_in_is_left() -> None:
    customer = Customer(OTHER)
    customer.told(snapshot(OTHER, 1, 1, total=2000))
    assert customer.state.standing.segments == ("mugs", "vip")
    assert customer.told(removal(OTHER, 1, 2)).effects == ()
    assert not customer.state.standing.segments
