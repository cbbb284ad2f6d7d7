"""Every field of the language has a value to show, and personal ones are only told as set."""

from typing import Any

import pytest
from hypothesis import given, settings

from headrace.rules.catalogue import FIELDS, PREFIXES
from headrace.rules.model import AllOf, AnyOf, Between, Condition, Day, Duration, Leaf, Nearby, Not
from headrace.segmentation.compiled import CompiledRules, terms_of
from headrace.segmentation.explain import explain
from headrace.segmentation.explaining.shown import HIDDEN, shown_operand, shown_value
from headrace.segmentation.explaining.values import Value, _nothing, reader_of
from headrace.segmentation.state import State
from tests.headrace.segmentation.test_explain import NOW
from tests.headrace.segmentation.test_smallest_change import rule_set, scenes

NAMES = [field.name for field in FIELDS.values() if field.family != "list"]
NAMES += [f"{prefix}{spec.example}" for prefix, spec in PREFIXES.items()]


@pytest.mark.parametrize("name", [*NAMES, "customer.attributes.tier", "customer.tags.mailchimp"])
def test_reader_of__every_field_of_the_language__has_one(name: str) -> None:
    operand = ("3",) if name.startswith(("customer.channel", "order.channel")) else "3"
    terms = terms_of(rule_set())
    name = "customer.channel_share.3" if "share" in name else name
    assert reader_of(Leaf(field=name, operator="is", operand=operand), terms) is not _nothing


@pytest.mark.parametrize(
    ("field", "value", "shown"),
    [
        ("customer.email", "ann@example.org", HIDDEN),
        ("customer.email", None, None),
        ("customer.age", 33, HIDDEN),
        ("customer.form.shoe", "39", HIDDEN),
        ("customer.company", "a@b.example", HIDDEN),
        ("customer.company", "acme", "acme"),
        ("customer.spend", 5, {"amount_minor": 5, "currency": "GBP"}),
        ("customer.orders", 5, 5),
        ("customer.last_order_at", NOW, "2026-01-31T12:00:00Z"),
        ("customer.tags.mailchimp", ("vip", "a@b.example"), [HIDDEN, "vip"]),
    ],
)
def test_shown_value__by_field__money_moments_and_nothing_personal(field: str, value: Value, shown: Any) -> None:
    assert shown_value(field, value, "GBP") == shown


@pytest.mark.parametrize(
    ("field", "operand", "shown"),
    [
        ("customer.first_name", "ann", HIDDEN),
        ("customer.gender", ("f", "m"), HIDDEN),
        ("customer.orders", Between(low=1, high=3), {"from": 1, "below": 3}),
        ("customer.last_order_at", Duration(count=1, unit="month"), "1 month"),
        ("customer.last_order_at", Duration(count=36, unit="hour"), "36 hours"),
        ("customer.created_at", Day(date="2026-01-31"), "2026-01-31"),
        ("radius", Nearby(km=50, of="10001", zips=("10001",)), "50 km of 10001"),
        ("customer.subscribed", True, True),
    ],
)
def test_shown_operand__by_kind__as_written(field: str, operand: Any, shown: Any) -> None:
    assert shown_operand(Leaf(field=field, operator="is", operand=operand), "GBP") == shown


@settings(max_examples=200)
@given(scenes())
def test_explain__leaves_put_together_again__come_to_the_membership(scene: tuple[CompiledRules, State]) -> None:
    rules, state = scene
    (it,) = explain(state, rules, now=NOW, rule="it", search=False).rules
    truths = [one.holds for one in it.conditions]
    assert combined(rules.rule_set.segments[0].who, truths) is it.met is it.holds
    assert truths == []


def combined(condition: Condition, truths: list[bool]) -> bool:
    """The condition from its leaves' truths, which are taken one by one."""
    match condition:
        case AllOf(of=of):
            parts = [combined(part, truths) for part in of]
            return all(parts)
        case AnyOf(of=of):
            parts = [combined(part, truths) for part in of]
            return any(parts)
        case Not(of=part):
            return not combined(part, truths)
        case _:
            return truths.pop(0)
