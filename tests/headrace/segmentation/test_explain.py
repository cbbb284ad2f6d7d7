"""Why a customer stands where it stands: claims, conditions leaf by leaf, orders behind a number, never a person."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from headrace.contracts.events import (
    Address,
    AttributeSet,
    CustomerPersonal,
    CustomerPinned,
    CustomerSnapshot,
    Event,
    EventData,
    OrderLine,
    OrderSnapshot,
    decode_event,
    encode_event,
)
from headrace.rules.load import Source, load_texts
from headrace.segmentation.compiled import CompiledRules, compile_rules
from headrace.segmentation.decide import Context, decide
from headrace.segmentation.explain import UnknownEntry, explain
from headrace.segmentation.explaining.seen import Explanation
from headrace.segmentation.state import State

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
RULES = """
store: {timezone: Europe/London, currency: GBP}
groups: [{name: Friends}, {name: Gold}, {name: Silver}]
group_order: [Friends, Gold, Silver]
ladders:
  - {id: loyalty, by: customer.spend, rungs: [{group: Silver}, {group: Gold, from: 1000}]}
segments:
  - {id: ann, who: {customer.email: zelda@example.org}, group: Friends}
  - id: subscribers-of-apple
    who:
      all:
        - customer.subscribed: true
        - not: {customer.purchased: {any: {brand: Pear}}}
        - customer.spend: {from: 20, within: 30 days}
    tags: [{mailchimp: Apple}]
rules:
  - id: welcome
    when: customer.created
    if: {customer.first_name: Zelda}
    then: [{assign_group: Gold}]
    past: ignore
  - id: big
    when: order.placed
    if: {all: [{order.value: {above: 5000}}, {order.lines: {any: {brand: Apple}}}]}
    then: [{add_attribute: {size: big}}]
