"""Groups that the store has other names for: decided as if it had the rules' names, and told in its own."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from headrace.contracts.actions import Desired, DesiredGroup
from headrace.contracts.effects import Effect
from headrace.contracts.events import CustomerSnapshot, Event
from headrace.rules.group_names import GroupNames, names_of
from headrace.rules.model import AddAttribute, Group, Rule, RuleSet, Segment, Send, Trigger
from headrace.segmentation.actions import Stamp
from headrace.segmentation.audit.report import report
from headrace.segmentation.audit.tally import Tally
from headrace.segmentation.compiled import CompiledRules, compile_rules
from headrace.segmentation.decide import Context, activate, decide
from headrace.segmentation.explain import explain
from headrace.segmentation.history import read_history
from headrace.segmentation.orders import sum_up
from headrace.segmentation.pages import NO_PAGES
from headrace.segmentation.plan import Planner, group_of
from headrace.segmentation.reassert import Told, reassert
from headrace.segmentation.state import State
from headrace.segmentation.untouched import untouched_by
from tests.headrace.segmentation.story import Story, moment
from tests.headrace.segmentation.test_plan import changes, compiled
from tests.headrace.segmentation.test_properties import LATCHED, MANY, SOME, START, histories, leaf

EXPORT = Send(kind="export_row", key="row", with_={"file": "f", "columns": ("customer.group", "customer.kind")})
MOVED = Rule(
    id="to-gold",
    when=Trigger(name="group.changed", to="Gold"),
    then=(AddAttribute(values={"moved": ("Gold",)}), EXPORT),
)
GOLDEN = Segment(id="is-gold", who=leaf("customer.group", "in", ("Gold", "Press")), attributes={"is": ("gold",)})


@st.composite
def aliased(draw: st.DrawFn, rule_set: RuleSet) -> RuleSet:
    """With aliases for some of its groups, or all."""
    named = draw(st.sets(st.sampled_from([group.name for group in rule_set.groups]), min_size=1))
    wear = draw(st.sampled_from(["VIP {}", "{} members"]))
    return replace(
        rule_set,
        groups=tuple(
            replace(group, alias={"bigcommerce": wear.format(group.name)}) if group.name in named else group
            for group in rule_set.groups
        ),
    )


def names_in(rule_set: RuleSet) -> GroupNames:
    names = names_of(rule_set)
    assert names is not None
    return names


def at_the_store(event: Event, names: GroupNames) -> Event:
    data = event.data
    if not isinstance(data, CustomerSnapshot):
        return event
    return Event(event.envelope, replace(data, group=names.to_store(data.group)))


def by_the_rules(state: State, names: GroupNames) -> tuple[Any, ...]:
    """The state and its history, every group by the rules' name."""
    told, profile = state.emitted, state.profile
    emitted = replace(told, group=names.to_rules(told.group), ours=tuple(map(names.to_rules, told.ours)))
    history = [
        replace(one, name=names.to_rules(one.name)) if one.kind in ("group", "drift") else one
        for one in read_history(state, NO_PAGES)
    ]
    known = None if profile is None else replace(profile, group=names.to_rules(profile.group))
    return replace(state, emitted=emitted, profile=known, history=b""), history


def said(actions: Sequence[Desired], names: GroupNames) -> list[Desired]:
    return [
        replace(one, value=names.to_rules(one.value), observed=names.to_rules(one.observed))
        if isinstance(one, DesiredGroup)
        else one
        for one in actions
    ]


class Twin:
    """One customer, folded under some rules."""

    def __init__(self) -> None:
        self.state: State | None = None
        self.actions: list[Desired] = []
        self.effects: list[Effect] = []

    def fold(self, events: Sequence[Event], rules: CompiledRules) -> None:
        for offset, one in enumerate(events):
            self._keep(decide(self.state, one, rules, Context(1, offset, START, 1)))

    def activate(self, rules: CompiledRules) -> None:
        assert self.state is not None
        self._keep(activate(self.state, rules, Context(1, 100, START, 2), "a", take_over=True))

    def _keep(self, decision: Any) -> None:
        self.state = decision.state
        self.actions += decision.actions
        self.effects += decision.effects


