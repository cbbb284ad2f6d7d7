"""A plan says what `activate` then does, customer by customer, whatever changed between two rule sets."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from headrace.contracts.events import CustomerDeleted, CustomerSnapshot, Event, decode_event, encode_event
from headrace.rules.model import (
    AddAttribute,
    AllOf,
    AssignGroup,
    Condition,
    Duration,
    Each,
    Leaf,
    Not,
    Rule,
    RuleSet,
    Segment,
    Send,
    Spend,
    Tag,
    Trigger,
    Window,
)
from headrace.segmentation.codec import decode_state, encode_state
from headrace.segmentation.compiled import CompiledRules, compile_rules
from headrace.segmentation.decide import Context, activate, decide
from headrace.segmentation.orders import sum_up
from headrace.segmentation.pages import NO_PAGES
from headrace.segmentation.plan import Outlook, Planner, group_of
from headrace.segmentation.plan_sum import SAMPLES, PlanSum
from headrace.segmentation.plan_tally import PlanTally
from headrace.segmentation.plan_warnings import warnings_of
from headrace.segmentation.state import State
from headrace.segmentation.untouched import untouched_by
from tests.headrace.segmentation.test_properties import LATCHED, SOME, START, event, histories, leaf

NEW_SEGMENTS = (
    Segment(id="many", who=leaf("customer.orders", "above", 1), attributes={"many": ("yes",)}),
    Segment(id="not-french", who=Not(of=LATCHED.segments[0].who), tags=(Tag(platform="mailchimp", name="Not FR"),)),
    Segment(id="pears", who=Each(field="customer.purchased", quantifier="any", of=leaf("brand", "is", "pear"))),
    Segment(id="not-top", who=leaf("customer.attributes.tier", "has_none", ("top",)), group="Silver"),
    Segment(id="no-company", who=leaf("customer.company", "is_not", "acme"), group="French"),
)
MEMBERS = (
    Segment(id="in-big", who=leaf("customer.in_segment", "is", "big"), attributes={"of": ("big",)}),
    Segment(id="golden", who=leaf("customer.group", "is", "Gold"), tags=(Tag(platform="mailchimp", name="Gold"),)),
    Segment(
        id="lately",
        who=Leaf(
            field="customer.spend",
            operator="from",
            operand=800,
            window=Window(span=Duration(count=36, unit="hour")),
        ),
        attributes={"lately": ("yes",)},
    ),
)
LADDERS = (
    LATCHED.ladders[0],
    replace(LATCHED.ladders[0], demote="never"),
    replace(LATCHED.ladders[0], demote="one_step", grace=Duration(count=3, unit="day")),
    replace(LATCHED.ladders[0], rungs=LATCHED.ladders[0].rungs[:2]),
)
NEW_RULES = (
    Rule(id="joined", when=Trigger(name="group.changed"), then=(AddAttribute(values={"moved": ("yes",)}),)),
    Rule(id="gold", when=Trigger(name="order.placed"), then=(AssignGroup(group="Gold"),), past="apply"),
    Rule(id="later", when=Trigger(name="order.placed"), then=(AssignGroup(group="Gold"),)),
)

PLAIN_ORDER = (("French",), ("Platinum",), ("Gold",), ("Apple",), ("Silver",))


@st.composite
def rule_sets(draw: st.DrawFn) -> RuleSet:
    """One of many rule sets about the same entries: some gone, some new, some that say something else."""
    segments = draw(
        st.lists(st.sampled_from((*LATCHED.segments, *NEW_SEGMENTS, *MEMBERS)), unique_by=lambda entry: entry.id)
    )
    rules = draw(st.lists(st.sampled_from((*LATCHED.rules, *NEW_RULES)), unique_by=lambda entry: entry.id))
    if draw(st.booleans()) and segments:
        segments[0] = replace(segments[0], who=leaf("customer.spend", "above", draw(st.sampled_from([0, 500, 2000]))))
    if draw(st.integers(0, 3)) == 0 and rules:
        rules[0] = replace(rules[0], past="apply")
    spend = draw(st.sampled_from([Spend(), Spend(), Spend(), Spend(refunds="ignore")]))
    ladders = (draw(st.sampled_from(LADDERS)),) if draw(st.integers(0, 3)) else ()
    order = draw(st.sampled_from([LATCHED.group_order, LATCHED.group_order[::-1], PLAIN_ORDER]))
    default = draw(st.sampled_from(["", "", "Silver"]))
    found = replace(LATCHED, segments=tuple(segments), rules=tuple(rules), spend=spend, ladders=ladders)
    return replace(found, group_order=order, default_group=default)


@st.composite
def renamed(draw: st.DrawFn, before: RuleSet) -> RuleSet:
    """The rule set with one segment under another name."""
    if not before.segments:
        return before
    at = draw(st.integers(0, len(before.segments) - 1))
    new = replace(before.segments[at], id="renamed", renamed_from=before.segments[at].id)
    return replace(before, segments=(*before.segments[:at], new, *before.segments[at + 1 :]))


@st.composite
def changes(draw: st.DrawFn) -> tuple[RuleSet, RuleSet]:
    """A rule set and the one that follows it: another one, one with a single entry more or less, or a new name."""
    before = draw(rule_sets())
    kind = draw(st.sampled_from(["any", "without one", "with one", "gives", "settings", "renamed", "the same"]))
    if kind == "gives" and before.segments:
        first = replace(
            before.segments[0], attributes={"tier": ("top",)}, group=draw(st.sampled_from([None, "French"]))
        )
        return before, replace(before, segments=(first, *before.segments[1:]))
    if kind == "settings":
        other = draw(rule_sets())
        return before, replace(before, group_order=other.group_order, default_group=other.default_group)
    if kind == "any":
        return before, draw(rule_sets())
    if kind == "without one":
        return before, replace(before, segments=before.segments[1:], rules=before.rules[:-1])
    if kind == "with one":
        known = {entry.id for entry in before.segments}
        new = draw(st.sampled_from([entry for entry in NEW_SEGMENTS if entry.id not in known] or [NEW_SEGMENTS[0]]))
        return before, replace(before, segments=(*(e for e in before.segments if e.id != new.id), new))
    return before, draw(renamed(before)) if kind == "renamed" else before


def compiled(rule_set: RuleSet) -> CompiledRules | None:
    """None for one whose entries read each other in a circle, which no checked rule set does."""
    try:
        return compile_rules(rule_set)
    except ValueError:
        return None


def fold(events: Sequence[Event], rules: CompiledRules) -> State:
    state: State | None = None
    for offset, one in enumerate(events):
        state = decide(state, one, rules, Context(1, offset, START, 1)).state
    assert state is not None
    return decode_state(encode_state(state))


def said(state: State, renames: dict[str, str] | None = None) -> tuple[Any, ...]:
    segments = tuple(sorted((renames or {}).get(name, name) for name in state.standing.segments))
    return group_of(state), state.emitted.attributes, state.emitted.tags, segments


@SOME
@given(changes(), st.lists(histories(), min_size=1, max_size=4), st.booleans())
def test_look__any_change_of_rules__says_what_activate_then_does(
    change: tuple[RuleSet, RuleSet], people: list[list[Event]], settled: bool
) -> None:
    """Also where the short cut is taken, which a customer that never saw the old rules (`settled` false) has not."""
    old, new = compiled(change[0]), compiled(change[1])
    if old is None or new is None:
        return
    planner = Planner(change[1], version=2, base=(1, old))
    for history in people:
        state = fold(history, old) if settled else fold(history, compile_rules(replace(LATCHED, segments=())))
        state = state if settled else replace(state, rules_version=0)
        outlook = planner.look(state, offset=100, now=START)
        done = activate(state, new, Context(1, 100, START, 2), "plan")
        assert outlook is not None
        assert planned(outlook.before) == said(state, new.renames.segments)
        assert planned(outlook.after) == said(done.state)
        assert outlook.spend == done.state.totals.spend
        assert outlook.changes == (planned(outlook.before) != planned(outlook.after))


def planned(wanted: Any) -> tuple[Any, ...]:
    return wanted.group, wanted.attributes, wanted.tags, wanted.segments


@SOME
@given(changes(), histories())
def test_untouched__whoever_it_names__is_told_nothing_by_activate(
    change: tuple[RuleSet, RuleSet], history: list[Event]
) -> None:
    old, new = compiled(change[0]), compiled(change[1])
    if old is None or new is None:
        return
    state = fold(history, old)
    summed = sum_up(state, new.summing, NO_PAGES, START)
    untouched = untouched_by(old, 1, new)
    if untouched.stays(state, summed, START):
        decision = activate(state, new, Context(1, 100, START, 2), "plan")
        assert decision.state.standing == state.standing
        assert decision.state.claims == state.claims
        if untouched.told_alike:
            assert decision.actions == ()
            assert decision.state.emitted == state.emitted


OLD = compile_rules(LATCHED)
SETTLED = activate(
    State(
        "shop:7",
        profile=fold([event(CustomerSnapshot(customer_id="7", created_at=START, modified_at=START), 0)], OLD).profile,
    ),
    OLD,
    Context(1, 1, START, 1),
    "a",
).state


@pytest.mark.parametrize(
    ("change", "stays", "told_alike"),
    [
        ({"segments": (*LATCHED.segments, NEW_SEGMENTS[0])}, True, True),
        ({"segments": (*LATCHED.segments, NEW_SEGMENTS[3])}, False, False),
        ({"segments": LATCHED.segments[:2]}, True, True),
        ({"segments": (replace(LATCHED.segments[0], tags=(Tag(platform="mailchimp", name="x"),)),)}, True, False),
        ({"rules": LATCHED.rules[:1]}, True, True),
        ({"spend": Spend(refunds="ignore")}, True, True),
        ({"ladders": ()}, False, True),
        ({"ladders": (replace(LATCHED.ladders[0], rungs=LATCHED.ladders[0].rungs[:2]),)}, True, False),
        ({"ladders": (replace(LATCHED.ladders[0], demote="never"),)}, False, False),
        ({"group_order": LATCHED.group_order[::-1]}, True, False),
    ],
)
def test_untouched__customer_without_orders__is_known_to_stay(
    change: dict[str, Any], stays: bool, told_alike: bool
) -> None:
    """Equals in the group order make it careful with what gives a group: the newest fact decides there."""
    new = compile_rules(replace(LATCHED, **change))
    summed = sum_up(SETTLED, new.summing, NO_PAGES, START)
    untouched = untouched_by(OLD, 1, new)
    assert (untouched.stays(SETTLED, summed, START), untouched.told_alike) == (stays, told_alike)


def test_untouched__who_leaves_a_rung__is_not_known_to_stay() -> None:
    edited = replace(LATCHED.ladders[0], rungs=LATCHED.ladders[0].rungs[:2])
    untouched = untouched_by(OLD, 1, compile_rules(replace(LATCHED, ladders=(edited,))))
    rich = replace(SETTLED, totals=replace(SETTLED.totals, spend=2000))
    assert not untouched.stays(rich, rich, START)


def test_look__deleted_customer__is_nobody() -> None:
    grave = CustomerDeleted(customer_id="7")
    value = encode_event(
        grave, type="customer.deleted", id="d", store="shop", subject="shop:7", time=START, origin="live", revision="r"
    )
    state = decide(None, decode_event(value), None, Context(1, 0, None, 0)).state
    assert Planner(LATCHED, version=1, base=None).look(state, offset=1, now=START) is None


def group_moved_by_hand(group: str) -> State:
    """A customer whom the store has in a group of the merchant's own."""
    snapshot = CustomerSnapshot(customer_id="7", created_at=START, modified_at=START, group=group)
    return fold([event(snapshot, 0)], compile_rules(LATCHED))


