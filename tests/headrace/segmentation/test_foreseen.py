"""What a plan foresees for one customer is what `activate` then does: claims, standing, sums, effects."""

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
    Segment,
    Send,
    Spend,
    Tag,
    Trigger,
)
from headrace.segmentation.activation import fold_past
from headrace.segmentation.compiled import compile_rules
from headrace.segmentation.decide import Context, activate, decide
from headrace.segmentation.foreseen import Foresight, group_of
from headrace.segmentation.newest import NewestFold, only_newest_matters
from headrace.segmentation.opened import Opened, added_up, kept_from
from headrace.segmentation.orders import sum_up
from headrace.segmentation.pages import NO_PAGES
from headrace.segmentation.state import Claims, Latch, Pin, State
from headrace.segmentation.windows import pruned
from tests.headrace.segmentation.test_plan import MEMBERS, changes, compiled, fold
from tests.headrace.segmentation.test_properties import LATCHED, MANY, SOME, START, histories, leaf

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


def pins() -> st.SearchStrategy[Pin | None]:
    until = st.sampled_from([None, START - timedelta(days=1), START, START + timedelta(days=1)])
    pin = st.builds(Pin, st.sampled_from(["Gold", "", "gone"]), st.just("told so"), st.just(START), until)
    return st.none() | pin


def without_rules(history: Sequence[Event]) -> State:
    return replace(fold(history, compile_rules(replace(LATCHED, segments=(), rules=()))), rules_version=0)


@MANY
@given(past_rules(), histories(), st.booleans())
def test_newest_fold__rules_that_claim_the_same_each_time__comes_to_what_all_orders_come_to(
    rule_set: RuleSet, history: list[Event], known: bool
) -> None:
    rules = compile_rules(rule_set)
    assert only_newest_matters(rules)
    claims = Claims({"r0": Latch(START + timedelta(hours=3), 1, "French", {"likes": ("apples",)})} if known else {})
    claims = replace(claims, barred_attributes={"tier": {"top": "r9"}})
    state = replace(sum_up(without_rules(history), rules.summing, NO_PAGES, START), claims=claims)
    due = frozenset(rules.past)
    all_orders = fold_past(state, rules, due, offset=9, now=START, pages=NO_PAGES)
    newest = NewestFold(Opened(state, NO_PAGES))(state, rules, due, offset=9, now=START, pages=NO_PAGES)
    assert newest.claims == all_orders.claims


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
def test_only_newest_matters__rule_whose_firings_differ__is_not_taken_for_one(
    when: str, condition: Condition | None, then: tuple[Action, ...]
) -> None:
    rule = Rule(id="r", when=Trigger(name=when), if_=condition, then=then, past="apply")
    assert not only_newest_matters(compile_rules(replace(LATCHED, rules=(rule,))))
    assert only_newest_matters(compile_rules(replace(LATCHED, rules=(replace(rule, past="ignore"),))))


@MANY
@given(histories(), st.sampled_from([Spend(), Spend(refunds="ignore"), Spend(amount="subtotal")]), st.booleans())
def test_added_up__any_orders__is_what_sum_up_comes_to(history: list[Event], spend: Spend, windows: bool) -> None:
    segments = (*LATCHED.segments, *(MEMBERS if windows else ()))
    rules, state = compile_rules(replace(LATCHED, segments=segments, spend=spend)), without_rules(history)
    assert added_up(Opened(state, NO_PAGES), rules.summing, START) == sum_up(state, rules.summing, NO_PAGES, START)


@MANY
@given(changes(), histories(), st.booleans())
def test_added_up__with_what_other_rules_added_up__is_what_all_orders_come_to(
    change: tuple[RuleSet, RuleSet], history: list[Event], first: bool
) -> None:
    """What has left a window is no part of its sum, whether it is still kept or not."""
    old, new = compiled(change[0]), compiled(change[1])
    if old is None or new is None:
        return
    state = fold(history, compile_rules(change[0])) if not first else unruled(history)
    kept = kept_from(None if first else old, new)
    found = added_up(Opened(state, NO_PAGES), new.summing, START, kept)
    whole = sum_up(replace(state, summed="unknown"), new.summing, NO_PAGES, START)
    assert (found.totals, found.purchased, found.visits) == (whole.totals, whole.purchased, whole.visits)
    windows = zip(found.windows, new.summing.windows, strict=True)
    assert tuple(pruned(series, one, START) for series, one in windows) == whole.windows


@pytest.mark.parametrize(
    ("before", "spend", "segments", "kept"),
    [
        (LATCHED, Spend(), LATCHED.segments, (True, True, True)),
        (None, Spend(), LATCHED.segments, (True, False, True)),
        (LATCHED, Spend(refunds="ignore"), LATCHED.segments, (False, True, False)),
        (LATCHED, Spend(count_statuses=("completed",)), LATCHED.segments, (False, False, False)),
        (LATCHED, Spend(), (), (True, False, True)),
        (LATCHED, Spend(), (*LATCHED.segments, *MEMBERS), (True, True, False)),
    ],
)
def test_kept_from__rules_that_follow_others__keep_what_they_count_alike(
    before: RuleSet | None, spend: Spend, segments: tuple[Segment, ...], kept: tuple[bool, bool, bool]
) -> None:
    new = compile_rules(replace(LATCHED, spend=spend, segments=segments))
    found = kept_from(None if before is None else compile_rules(before), new)
    assert (found.totals, found.purchased, found.windows) == kept


def unruled(history: Sequence[Event]) -> State:
    """Before there were any rules."""
    state: State | None = None
    for offset, one in enumerate(history):
        state = decide(state, one, None, Context(1, offset, START, 0)).state
    assert state is not None
    return state


@SOME
@given(changes(), st.lists(histories(), min_size=1, max_size=3), pins(), st.booleans(), st.booleans())
def test_foresight__any_change_of_rules__is_what_activate_then_does(
    change: tuple[RuleSet, RuleSet], people: list[list[Event]], pin: Pin | None, first: bool, take_over: bool
) -> None:
    old, new = compiled(change[0]), compiled(change[1])
    if old is None or new is None:
        return
    named = frozenset(entry.source for entry in new.entries)
    foresight = Foresight(new, version=2, name="plan", take_over=take_over, send_effects=named)
    for history in people:
        state = replace(without_rules(history) if first else fold(history, old), pin=pin)
        opened = Opened(state, NO_PAGES)
        found = foresight.of(added_up(opened, new.summing, START), opened, offset=100, now=START)
        context = Context(0, 100, START, 2)
        done = activate(state, new, context, "plan", send_effects=named, take_over=take_over)
        told = done.state.emitted
        assert (found.state.claims, found.state.standing) == (done.state.claims, done.state.standing)
        assert (found.state.totals, found.state.purchased) == (done.state.totals, done.state.purchased)
        assert found.wanted.group == group_of(done.state)
        assert (found.wanted.attributes, found.wanted.tags) == (told.attributes, told.tags)
        assert found.effects == tuple(effect.entry for effect in done.effects)
