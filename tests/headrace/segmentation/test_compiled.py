"""Entries in dependency order, and which of them an event concerns."""

import pytest

from headrace.rules.model import (
    AddAttribute,
    Condition,
    Ladder,
    Leaf,
    Rule,
    RuleSet,
    Rung,
    Segment,
    Store,
    Trigger,
)
from headrace.segmentation.compiled import compile_rules

STORE = Store(timezone="UTC", currency="GBP")
PLACED = Trigger(name="order.placed")


def has(name: str) -> Leaf:
    return Leaf(field=f"customer.attributes.{name}", operator="has_any", operand=("x",))


def segment(name: str, who: Condition, sets: str = "") -> Segment:
    return Segment(id=name, who=who, attributes={sets: ("x",)} if sets else {})


def rule(name: str, sets: str, if_: Condition | None = None) -> Rule:
    return Rule(id=name, when=PLACED, if_=if_, then=(AddAttribute(values={sets: ("x",)}),))


def test_compile_rules__labels__who_sets_comes_before_who_reads() -> None:
    rule_set = RuleSet(
        store=STORE,
        segments=(segment("c", has("b"), "c"), segment("b", has("a"), "b")),
        rules=(rule("last", "z", has("c")), rule("a", "a")),
    )
    assert [entry.id for entry in compile_rules(rule_set).entries] == ["a", "b", "c", "last"]


def test_compile_rules__rules_reading_each_other__keep_the_order_of_the_file() -> None:
    rule_set = RuleSet(store=STORE, rules=(rule("one", "a", has("b")), rule("two", "b", has("a"))))
    assert [entry.id for entry in compile_rules(rule_set).entries] == ["one", "two"]


def test_compile_rules__circle__is_refused() -> None:
    rule_set = RuleSet(store=STORE, segments=(segment("one", has("b"), "a"), segment("two", has("a"), "b")))
    with pytest.raises(ValueError, match="in a circle: segment:one, segment:two"):
        compile_rules(rule_set)


def test_compile_rules__ladder_over_text__is_refused() -> None:
    ladder = Ladder(id="l", by="customer.email", rungs=(Rung(),))
    with pytest.raises(ValueError, match="no number"):
        compile_rules(RuleSet(store=STORE, ladders=(ladder,)))


def test_plan__event__visits_only_what_it_can_concern() -> None:
    compiled = compile_rules(
        RuleSet(
            store=STORE,
            rules=(rule("placed", "a"),),
            segments=(
                segment("spend", Leaf(field="customer.spend", operator="above", operand=1)),
                segment("company", Leaf(field="customer.company", operator="is", operand="x")),
                segment("label", has("a")),
            ),
            ladders=(Ladder(id="ladder", by="customer.orders", rungs=(Rung(),)),),
        )
    )

    def plan(triggers: set[str], changed: set[str] | None) -> set[str]:
        parts = None if changed is None else frozenset(changed)
        return {entry.id for entry in compiled.plan(frozenset(triggers), parts)}

    assert plan({"order.placed"}, {"ledger"}) == {"placed", "spend", "label", "ladder"}
    assert plan(set(), {"profile"}) == {"company", "label"}
    assert plan(set(), None) == {"spend", "company", "label", "ladder"}


def test_compile_rules__digest__is_of_what_the_rule_says_not_of_its_name() -> None:
    one, other = (compile_rules(RuleSet(store=STORE, rules=(rule(name, "a"),))).rules[name] for name in ("x", "y"))
    assert one.digest == other.digest
