"""Rules that claim the same whenever they fire: their newest order comes to what all orders come to."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from headrace.contracts.events import Event
from headrace.rules.model import (
    Action,
    AddAttribute,
    AddTag,
    AssignGroup,
    Condition,
    Each,
    RemoveAttribute,
    Rule,
    RuleSet,
    Send,
    Tag,
    Trigger,
)
from headrace.segmentation.activation import fold_past
from headrace.segmentation.compiled import compile_rules
from headrace.segmentation.newest import newest_fold
from headrace.segmentation.opened import Opened
from headrace.segmentation.orders import sum_up
from headrace.segmentation.pages import NO_PAGES
from headrace.segmentation.state import Claims, Latch, State
from tests.headrace.segmentation.test_plan import fold
from tests.headrace.segmentation.test_properties import LATCHED, MANY, START, histories, leaf

PEARS = Each(field="order.lines", quantifier="any", of=leaf("brand", "is", "pear"))
ACTIONS: tuple[Action, ...] = (
    AssignGroup(group="Gold"),
    AddAttribute(values={"tier": ("top",), "likes": ("pears",)}),
    AddTag(tags=(Tag(platform="mailchimp", name="Pears"),)),
)
WHENS = (
    Trigger(name="order.placed"),
    Trigger(name="product.ordered"),
    Trigger(name="order.reached", status="shipped"),
    Trigger(name="order.paid"),
    Trigger(name="order.cancelled"),
    Trigger(name="order.backordered"),
)


@st.composite
def past_rules(draw: st.DrawFn) -> RuleSet:
    """Rules over the past, each of which claims the same whenever it fires."""
    rules = [
        Rule(
            id=f"r{number}",
            when=draw(st.sampled_from(WHENS)),
            if_=draw(st.sampled_from([None, PEARS, leaf("order.value", "above", 500)])),
            then=tuple(draw(st.lists(st.sampled_from(ACTIONS), min_size=1, max_size=2, unique_by=type))),
            past="apply",
        )
        for number in range(draw(st.integers(1, 3)))
    ]
    return replace(LATCHED, rules=tuple(rules))


def without_rules(history: Sequence[Event]) -> State:
    return replace(fold(history, compile_rules(replace(LATCHED, segments=(), rules=()))), rules_version=0)


@MANY
@given(past_rules(), histories(), st.booleans())
def test_newest_fold__rules_that_claim_the_same_each_time__comes_to_what_all_orders_come_to(
    rule_set: RuleSet, history: list[Event], known: bool
) -> None:
    rules = compile_rules(rule_set)
    newest = newest_fold(rules)
    assert newest is not None
    claims = Claims({"r0": Latch(START + timedelta(hours=3), 1, "French", {"likes": ("apples",)})} if known else {})
    claims = replace(claims, barred_attributes={"tier": {"top": "r9"}})
    state = replace(sum_up(without_rules(history), rules.summing, NO_PAGES, START), claims=claims)
    due = frozenset(rules.past)
    all_orders = fold_past(state, rules, due, offset=9, now=START, pages=NO_PAGES)
    found = newest.claims(state, Opened(state, NO_PAGES), due, offset=9, now=START)
    assert found == all_orders.claims


@pytest.mark.parametrize(
    ("when", "condition", "then"),
    [
        ("order.refunded", None, ACTIONS[:1]),
        ("order.placed", leaf("customer.spend", "above", 5), ACTIONS[:1]),
        ("order.placed", leaf("customer.attributes.tier", "has_any", ("top",)), ACTIONS[:1]),
        ("order.placed", leaf("customer.in_segment", "is", "big"), ACTIONS[:1]),
        ("order.placed", None, (RemoveAttribute(values={"tier": ("top",)}),)),
        ("order.placed", None, (Send(kind="webhook", key="w", with_={"url": "https://post.example/hook"}),)),
    ],
)
def test_newest_fold__rule_whose_firings_differ__is_not_taken_for_one(
    when: str, condition: Condition | None, then: tuple[Action, ...]
) -> None:
    rule = Rule(id="r", when=Trigger(name=when), if_=condition, then=then, past="apply")
    assert newest_fold(compile_rules(replace(LATCHED, rules=(rule,)))) is None
    assert newest_fold(compile_rules(replace(LATCHED, rules=(replace(rule, past="ignore"),)))) is not None
