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
from headrace.segmentation.steps import Ladders, Rules, Segments, Step

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


def test_steps__who_reads_what_one_before_it_sets__is_asked_after_it() -> None:
    spends = Leaf(field="customer.spend", operator="above", operand=1)
    rule_set = RuleSet(
        store=STORE,
        rules=(rule("one", "a"), rule("two", "b"), rule("reads", "c", has("a")), rule("itself", "d", has("d"))),
        segments=(segment("x", spends, "x"), segment("y", spends), segment("of x", has("x")), segment("z", has("a"))),
        ladders=tuple(Ladder(id=name, by="customer.spend", rungs=(Rung(),)) for name in ("l", "m")),
    )
    steps = compile_rules(rule_set).steps(frozenset({"order.placed"}), None)
    assert list(map(ids_of, steps)) == [["one", "two"], ["reads"], ["itself"], ["x", "y"], ["of x", "z"], ["l", "m"]]


def ids_of(step: Step) -> list[str]:
    match step:
        case Rules(rules=rules):
            return [one.id for one in rules]
        case Segments(ids=ids) | Ladders(ids=ids):
            return list(ids)
        case _:
            return [step.id]