@MANY
@given(changes(), histories(), st.sampled_from(["report", "overwrite", "pin"]), st.data())
def test_decide__aliases__as_without_them_but_for_the_names(
    change: tuple[RuleSet, RuleSet], history: list[Event], drift: Any, data: st.DataObject
) -> None:
    before, after = (
        replace(one, drift=drift, rules=(*one.rules, MOVED), segments=(*one.segments, GOLDEN)) for one in change
    )
    others = data.draw(aliased(before))
    names = names_in(others)
    plain = [compiled(one) for one in (before, after)]
    named = [compiled(replace(one, groups=others.groups)) for one in (before, after)]
    if plain[0] is None or plain[1] is None or named[0] is None or named[1] is None:
        return
    one, other = Twin(), Twin()
    one.fold(history, plain[0])
    other.fold([at_the_store(event, names) for event in history], named[0])
    one.activate(plain[1])
    other.activate(named[1])
    assert one.state is not None
    assert other.state is not None
    assert by_the_rules(other.state, names) == by_the_rules(one.state, _SAME)
    assert said(other.actions, names) == one.actions
    assert other.effects == one.effects
    if data.draw(st.integers(0, 9)) == 0:
        assert explain(other.state, named[1], now=START) == explain(one.state, plain[1], now=START)


_SAME = GroupNames({}, {})


@SOME
@given(changes(), st.lists(histories(), min_size=1, max_size=3), st.data())
def test_look__aliases_that_come_change_and_go__says_what_activate_then_does(
    change: tuple[RuleSet, RuleSet], people: list[list[Event]], data: st.DataObject
) -> None:
    before, after = (data.draw(st.one_of(st.just(one), aliased(one))) for one in change)
    old, new = compiled(before), compiled(after)
    if old is None or new is None:
        return
    names, planner, untouched = new.names or _SAME, Planner(after, version=2, base=(1, old)), untouched_by(old, 1, new)
    for history in people:
        customer = Twin()
        customer.fold([at_the_store(event, old.names or _SAME) for event in history], old)
        state = customer.state
        assert state is not None
        outlook = planner.look(state, offset=100, now=START)
        done = activate(state, new, Context(1, 100, START, 2), "plan")
        assert outlook is not None
        assert outlook.before.group == names.to_rules(group_of(state))
        assert outlook.after.group == names.to_rules(group_of(done.state))
        assert outlook.moves == (group_of(state) != group_of(done.state))
        if untouched.told_alike and untouched.stays(state, sum_up(state, new.summing, NO_PAGES, START), START):
            assert done.actions == ()


# -- stories -------------------------------------------------------------------------------------------------------
LADDER = "ladders: [{id: loyalty, by: customer.spend, rungs: [{group: Silver}, {group: Gold, from: 1000}]}]\n"
SILVER = "group_order: [Gold, Silver]\n"


def rules(alias: str | None, rest: str = LADDER) -> str:
    named = "" if alias is None else f", alias: {{bigcommerce: {alias}}}"
    return f"groups: [{{name: Gold{named}, kind: B2C}}, {{name: Silver}}]\n{SILVER}{rest}"


def golden(alias: str | None = "VIP Gold", rest: str = LADDER) -> Story:
    story = Story(rules(alias, rest))
    story.customer()
    story.order("1", 1200)
    return story


def test_group__alias__is_what_the_store_is_told() -> None:
    story = golden()
    assert story.told == ["Silver", "VIP Gold"]
    story.customer(group="VIP Gold")
    assert story.told == ["Silver", "VIP Gold"]


@pytest.mark.parametrize(("group", "told"), [("VIP Gold", ["Silver", "VIP Gold"]), ("Gold", []), ("Press", [])])
def test_group__first_seen_in_it__is_ours_by_the_stores_name_alone(group: str, told: list[str]) -> None:
    story = Story(rules("VIP Gold"))
    story.customer(group=group)
    story.order("1", 1200)
    assert story.told == told


@pytest.mark.parametrize("drift", ["report", "overwrite", "pin"])
def test_drift__moved_to_the_group_by_its_alias__is_a_pin_by_the_rules_name(drift: str) -> None:
    story = Story(rules("VIP Gold", f"drift: {drift}\n{LADDER}"))
    story.customer()
    story.customer(group="Silver")
    decision = story.customer(group="VIP Gold")
    (verdict,) = (one for one in decision.trace.verdicts if one.outcome == "drifted")
    assert verdict.reason.startswith("the store has Gold now")
    assert (story.state.pin is None) is (drift != "pin")
    if story.state.pin is not None:
        assert (story.state.pin.group, story.told) == ("Gold", ["Silver", "VIP Gold"])
    story.order("1", 1200)
    assert story.group == "VIP Gold"