@pytest.mark.parametrize(("take_over", "to"), [(False, "Friends"), (True, "Silver")])
def test_look__group_that_is_not_ours__moves_only_when_taken_over(take_over: bool, to: str) -> None:
    """The store's own group is told, not that we keep our hands off it."""
    state = group_moved_by_hand("Friends")
    outlook = Planner(LATCHED, version=2, base=(1, compile_rules(LATCHED)), take_over=take_over).look(
        state, offset=100, now=START
    )
    assert outlook is not None
    assert (outlook.before.group, outlook.after.group) == ("Friends", to)


@SOME
@given(st.lists(histories(), min_size=1, max_size=4))
def test_look__effects__are_those_that_an_activation_told_to_send_them_releases(people: list[list[Event]]) -> None:
    webhook = Send(kind="webhook", key="webhook", with_={"url": "https://post.example/hook"})
    told = (*LATCHED.segments, replace(NEW_SEGMENTS[0], on_enter=(webhook,)))
    rule_set, old = replace(LATCHED, segments=told), compile_rules(LATCHED)
    new, planner = compile_rules(rule_set), Planner(rule_set, version=2, base=(1, old))
    for history in people:
        state = fold(history, old)
        outlook = planner.look(state, offset=100, now=START)
        context = Context(1, 100, START, 2)
        released = activate(state, new, context, "plan", send_effects=("segment:many",)).effects
        assert activate(state, new, context, "plan").effects == ()
        assert outlook is not None
        assert outlook.effects == tuple(effect.entry for effect in released)
        assert bool(released) == ("many" in outlook.after.segments)


