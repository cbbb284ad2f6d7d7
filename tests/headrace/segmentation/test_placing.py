"""Where a customer would stand is what a walk comes to; where moves have consequences, only a walk tells."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from headrace.contracts.events import CustomerSnapshot, Event
from headrace.rules.model import Duration, RuleSet, Rung, Send
from headrace.segmentation.compiled import CompiledRules, compile_rules
from headrace.segmentation.entries import Walk
from headrace.segmentation.facts import Facts
from headrace.segmentation.orders import sum_up
from headrace.segmentation.pages import NO_PAGES
from headrace.segmentation.placing import Placing
from headrace.segmentation.state import Claims, Standing, State, Totals
from tests.headrace.segmentation.test_newest import without_rules
from tests.headrace.segmentation.test_plan import MEMBERS, compiled, rule_sets
from tests.headrace.segmentation.test_properties import LATCHED, MANY, START, event, histories

LATER = START + timedelta(days=1)
HOOK = Send(kind="webhook", key="w", with_={"url": "https://post.example/hook"})
NEW = without_rules([event(CustomerSnapshot(customer_id="7", created_at=START, modified_at=START), 0)])


def facts_of(state: State, rules: CompiledRules, now: datetime | None = START) -> Facts:
    facts = Facts(state, rules.spend)
    facts.now = now
    return facts


@MANY
@given(rule_sets(), histories())
def test_placing__whoever_it_places__stands_where_a_walk_leads(rule_set: RuleSet, history: list[Event]) -> None:
    rules = compiled(rule_set)
    if rules is None:
        return
    state = sum_up(without_rules(history), rules.summing, NO_PAGES, START)
    found = Placing(rules).of(state, facts_of(state, rules))
    walk = Walk(rules, state.claims, state.standing, offset=1)
    walk.run(rules.steps(frozenset(), None), facts_of(state, rules), ())
    assert found in (None, walk.standing)
    assert (found is None) is rules.reads_membership or any(rule.derived for rule in rules.rules.values())


@MANY
@given(rule_sets(), st.lists(st.tuples(histories(), st.sampled_from([None, START, LATER])), min_size=2, max_size=5))
def test_placing__one_after_the_other__each_stands_where_a_walk_leads(
    rule_set: RuleSet, met: list[tuple[list[Event], datetime | None]]
) -> None:
    rules = compiled(rule_set)
    if rules is None:
        return
    placing = Placing(rules)
    for history, now in met:
        settled = sum_up(without_rules(history), rules.summing, NO_PAGES, START)
        for state in (settled, replace(settled, standing=Standing()), settled):
            walk = Walk(rules, state.claims, state.standing, offset=1)
            walk.run(rules.steps(frozenset(), None), facts_of(state, rules, now), ())
            assert placing.of(state, facts_of(state, rules, now)) in (None, walk.standing)


def test_placing__more_places_than_are_kept__begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headrace.segmentation.placing._KEPT", 1)
    rules = compile_rules(LATCHED)
    placing, inside = Placing(rules), sum_up(NEW, rules.summing, NO_PAGES, START)
    for standing in (inside.standing, Standing(), Standing(rungs={"loyalty": 1}), Standing(), inside.standing):
        state = replace(inside, standing=standing)
        assert placing.of(state, facts_of(state, rules)) == replace(
            inside.standing, since={"ladder:loyalty": START} if standing != inside.standing else inside.standing.since
        )


def test_placing__everybody_comes_from_nowhere_to_another_place__keeps_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headrace.segmentation.placing._KEPT", 4)
    first, *_ = LATCHED.ladders[0].rungs
    rungs = (first, *(Rung(group=f"g{spend}", bound="from", threshold=spend) for spend in range(1, 100)))
    rules = compile_rules(replace(LATCHED, segments=(), rules=(), ladders=(replace(LATCHED.ladders[0], rungs=rungs),)))
    placing = Placing(rules)
    for spend in range(100):
        state = replace(NEW, totals=Totals(spend=spend, orders=1), standing=Standing(), summed=rules.summing.digest)
        found = placing.of(state, facts_of(state, rules))
        assert found is not None
        assert found.rungs == {"loyalty": spend}
        assert sum(1 + len(place.ways) for place in placing._starts.values()) <= 4 + 1


def test_placing__ladder_that_nobody_goes_down__keeps_the_rung_and_its_name() -> None:
    ladder = replace(LATCHED.ladders[0], demote="never")
    rules = compile_rules(replace(LATCHED, ladders=(ladder,)))
    high = Standing(rungs={"loyalty": 1}, held={"loyalty": rules.ladders["loyalty"].rungs.names[1]})
    state = replace(sum_up(NEW, rules.summing, NO_PAGES, START), standing=high)
    assert Placing(rules).of(state, facts_of(state, rules)) == high


def test_placing__rung_that_acts__is_left_to_a_walk_when_it_is_entered() -> None:
    first, *others = LATCHED.ladders[0].rungs
    ladder = replace(LATCHED.ladders[0], rungs=(replace(first, on_enter=(HOOK,)), *others))
    rules = compile_rules(replace(LATCHED, ladders=(ladder,)))
    inside = sum_up(NEW, rules.summing, NO_PAGES, START)
    assert inside.standing.rungs == {"loyalty": 0}
    assert Placing(rules).of(inside, facts_of(inside, rules)) == inside.standing
    outside = replace(inside, standing=Standing())
    assert Placing(rules).of(outside, facts_of(outside, rules)) is None


@pytest.mark.parametrize(
    "rule_set",
    [
        replace(LATCHED, segments=MEMBERS[:1], ladders=()),
        replace(LATCHED, ladders=(replace(LATCHED.ladders[0], grace=Duration(count=3, unit="day")),)),
    ],
)
def test_placing__membership_is_read_or_a_grace_runs__is_left_to_a_walk(rule_set: RuleSet) -> None:
    rules = compile_rules(rule_set)
    assert Placing(rules).of(NEW, facts_of(NEW, rules)) is None


def test_placing__label_that_is_barred__is_left_to_a_walk() -> None:
    barred = replace(NEW, claims=Claims(barred_attributes={"tier": {"top": "r"}}))
    rules = compile_rules(LATCHED)
    assert Placing(rules).of(barred, facts_of(barred, rules)) is None