"""
ANN = CustomerSnapshot(
    customer_id="7",
    created_at=NOW - timedelta(days=400),
    modified_at=NOW - timedelta(days=400),
    email_domain="example.org",
    subscribed=True,
    addresses=(Address(country_code="GB", city="Ely"),),
    personal=CustomerPersonal(email="zelda@example.org", first_name="Zelda", last_name="Moor", phone="0777"),
)


def compiled(text: str = RULES) -> CompiledRules:
    loaded = load_texts([Source(file="rules.yaml", text=text)])
    assert loaded.rule_set is not None, loaded.findings
    return compile_rules(loaded.rule_set)


def order(number: int, total: int, *, days_ago: int, brand: str = "Apple", **fields: Any) -> OrderSnapshot:
    made = NOW - timedelta(days=days_ago)
    line = OrderLine(id="1", product_id="7", quantity=1, price=total, total=total, brand=brand)
    given: dict[str, Any] = {"status": "completed", "created_at": made, "modified_at": made, "lines": (line,)} | fields
    return OrderSnapshot(
        order_id=str(number), currency="GBP", total=total, subtotal=total, total_excluding_tax=total, **given
    )


def happened(data: EventData, number: int = 0, key: str = "shop:7") -> Event:
    kinds = {
        OrderSnapshot: "order.snapshot",
        CustomerSnapshot: "customer.snapshot",
        AttributeSet: "attribute.set",
        CustomerPinned: "customer.pinned",
    }
    kind = kinds[type(data)]
    return decode_event(
        encode_event(
            data,
            type=kind,
            id=f"{kind}:{number}",
            store="shop",
            subject=key,
            time=NOW,
            origin="live",
            revision=f"r{number:03d}",
        )
    )


def state_of(rules: CompiledRules, *data: EventData, now: datetime = NOW, key: str = "shop:7") -> State:
    state: State | None = None
    for number, one in enumerate(data):
        state = decide(state, happened(one, number, key), rules, Context(1, number, now, 1)).state
    assert state is not None
    return state


def ann(rule: str | None = None, *, search: bool = False) -> Explanation:
    rules = compiled()
    state = state_of(
        rules,
        ANN,
        order(1, 300_00, days_ago=90),
        order(2, 30_00, days_ago=9),
        order(3, 9, days_ago=5, status="pending"),
    )
    return explain(state, rules, now=NOW, rule=rule, search=search)


def test_explain__claims__winner_first_and_every_loser_told_why() -> None:
    found = ann()
    assert (found.group, found.won_by) == ("Friends", "segment:ann")
    assert [(one.rule, one.group, one.won, one.why) for one in found.claims] == [
        ("segment:ann", "Friends", True, "no other claim has a higher place in group_order"),
        ("rule:welcome", "Gold", False, "Friends stands higher in group_order"),
        ("ladder:loyalty", "Silver", False, "Friends stands higher in group_order"),
    ]


@pytest.mark.parametrize(
    ("key", "data", "why"),
    [
        ("shop:7", ANN, None),
        ("shop:7", replace(ANN, group="Staff"), "the store has it in Staff, which these rules do not name"),
        ("shop:7", order(1, 5, days_ago=3), "the store has not told of its account yet"),
        ("shop:guest-ab", order(1, 5, days_ago=3), "it is a guest"),
    ],
)
def test_explain__not_moved__says_why(key: str, data: EventData, why: str | None) -> None:
    rules = compiled()
    found = explain(state_of(rules, data, key=key), rules, now=NOW)
    assert (found.group is None) is (why is not None)
    assert found.not_ours is why or (found.not_ours or "").startswith(why or "-")


def test_explain__memberships__segments_and_rungs_with_their_groups() -> None:
    assert [(one.kind, one.id, one.group, one.rung) for one in ann().memberships] == [
        ("segment", "ann", "Friends", None),
        ("segment", "subscribers-of-apple", None, None),
        ("rung", "loyalty", "Silver", 1),
    ]


def test_explain__conditions__each_leaf_with_path_value_and_truth() -> None:
    (segment,) = ann("subscribers-of-apple").rules
    assert (segment.kind, segment.holds, segment.met) == ("segment", True, True)
    assert [(one.path, one.value, one.operator, one.operand, one.holds) for one in segment.conditions] == [
        ("who.all[0].customer.subscribed", True, "is", True, True),
        ("who.all[1].not.customer.purchased", {"matches": 0, "of": 2}, "any", None, False),
        (
            "who.all[2].customer.spend",
            {"amount_minor": 3000, "currency": "GBP"},
            "from",
            {"amount_minor": 2000, "currency": "GBP"},
            True,
        ),
    ]


def test_explain__ladder__its_bounds_are_its_conditions() -> None:
    (ladder,) = ann("loyalty").rules
    assert (ladder.holds, ladder.text) == (False, "rung 1, Silver, by customer.spend")
    (bound,) = ladder.conditions
    assert (bound.path, bound.value, bound.holds) == (
        "rungs[1].customer.spend",
        {"amount_minor": 33000, "currency": "GBP"},
        False,
    )


def test_explain__rule_on_orders__is_looked_at_with_the_order_that_comes_nearest() -> None:
    (rule,) = ann("big").rules
    assert (rule.when, rule.order, rule.holds, rule.met) == ("order.placed", "3", False, False)
    assert [(one.value, one.holds) for one in rule.conditions] == [
        ({"amount_minor": 9, "currency": "GBP"}, False),
        ({"matches": 1, "of": 1}, True),
    ]


def test_explain__rule_that_has_latched__since_its_newest_fact() -> None:
    (rule,) = ann("welcome").rules
    assert (rule.holds, rule.since, rule.when) == (True, ANN.created_at, "customer.created")


def test_explain__facts__with_the_orders_they_are_taken_from() -> None:
    facts = {name: (fact.value, fact.from_) for name, fact in ann().facts.items()}
    assert facts["customer.spend"] == ({"amount_minor": 33000, "currency": "GBP"}, ("1", "2"))
    assert facts["customer.spend (within 30 days)"] == ({"amount_minor": 3000, "currency": "GBP"}, ("2",))
    assert facts["customer.subscribed"] == (True, ())
    assert facts['any of customer.purchased: brand is "pear"'] == ({"matches": 0, "of": 2}, ())


def test_explain__personal_texts__are_told_as_set_and_never_shown() -> None:
    found = ann(search=True)
    said = msgspec.json.encode(found).decode().lower()
    assert found.facts["customer.email"].value == "(personal)"
    assert not any(text in said for text in ("@", "zelda", "moor", "0777"))
    assert "customer.first_name" in said


def test_explain__as_json__has_the_keys_that_scripts_rely_on() -> None:
    found = msgspec.to_builtins(ann("loyalty"))
    assert set(found) >= {"customer", "group", "won_by", "claims", "memberships", "facts", "rules", "smallest_change"}
    assert set(found["facts"]["customer.spend"]) == {"value", "from"}
    assert set(found["rules"][0]["conditions"][0]) >= {"path", "value", "operator", "operand", "holds"}
    assert set(found["claims"][0]) == {"rule", "group", "won", "why"}


def test_explain__unknown_entry__names_those_there_are() -> None:
    with pytest.raises(UnknownEntry) as raised:
        ann("loyalti")
    assert "loyalty" in raised.value.known