# -- only by an unset value ----------------------------------------------------------------------------------------
COMPANY, ORDERS = leaf("customer.company", "is", "acme"), leaf("customer.orders", "from", 0)


@pytest.mark.parametrize(
    ("who", "by_unset"),
    [
        (leaf("customer.company", "is_not", "acme"), True),
        (leaf("customer.company", "not_in", ("acme",)), True),
        (Not(of=COMPANY), True),
        (Not(of=AllOf(of=(COMPANY, ORDERS))), True),
        (Not(of=Not(of=leaf("customer.company", "is_not", "acme"))), True),
        (Leaf(field="customer.company", operator="is_unset"), False),
        (Not(of=leaf("customer.average_order", "above", 5)), True),
        (Not(of=leaf("customer.spend", "above", 5)), False),
        (Not(of=leaf("customer.subscribed", "is", True)), False),
        (leaf("customer.attributes.tier", "has_none", ("top",)), True),
        (leaf("customer.group", "is_not", "Gold"), False),
        (leaf("customer.age", "is_not", 30), True),
        (Each(field="customer.addresses", quantifier="none", of=leaf("country", "is", "FR")), True),
        (Not(of=Each(field="customer.addresses", quantifier="any", of=leaf("country", "is", "FR"))), True),
        (
            Each(
                field="customer.addresses", quantifier="count", of=leaf("country", "is", "FR"), operator="is", operand=0
            ),
            True,
        ),
        (Each(field="customer.purchased", quantifier="none", of=leaf("brand", "is", "apple")), False),
        (AllOf(of=(ORDERS, leaf("customer.company", "is_not", "acme"))), True),
    ],
)
def test_only_by_unset__customer_nothing_is_known_of__is_named(who: Condition, by_unset: bool) -> None:
    rule_set = RuleSet(store=LATCHED.store, segments=(Segment(id="s", who=who, attributes={"a": ("b",)}),))
    outlook = Planner(rule_set, version=1, base=None).look(State("shop:7"), offset=1, now=START)
    assert outlook is not None
    assert outlook.after.segments == ("s",)
    assert outlook.only_by_unset == (("s",) if by_unset else ())