def test_pin__by_the_rules_name__is_told_by_the_stores_and_outlives_another_alias() -> None:
    story = Story(rules("VIP Gold"))
    story.customer()
    story.pin("Gold")
    story.apply(rules("Premium"))
    story.apply(rules(None))
    assert story.told == ["Silver", "VIP Gold", "Premium", "Gold"]
    story.unpin()
    story.pin("VIP Gold")
    assert story.group == "Silver"


def test_pin__by_the_stores_name__is_no_group_of_the_rules() -> None:
    story = Story(rules("VIP Gold"))
    story.customer()
    story.pin("VIP Gold")
    assert story.told == ["Silver"]


def test_apply__another_alias__whoever_is_in_the_group_is_told_anew() -> None:
    latched = "rules: [{id: placed, when: order.placed, then: [{assign_group: Gold}], past: ignore}]\n"
    story = golden("VIP Gold", latched)
    story.customer(group="VIP Gold")
    story.apply(rules("Premium", latched))
    assert story.told == ["VIP Gold", "Premium"]
    story.customer(group="VIP Gold")  # read before the store was told
    assert story.state.emitted.group == "Premium"


def test_default_group__alias__is_what_the_store_is_told() -> None:
    story = Story(rules("VIP Gold", "default_group: Gold\n"))
    story.customer()
    assert story.told == ["VIP Gold"]
    story.customer(group="VIP Gold", at="2026-01-02")
    story.customer(group="Silver", at="2026-01-03")
    assert [one.outcome for one in story.verdicts if one.source == "drift"] == ["drifted"]


def test_default_group__given_by_the_store_to_a_new_customer__is_no_drift() -> None:
    story = Story(
        rules("VIP Gold", "default_group: Gold\ndrift: pin\n" + LADDER.replace(", {group: Gold, from: 1000}", ""))
    )
    created = moment("2026-03-01 10:00")
    story.customer(created_at=created, at="2026-03-01 10:00")
    story.customer(group="Silver", created_at=created, at="2026-03-01 10:01")
    story.customer(group="VIP Gold", created_at=created, at="2026-03-01 10:02")
    assert story.state.pin is None
    story.customer(group="Gold", created_at=created, at="2026-03-01 10:03")
    assert story.group is None


def test_explain__alias__says_the_rules_name_throughout() -> None:
    story = golden(rest=LADDER + "segments: [{id: s, who: {customer.group: Gold}, attributes: {a: b}}]\n")
    story.customer(group="VIP Gold")
    seen = explain(story.state, story.rules, now=story.now)
    assert (seen.group, seen.won_by, [claim.group for claim in seen.claims]) == ("Gold", "ladder:loyalty", ["Gold"])
    assert seen.facts["customer.group"].value == "Gold"
    assert "VIP" not in str(seen)


def test_explain__the_stores_own_group_of_that_name__is_told_apart() -> None:
    story = Story(rules("VIP Gold"))
    story.customer(group="Gold")
    seen = explain(story.state, story.rules, now=story.now)
    assert seen.group is None
    assert seen.not_ours is not None
    assert "the store has it in Gold (the store's), which these rules do not name" in seen.not_ours


def test_export__alias__says_the_rules_name() -> None:
    send = "{export_row: {file: f.csv, columns: [customer.group, customer.kind]}}"
    story = Story(rules("VIP Gold", f"{LADDER}rules: [{{id: moved, when: group.changed, then: [{send}]}}]\n"))
    story.customer()
    story.customer(group="Silver")
    decision = story.order("1", 1200)
    (effect,) = decision.effects
    assert effect.with_["row"] == {"customer.group": "Gold", "customer.kind": "b2c"}


def test_audit__alias__counts_by_the_rules_name() -> None:
    story, tally = golden(), Tally(b"k")
    story.customer(group="VIP Gold")
    tally.add(story.state)
    found = report(tally, story.rules.rule_set, story.now)
    assert {"name": "group:Gold", "members": 1} in found["memberships"]


def test_reassert__told_before_the_alias__is_told_anew() -> None:
    story = golden()
    told = next(action for action in story.actions if isinstance(action, DesiredGroup))
    actions = reassert(story.state, story.rules, Told(group=replace(told, value="Gold")), Stamp(2, 9, 1, "e", "replay"))
    assert [one.value for one in actions if isinstance(one, DesiredGroup)] == ["VIP Gold"]


def test_compile__no_alias_at_the_store__has_no_names() -> None:
    members = Group(name="Gold", alias={"klaviyo": "Gold members"})
    assert compile_rules(replace(LATCHED, groups=(members,))).names is None
