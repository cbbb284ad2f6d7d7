"""Ladders and rules that concern a customer only because nothing is known of a value; segments: `test_plan.py`."""

from typing import Literal

import pytest
from msgspec.structs import replace

from headrace.contracts.events import CustomerSnapshot, OrderSnapshot
from headrace.rules.model import (
    Action,
    AddAttribute,
    AllOf,
    AnyOf,
    Condition,
    Ladder,
    Leaf,
    Rule,
    RuleSet,
    Rung,
    Send,
    Tag,
    Trigger,
)
from headrace.segmentation.compiled import compile_rules
from headrace.segmentation.decide import Context, activate
from headrace.segmentation.plan import Planner
from headrace.segmentation.plan_sum import PlanSum
from headrace.segmentation.plan_warnings import warnings_of
from headrace.segmentation.state import State
from tests.headrace.segmentation.test_properties import LATCHED, START, event, fold, leaf


@pytest.mark.parametrize(
    ("by", "rungs", "expected"),
    [
        ("customer.average_order", (Rung(group="Silver"), Rung(group="Gold", bound="from", threshold=5)), ("l",)),
        ("customer.age", (Rung(group="Silver"), Rung(group="Gold", bound="from", threshold=18)), ("l",)),
        ("customer.age", (Rung(), Rung(group="Gold", bound="from", threshold=18)), ()),
        ("customer.age", (Rung(tags=(Tag(platform="mailchimp", name="t"),)), Rung(bound="from", threshold=18)), ("l",)),
        ("customer.spend", (Rung(group="Silver"), Rung(group="Gold", bound="from", threshold=5)), ()),
    ],
)
def test_only_by_unset__ladder_by_an_unset_number__is_named_where_the_rung_gives(
    by: str, rungs: tuple[Rung, ...], expected: tuple[str, ...]
) -> None:
    rule_set = RuleSet(store=LATCHED.store, groups=LATCHED.groups, ladders=(Ladder(id="l", by=by, rungs=rungs),))
    outlook = Planner(rule_set, version=1, base=None).look(State("shop:7"), offset=1, now=START)
    assert outlook is not None
    assert outlook.only_by_unset == expected


def bought(rule_set: RuleSet) -> State:
    """A customer without a company, with an order."""
    customer = CustomerSnapshot(customer_id="7", created_at=START, modified_at=START)
    order = OrderSnapshot(
        order_id="1",
        status="completed",
        created_at=START,
        modified_at=START,
        currency="GBP",
        total=100,
        subtotal=100,
        total_excluding_tax=100,
    )
    return fold([event(customer, 1), event(order, 2)], compile_rules(replace(rule_set, rules=())))


NOT_ACME = leaf("customer.company", "is_not", "acme")
GIVES, MAIL = AddAttribute(values={"a": ("b",)}), Send(kind="notify_staff", key="notify_staff")


@pytest.mark.parametrize(
    ("if_", "then", "past", "expected"),
    [
        (NOT_ACME, GIVES, "apply", ("r",)),
        (NOT_ACME, MAIL, "apply", ("r",)),
        (NOT_ACME, GIVES, "ignore", ()),
        (AllOf(of=(NOT_ACME, Leaf(field="customer.company", operator="is_unset"))), GIVES, "apply", ("r",)),
        (Leaf(field="customer.company", operator="is_unset"), GIVES, "apply", ()),
        (leaf("order.value", "above", 50), GIVES, "apply", ()),
        (AllOf(of=(leaf("order.value", "above", 5000), NOT_ACME)), GIVES, "apply", ()),
        (AnyOf(of=(leaf("order.value", "above", 50), NOT_ACME)), GIVES, "apply", ()),
        (None, GIVES, "apply", ()),
    ],
)
def test_only_by_unset__rule_over_the_past__is_named_where_it_would_act(
    if_: Condition | None, then: Action, past: Literal["apply", "ignore"], expected: tuple[str, ...]
) -> None:
    rule = Rule(id="r", when=Trigger(name="order.placed"), if_=if_, then=(then,), past=past)
    rule_set = RuleSet(store=LATCHED.store, rules=(rule,))
    state = bought(rule_set)
    for base in (None, (1, compile_rules(replace(rule_set, rules=())))):
        outlook = Planner(rule_set, version=2, base=base).look(state, offset=100, now=START)
        assert outlook is not None
        assert outlook.only_by_unset == expected


def test_only_by_unset__rule_that_acted_before__is_not_named() -> None:
    rule = Rule(id="r", when=Trigger(name="order.placed"), if_=NOT_ACME, then=(GIVES,), past="apply")
    rule_set = RuleSet(store=LATCHED.store, rules=(rule,))
    state = activate(bought(rule_set), compile_rules(rule_set), Context(1, 2, START, 2), "a").state
    edited = replace(rule_set, rules=(replace(rule, id="again", renamed_from="r", then=(GIVES, MAIL)),))
    outlook = Planner(edited, version=3, base=(2, compile_rules(rule_set))).look(state, offset=100, now=START)
    assert outlook is not None
    assert outlook.after.attributes == {"a": ("b",)}
    assert outlook.only_by_unset == ("again",), "its new effect would be released"


def test_warnings__ladder_and_rule__are_told_with_their_counts() -> None:
    rule = Rule(id="r", when=Trigger(name="order.placed"), if_=NOT_ACME, then=(GIVES,), past="apply")
    ladder = Ladder(id="l", by="customer.age", rungs=(Rung(group="Silver"), Rung(bound="from", threshold=18)))
    rule_set = RuleSet(store=LATCHED.store, rules=(rule,), ladders=(ladder,))
    outlook = Planner(rule_set, version=2, base=None).look(bought(rule_set), offset=100, now=START)
    assert outlook is not None
    found = PlanSum()
    found.add(outlook)
    shown = found.as_object(rule_set)
    assert (shown["matched_only_by_unset"], shown["only_by_unset"]) == (
        1,
        [{"id": "l", "count": 1}, {"id": "r", "count": 1}],
    )
    ladders, rules = warnings_of(found, rule_set)
    assert ladders.startswith("1 customers would be on a rung of ladder l only because nothing is known of their")
    assert rules.startswith("rule r would act for 1 customers only because nothing is known of a value")