@SOME
@given(histories())
def test_only_by_unset__customer_with_all_values__is_not_named(history: list[Event]) -> None:
    """No company is known of anybody here; a country is, of who has an address."""
    rule_set = replace(LATCHED, segments=(NEW_SEGMENTS[1],), rules=(), ladders=())
    state = fold(history, compile_rules(rule_set))
    outlook = Planner(rule_set, version=2, base=None).look(state, offset=100, now=START)
    assert outlook is not None
    known = state.profile is not None and bool(state.profile.places)
    assert outlook.only_by_unset == (("not-french",) if outlook.after.segments and not known else ())


# -- the sum -------------------------------------------------------------------------------------------------------
@SOME
@given(changes(), st.lists(histories(), min_size=2, max_size=6), st.integers(0, 6))
def test_sum__in_two_parts__is_the_sum_of_all(
    change: tuple[RuleSet, RuleSet], people: list[list[Event]], at: int
) -> None:
    old, new = compiled(change[0]), compiled(change[1])
    if old is None or new is None:
        return
    planner = Planner(change[1], version=2, base=(1, old))
    outlooks = [
        replace(outlook, customer=f"shop:{number}")
        for number, history in enumerate(people)
        if (outlook := planner.look(fold(history, old), offset=100, now=START)) is not None
    ]
    whole, first, second = PlanSum(), PlanSum(), PlanSum()
    for number, outlook in enumerate(outlooks):
        whole.add(outlook)
        (first if number < at else second).add(outlook)
    first.merge(second)
    assert first.as_object(change[1]) == whole.as_object(change[1])
    moves = Counter((o.before.group, o.after.group) for o in outlooks if o.before.group != o.after.group)
    assert {(move["from"], move["to"]): move["count"] for move in whole.as_object(change[1])["moves"]} == moves
    assert whole.changed == sum(planned(o.before) != planned(o.after) for o in outlooks)
    assert all(len(move["sample"]) <= SAMPLES for move in whole.as_object(change[1])["moves"])
    tally = PlanTally()
    assert [tally.add(outlook) for outlook in outlooks] == [outlook.changes for outlook in outlooks]
    assert tally.sum() == whole


