"""The door itself: what it refuses, what a guest gets, what happens without and between rule sets."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from headrace.contracts.actions import DesiredAttributes, DesiredContact, DesiredGroup
from headrace.contracts.events import (
    AttributeSet,
    Clock,
    CustomerDeleted,
    CustomerSnapshot,
    CustomEvent,
    Event,
    EventData,
    OrderPersonal,
    OrderSnapshot,
    decode_event,
    encode_event,
)
from headrace.rules.model import Group, Ladder, Leaf, RuleSet, Rung, Segment, Store
from headrace.segmentation.compiled import compile_rules
from headrace.segmentation.decide import Context, NotApplicable, activate, decide
from headrace.segmentation.state import State
from tests.headrace.segmentation.story import Story

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RULES = compile_rules(
    RuleSet(
        store=Store(timezone="UTC", currency="GBP"),
        groups=(Group(name="Silver"), Group(name="Gold")),
        group_order=(("Gold",), ("Silver",)),
        ladders=(
            Ladder(
                id="loyalty",
                by="customer.spend",
                rungs=(Rung(group="Silver"), Rung(group="Gold", bound="from", threshold=100, attributes={"t": ("g",)})),
            ),
        ),
    )
)
CUSTOMER = CustomerSnapshot(customer_id="7", created_at=NOW, modified_at=NOW)


def order(total: int = 100, **fields: Any) -> OrderSnapshot:
    given: dict[str, Any] = {
        "order_id": "1",
        "status": "completed",
        "currency": "GBP",
        "created_at": NOW,
        "modified_at": NOW,
    } | fields
    return OrderSnapshot(total=total, subtotal=total, total_excluding_tax=total, **given)


def event(data: EventData, kind: str, revision: str | None = "r1", *, key: str = "shop:7", id: str = "e") -> Event:
    return decode_event(
        encode_event(data, type=kind, id=id, store="shop", subject=key, time=NOW, origin="live", revision=revision)
    )


def at(offset: int, version: int = 1) -> Context:
    return Context(generation=2, offset=offset, now=None, rules_version=version)


@pytest.mark.parametrize(
    ("data", "kind", "revision", "reason"),
    [
        (order(), "order.snapshot", None, "no_revision"),
        (CUSTOMER, "customer.snapshot", None, "no_revision"),
        (order(currency="USD"), "order.snapshot", "r1", "wrong_currency"),
        (Clock(store="shop", now=NOW), "clock", None, "not_about_a_customer"),
    ],
)
def test_decide__cannot_be_applied__says_why(data: EventData, kind: str, revision: str | None, reason: str) -> None:
    with pytest.raises(NotApplicable) as raised:
        decide(None, event(data, kind, revision), RULES, at(1))
    assert raised.value.reason == reason


def test_decide__guest__attributes_and_contact_but_no_group() -> None:
    guest = event(order(personal=OrderPersonal(email="ann@example.org")), "order.snapshot", key="shop:guest-ab12")
    decision = decide(None, guest, RULES, at(5))
    assert [type(action) for action in decision.actions] == [DesiredContact, DesiredAttributes]
    assert [action.version for action in decision.actions] == [(2, 5, 0), (2, 5, 1)]
    assert decision.state.standing.rungs == {"loyalty": 1}


def test_decide__no_rules_yet__facts_kept_nothing_claimed() -> None:
    state = decide(None, event(CUSTOMER, "customer.snapshot"), None, at(1, 0)).state
    decision = decide(state, event(order(), "order.snapshot"), None, at(2, 0))
    assert decision.actions == ()
    assert (decision.state.totals.spend, decision.state.rules_version, decision.state.standing.rungs) == (100, 0, {})


def test_decide__state_behind_the_rules__takes_them_over_first() -> None:
    state = decide(None, event(CUSTOMER, "customer.snapshot"), None, at(1, 0)).state
    decision = decide(state, event(order(), "order.snapshot"), RULES, at(2))
    (group, _) = decision.actions
    assert isinstance(group, DesiredGroup)
    assert (group.value, group.version, group.rules_version) == ("Gold", (2, 2, 0), 1)
    assert group.cause.rules == ("ladder:loyalty",)


def test_decide__stale_snapshot__same_state_object() -> None:
    state = decide(None, event(order(), "order.snapshot", "r2"), RULES, at(1)).state
    decision = decide(state, event(order(5), "order.snapshot", "r1"), RULES, at(2))
    assert decision.state is state
    assert decision.trace.verdicts[0].reason == "stale"


def test_decide__event_without_revision__repeats_are_known_by_id() -> None:
    wanted = event(AttributeSet(name="tier", values=("a",)), "attribute.set", None, id="set-1")
    state = decide(None, wanted, RULES, at(1)).state
    state = decide(
        state, event(AttributeSet(name="tier", values=()), "attribute.set", None, id="set-2"), RULES, at(2)
    ).state
    again = decide(state, wanted, RULES, at(3))
    assert again.state is state
    assert again.trace.verdicts[0].reason == "repeated"
    custom = decide(state, event(CustomEvent(), "custom.visit", None, id="v"), RULES, at(4))
    assert custom.state.recent == ("set-1", "set-2", "v")
    assert custom.actions == ()


def test_decide__recent_ids__are_bounded() -> None:
    state: State | None = None
    for number in range(200):
        state = decide(state, event(CustomEvent(), "custom.visit", None, id=f"v{number}"), RULES, at(number)).state
    assert state is not None
    assert len(state.recent) == 64
    assert state.recent[-1] == "v199"


def test_decide__deleted_before_seen__is_a_grave_without_actions() -> None:
    decision = decide(None, event(CustomerDeleted(customer_id="7"), "customer.deleted", None), RULES, at(1))
    assert decision.state == State("shop:7", deleted=True)
    assert decision.actions == ()


def test_activate__older_or_equal_version__does_nothing() -> None:
    state = decide(None, event(CUSTOMER, "customer.snapshot"), RULES, at(1, 3)).state
    for version in (2, 3):
        decision = activate(state, RULES, at(9, version), "a")
        assert decision.state is state
        assert decision.actions == ()


def test_activate__grave__only_the_version_moves() -> None:
    decision = activate(State("shop:7", deleted=True), RULES, at(9, 4), "a")
    assert decision.state == State("shop:7", rules_version=4, deleted=True)
    assert decision.actions == ()


def test_activate__cause__is_the_activation() -> None:
    state = decide(None, event(CUSTOMER, "customer.snapshot"), None, at(1, 0)).state
    (group,) = activate(state, RULES, at(9), "a1").actions
    assert (group.cause.event, group.version) == ("activation:a1", (2, 9, 0))


def test_decide__equal_groups__the_newest_fact_wins_also_when_nobody_moves() -> None:
    """The third event enters and leaves nothing, and still decides between two groups of one place."""
    segments = (
        Segment(id="acme", who=Leaf(field="customer.company", operator="is", operand="acme"), group="Red"),
        Segment(id="buyer", who=Leaf(field="customer.orders", operator="from", operand=1), group="Blue"),
    )
    rules = compile_rules(
        RuleSet(
            store=Store(timezone="UTC", currency="GBP"),
            groups=(Group(name="Red"), Group(name="Blue")),
            group_order=(("Red", "Blue"),),
            segments=segments,
        )
    )
    state: State | None = None
    wanted: list[str | None] = []
    for day, data in enumerate(("order", "customer", "order")):
        when = NOW + timedelta(days=day)
        if data == "order":
            made: EventData = order(order_id=str(day), created_at=when, modified_at=when)
        else:
            made = CustomerSnapshot(customer_id="7", created_at=NOW, modified_at=when, company="Acme")
        decision = decide(state, event(made, f"{data}.snapshot", f"r{day}"), rules, at(day))
        state = decision.state
        wanted += [action.value for action in decision.actions if isinstance(action, DesiredGroup)]
    assert wanted == ["Red", "Blue"]


@pytest.mark.parametrize(
    ("status", "asked", "sent"),
    [
        ("awaiting_fulfillment", set(), False),
        ("shipped", {"rule:sent"}, True),
        ("cancelled", {"rule:sent", "segment:big", "segment:lately", "segment:no-tea"}, False),
    ],
)
def test_decide__order_goes_from_status_to_status__conditions_are_asked_only_where_it_counts_otherwise(
    status: str, asked: set[str], *, sent: bool
) -> None:
    story = Story("""
segments:
  - {id: big, who: {customer.spend: {above: 1000}}, attributes: {t: big}}
  - {id: lately, who: {customer.orders: {above: 2, within: 90 days}}, attributes: {t: often}}
  - {id: no-tea, who: {customer.purchased: {none: {brand: Tea}}}, attributes: {t: coffee}}
ladders: [{id: loyalty, by: customer.spend, rungs: [{group: Silver}, {group: Gold, from: 1000}]}]
rules: [{id: sent, when: {order.reached: shipped}, then: [{add_attribute: {sent: "yes"}}]}]
""")
    story.customer()
    story.order("1", 20, status="awaiting_fulfillment")
    decision = story.order("1", 20, status=status)
    assert {verdict.source for verdict in decision.trace.verdicts} == asked
    assert ("sent" in story.attributes) is sent