def test_tally__more_outlooks_than_are_kept__are_all_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headrace.segmentation.plan_tally.KEPT", 2)
    tally, whole = PlanTally(), PlanSum()
    one = outlooks(1)[0]
    for number in range(9):
        after = replace(one.after, segments=(f"s{number % 4}",), group=f"g{number % 4}")
        outlook = replace(one, customer=f"shop:{9 - number}", after=after, spend=number)
        tally.add(outlook)
        whole.add(outlook)
    assert tally.sum() == whole
    assert whole.samples[(None, "g0")] == ["shop:1", "shop:5", "shop:9"]


def test_sum__tags_and_lists_of_one_platform__are_one_customer_to_write_there() -> None:
    one = outlooks(1)[0]
    after = replace(one.after, tags={"klaviyo": ("VIP",), "klaviyo.lists": ("VIP",), "mailchimp": ("VIP",)})
    found = PlanSum()
    found.add(replace(one, after=after))
    assert found.tagged == {"klaviyo": 1, "mailchimp": 1}


def outlooks(count: int, segments: tuple[str, ...] = ()) -> list[Outlook]:
    state = State("shop:7")
    planner = Planner(RuleSet(store=LATCHED.store), version=1, base=None)
    one = planner.look(state, offset=1, now=START)
    assert one is not None
    return [replace(one, after=replace(one.after, segments=segments))] * count


@pytest.mark.parametrize(
    ("customers", "members", "expected"),
    [
        (100, 95, "too broad: 95 of 100"),
        (100, 90, ""),
        (100, 0, "nobody would be in segment big"),
        (2000, 3, "tiny: 3 of 2,000"),
        (100, 3, ""),
        (10, 10, ""),
        (0, 0, ""),
    ],
)
def test_warnings__broad_and_tiny_segments__are_told(customers: int, members: int, expected: str) -> None:
    found = PlanSum()
    for outlook in (*outlooks(members, ("big",)), *outlooks(customers - members)):
        found.add(outlook)
    rule_set = RuleSet(store=LATCHED.store, segments=(Segment(id="big", who=ORDERS),))
    said = warnings_of(found, rule_set)
    assert (expected in " ".join(said)) if expected else said == []
