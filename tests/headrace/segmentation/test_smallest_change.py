"""The law of the smallest change: doing what it says moves the customer, one unit less or a moment earlier does not."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.contracts.events import AttributeSet, CustomerPinned, CustomerSnapshot, EventData, OrderSnapshot, Refund
from headrace.rules.model import (
    AddAttribute,
    AllOf,
    AnyOf,
    AssignGroup,
    Between,
    Duration,
    Group,
    Ladder,
    Leaf,
    Not,
    Rule,
    RuleSet,
    Rung,
    Segment,
    Store,
    Trigger,
    Window,
)
from headrace.segmentation.codec import decode_entry
from headrace.segmentation.compiled import CompiledRules, compile_rules
from headrace.segmentation.decide import Context, decide
from headrace.segmentation.explain import explain
from headrace.segmentation.explaining.seen import ChangeSeen
from headrace.segmentation.group_claims import wanted_group
from headrace.segmentation.state import Entry, State
from headrace.segmentation.wake import wake
from tests.headrace.segmentation.test_explain import NOW, happened, order, state_of

DAY = timedelta(days=1)
CUSTOMER = CustomerSnapshot(customer_id="7", created_at=NOW - 400 * DAY, modified_at=NOW - 400 * DAY, subscribed=False)


def leaf(field: str, operator: str, operand: Any = None, days: int | None = None) -> Leaf:
    window = None if days is None else Window(span=Duration(count=days, unit="day"))
    return Leaf(field=field, operator=operator, operand=operand, window=window)


def rule_set(*segments: Segment, ladder: Ladder | None = None, rules: tuple[Rule, ...] = ()) -> RuleSet:
    names = ("Top", "Gold", "Silver")
    return RuleSet(
        store=Store(timezone="Europe/London", currency="GBP"),
        groups=tuple(Group(name=name) for name in names),
        group_order=tuple((name,) for name in names),
        segments=segments,
        ladders=() if ladder is None else (ladder,),
        rules=rules,
    )


def segment(who: Any, group: str | None = None) -> Segment:
    return Segment(id="it", who=who, group=group, attributes={"in": ("yes",)})


def money(amount: int) -> dict[str, Any]:
    return {"amount_minor": amount, "currency": "GBP"}


def change_of(rules: RuleSet, *data: EventData, rule: str | None = "it") -> ChangeSeen | None:
    compiled = compile_rules(rules)
    return explain(state_of(compiled, CUSTOMER, *data), compiled, now=NOW, rule=rule).smallest_change


def midnight(day: int, month: int = 2) -> datetime:
    return NOW.replace(month=month, day=day, hour=0)


LADDER = Ladder(
    id="loyalty",
    by="customer.spend",
    rungs=(
        Rung(group="Silver"),
        Rung(group="Gold", bound="from", threshold=1000_00),
        Rung(group="Top", bound="above", threshold=5000_00),
    ),
)


@pytest.mark.parametrize(
    ("who", "fact", "by"),
    [
        (leaf("customer.spend", "from", 100_00), "customer.spend", money(70_00)),
        (leaf("customer.spend", "above", 100_00), "customer.spend", money(70_01)),
        (leaf("customer.spend", "is", 30_01), "customer.spend", money(1)),
        (leaf("customer.spend", "below", 30_00), "customer.spend", money(-1)),
        (leaf("customer.spend", "between", Between(low=10_00, high=20_00)), "customer.spend", money(-10_01)),
        (leaf("customer.spend", "from", 50_00, 30), "customer.spend (within 30 days)", money(40_00)),
        (leaf("customer.largest_order", "above", 20_00), "order.value", money(20_01)),
        (leaf("customer.average_order", "from", 20_00), "order.value", money(29_99)),
        (leaf("customer.orders", "from", 5), "customer.orders", 3),
        (leaf("customer.orders", "up_to", 1), "customer.orders", -1),
        (leaf("customer.items", "above", 10), "customer.items", 9),
        (leaf("customer.refunds", "above", 5_00), "customer.refunds", money(5_01)),
        (leaf("customer.visits", "from", 3), "customer.visits", 3),
        (leaf("customer.subscribed", "is", True), "customer.subscribed", True),
        (leaf("customer.attributes.tier", "has_any", ("vip",)), "customer.attributes.tier", {"add": "vip"}),
        (leaf("customer.last_order_at", "within_last", Duration(count=2, unit="day")), "customer.orders", 1),
        (
            AllOf(of=(leaf("customer.orders", "is", 2), Not(of=leaf("customer.spend", "below", 100_00)))),
            None,
            None,
        ),
        (
            AnyOf(of=(leaf("customer.company", "is", "acme"), leaf("customer.spend", "from", 100_00))),
            "customer.spend",
            money(70_00),
        ),
        (leaf("customer.company", "is", "acme"), None, None),
        (leaf("customer.email", "is", "ann@example.org"), None, None),
    ],
    ids=str,
)
def test_smallest_change__into_a_segment__the_least_that_does_it(who: Any, fact: str | None, by: Any) -> None:
    found = change_of(rule_set(segment(who)), order(1, 20_00, days_ago=90), order(2, 10_00, days_ago=9))
    assert (None if found is None else (found.fact, found.by, found.moves)) == (fact and (fact, by, "enters"))


def test_smallest_change__a_window_that_moves__until_the_order_that_counts_has_left_it() -> None:
    found = change_of(
        rule_set(segment(leaf("customer.spend", "from", 100_00, 30))),
        order(1, 50_00, days_ago=20),
        order(2, 11_80, days_ago=9),
    )
    assert found is not None
    assert (found.by, found.until, found.kind) == (money(38_20), midnight(11), "number")


def test_smallest_change__out_by_time__says_when_and_in_how_many_days() -> None:
    silent = leaf("customer.last_order_at", "within_last", Duration(count=30, unit="day"))
    found = change_of(rule_set(segment(silent)), order(1, 50_00, days_ago=20))
    assert found is not None
    assert (found.fact, found.by, found.until) == ("customer.last_order_at", {"days": 11}, midnight(11))
    assert (found.kind, found.moves) == ("time", "leaves")


def test_smallest_change__of_the_group__the_next_better_one() -> None:
    found = change_of(rule_set(ladder=LADDER), order(1, 961_80, days_ago=20), rule=None)
    assert found is not None
    assert (found.fact, found.by, found.to, found.entry) == ("customer.spend", money(38_20), "Gold", "ladder:loyalty")
    top = change_of(rule_set(ladder=LADDER), order(1, 5000_01, days_ago=20), rule=None)
    assert top is not None
    assert (top.by, top.to, top.moves) == (money(-1), "Top", "leaves")


def test_smallest_change__of_the_group_while_a_grace_runs__what_keeps_it_and_until_when() -> None:
    ladder = Ladder(id="loyalty", by="customer.spend", rungs=LADDER.rungs, grace=Duration(count=30, unit="day"))
    bought = order(1, 1000_00, days_ago=20)
    found = change_of(rule_set(ladder=ladder), bought, order(1, 961_80, days_ago=20), rule=None)
    assert found is not None
    assert (found.by, found.to, found.moves) == (money(38_20), "Gold", "stays")
    assert found.until is not None
    assert found.until > NOW


def test_smallest_change__into_a_rule__an_order_it_waits_for() -> None:
    rule = Rule(
        id="it",
        when=Trigger(name="order.placed"),
        if_=leaf("order.value", "above", 500_00),
        then=(AssignGroup(group="Gold"),),
    )
    found = change_of(rule_set(rules=(rule,)), order(1, 20_00, days_ago=20))
    assert found is not None
    assert (found.fact, found.by) == ("order.value", money(500_01))
    assert change_of(rule_set(rules=(rule,)), order(1, 600_00, days_ago=20)) is None, "it has fired"


def test_smallest_change__a_segment_that_reads_another__what_moves_the_other() -> None:
    vip = Segment(id="vip", who=leaf("customer.spend", "from", 100_00), attributes={"tier": ("vip",)})
    labelled = segment(leaf("customer.attributes.tier", "has_all", ("vip",)))
    member = segment(leaf("customer.in_segment", "is", "vip"))
    by_hand = change_of(rule_set(vip, labelled), order(1, 20_00, days_ago=90))
    assert by_hand is not None
    assert (by_hand.fact, by_hand.by) == ("customer.attributes.tier", {"add": "vip"})
    by_spend = change_of(rule_set(vip, member), order(1, 20_00, days_ago=90))
    assert by_spend is not None
    assert (by_spend.fact, by_spend.by) == ("customer.spend", money(80_00))


def test_smallest_change__pinned__nothing_but_the_end_of_the_pin() -> None:
    compiled = compile_rules(rule_set(ladder=LADDER))
    state = state_of(compiled, CUSTOMER, CustomerPinned(group="Top", reason="a friend", until=NOW + 3 * DAY))
    found = explain(state, compiled, now=NOW)
    assert [(one.rule, one.won) for one in found.claims] == [("pin", True), ("ladder:loyalty", False)]
    change = found.smallest_change
    assert change is not None
    assert (change.kind, change.until, change.entry, change.moves) == ("time", NOW + 3 * DAY, "pin", "leaves")


def test_smallest_change__not_ours_or_already_decided_by_a_person__none() -> None:
    compiled = compile_rules(rule_set(ladder=LADDER))
    other = CustomerSnapshot(customer_id="7", created_at=NOW, modified_at=NOW, group="Staff")
    assert explain(state_of(compiled, other), compiled, now=NOW).smallest_change is None


# -- the law ---------------------------------------------------------------------------------------------------------
FIELDS = ("customer.spend", "customer.orders", "customer.items", "customer.largest_order", "customer.average_order")
numbers = st.builds(
    leaf,
    st.sampled_from(FIELDS),
    st.sampled_from(["above", "from", "below", "up_to", "is"]),
    st.one_of(st.integers(0, 9), st.integers(0, 300_00)),
)
windowed = st.builds(
    leaf,
    st.sampled_from(FIELDS[:3]),
    st.sampled_from(["above", "from", "below"]),
    st.one_of(st.integers(0, 9), st.integers(0, 300_00)),
    st.sampled_from([7, 30, 365]),
)
times = st.builds(
    leaf,
    st.sampled_from(["customer.last_order_at", "customer.first_order_at", "customer.created_at"]),
    st.sampled_from(["older_than", "within_last"]),
    st.integers(1, 500).map(lambda count: Duration(count=count, unit="day")),
)
others = st.sampled_from(
    [
        leaf("customer.subscribed", "is", True),
        leaf("customer.subscribed", "is", False),
        leaf("customer.attributes.tier", "has_any", ("vip", "top")),
        leaf("customer.attributes.tier", "has_all", ("vip", "top")),
        leaf("customer.attributes.tier", "has_none", ("vip",)),
        leaf("customer.attributes.mood", "has_any", ("good", "bad")),
    ]
)
conditions = st.recursive(
    st.one_of(numbers, windowed, times, others),
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(lambda of: AllOf(of=tuple(of))),
        st.lists(inner, min_size=2, max_size=3).map(lambda of: AnyOf(of=tuple(of))),
        inner.map(lambda of: Not(of=of)),
    ),
    max_leaves=4,
)
orders = st.lists(
    st.tuples(st.integers(0, 200_00), st.integers(0, 400), st.sampled_from(["completed", "cancelled"])), max_size=4
)


@st.composite
def scenes(draw: st.DrawFn) -> tuple[CompiledRules, State]:
    ladder = draw(st.sampled_from([None, LADDER]))
    rules = [segment(draw(conditions), draw(st.sampled_from([None, "Top"])))]
    placed = Rule(
        id="placed",
        when=Trigger(name="order.placed"),
        if_=draw(numbers),
        then=(AddAttribute(values={"tier": ("top",)}),),
    )
    compiled = compile_rules(rule_set(*rules, ladder=ladder, rules=draw(st.sampled_from([(), (placed,)]))))
    data: list[EventData] = [CUSTOMER]
    data += [
        order(number, total, days_ago=ago, status=status)
        for number, (total, ago, status) in enumerate(draw(orders), start=1)
    ]
    if draw(st.booleans()):
        data.append(AttributeSet(name="tier", values=("vip",)))
    return compiled, state_of(compiled, *data)


def done(state: State, rules: CompiledRules, change: ChangeSeen, less: int, at: datetime) -> State | None:
    """The customer after the change, `less` units of it left away, at a moment; None: this test knows no way to do it.

    Written anew, by events alone: nothing of the search is used.
    """
    state = wake(state, rules, Context(1, 500, at, 1)).state
    amount = change.by["amount_minor"] if isinstance(change.by, dict) and "amount_minor" in change.by else change.by
    name = change.fact.partition(" (")[0]
    if isinstance(amount, int) and not isinstance(amount, bool) and amount < 0:
        take = {"customer.spend": refunded, "customer.orders": cancelled}[name]
        return take(state, rules, -amount - less, at)
    happening = events_of(state, name, amount, less, at)
    for number, one in enumerate(happening or (), start=600):
        state = decide(state, happened(one, number), rules, Context(1, number, at, 1)).state
    return None if happening is None else state


def events_of(state: State, name: str, amount: Any, less: int, at: datetime) -> list[EventData] | None:
    happening: list[EventData]
    match name, amount:
        case "customer.spend" | "order.value", _:
            return [bought("new", amount - less, at)]
        case "customer.orders", _:
            return [bought(f"new{number}", 0, at) for number in range(amount - less)]
        case "customer.items", _:
            return [bought("new", 0, at, units=amount - less)] if amount > less else []
        case "customer.subscribed", _:
            happening = [CustomerSnapshot(**{**fields(CUSTOMER), "subscribed": amount})]
        case _, {"add": value}:
            attribute = name.removeprefix("customer.attributes.")
            held = state.claims.manual.get(attribute, ())
            happening = [AttributeSet(name=attribute, values=(*held, value))]
        case "customer.attributes.tier", {"remove": _}:
            happening = [AttributeSet(name="tier", values=())]
        case _:
            return None
    return [] if less else happening


def again(name: str, entry: Entry, at: datetime, **changed: Any) -> OrderSnapshot:
    """An order of the ledger told once more."""
    told = {**fields(bought(name, entry.total, at)), "created_at": entry.created_at, "status": entry.status}
    return OrderSnapshot(**{**told, **changed})


def ledger(state: State, rules: CompiledRules) -> list[tuple[str, Entry]]:
    orders = [(name, decode_entry(body)) for name, body in state.ledger.items()]
    return [(name, entry) for name, entry in orders if entry.status in rules.rule_set.spend.count_statuses]


def refunded(state: State, rules: CompiledRules, amount: int, at: datetime) -> State:
    """Of the largest order, as `again` has units of its line: none of these orders has a refund yet."""
    if not amount:
        return state
    _, name, entry = max((entry.total, name, entry) for name, entry in ledger(state, rules))
    assert entry.total >= amount
    order = again(name, entry, at, refunds=(Refund(id="r", created_at=at, amount=amount),))
    return decide(state, happened(order, 900), rules, Context(1, 900, at, 1)).state


def cancelled(state: State, rules: CompiledRules, count: int, at: datetime) -> State:
    newest = sorted((entry.created_at, name, entry) for name, entry in ledger(state, rules))
    for number, (_, name, entry) in enumerate(newest[len(newest) - count :]):
        order = again(name, entry, at, status="cancelled")
        state = decide(state, happened(order, 900 + number), rules, Context(1, 900 + number, at, 1)).state
    return state


def bought(name: str, total: int, at: datetime, units: int = 1) -> OrderSnapshot:
    ordered = order(0, total, days_ago=0)
    line = ordered.lines[0]
    given_fields = {**fields(ordered), "order_id": name, "created_at": at, "modified_at": at}
    return OrderSnapshot(**{**given_fields, "lines": (type(line)(**{**fields(line), "quantity": units}),)})


def fields(struct: Any) -> dict[str, Any]:
    return {name: getattr(struct, name) for name in struct.__struct_fields__}


def moved(before: State, after: State, change: ChangeSeen, rules: CompiledRules) -> bool:
    if change.entry == "segment:it" and change.to == "it":
        return ("it" in before.standing.segments) is not ("it" in after.standing.segments)
    if change.moves == "enters":
        return wanted_group(after, rules) == change.to
    return wanted_group(after, rules) != change.to


@settings(max_examples=400)
@given(scenes(), st.sampled_from(["it", None]))
def test_smallest_change__any_customer__moves_it_and_one_unit_or_day_less_does_not(
    scene: tuple[CompiledRules, State], rule: str | None
) -> None:
    rules, state = scene
    change = explain(state, rules, now=NOW, rule=rule).smallest_change
    if change is None:
        return
    if change.moves == "stays":
        assert_kept(state, rules, change)
        return
    if change.kind == "time":
        assert change.until is not None
        assert moved(state, wake(state, rules, Context(1, 500, change.until, 1)).state, change, rules)
        earlier = change.until - timedelta(microseconds=1)
        assert not moved(state, wake(state, rules, Context(1, 500, earlier, 1)).state, change, rules)
        return
    enough, less = done(state, rules, change, 0, NOW), done(state, rules, change, 1, NOW)
    if enough is None or less is None:
        return
    assert moved(state, enough, change, rules)
    assert not moved(state, less, change, rules)
    if change.until is not None:
        just = done(state, rules, change, 0, change.until - timedelta(microseconds=1))
        late = done(state, rules, change, 0, change.until)
        assert just is not None
        assert late is not None
        assert moved(state, just, change, rules)
        nothing = wake(state, rules, Context(1, 500, change.until, 1)).state
        assert moved(state, nothing, change, rules) or not moved(state, late, change, rules)


def assert_kept(state: State, rules: CompiledRules, change: ChangeSeen) -> None:
    """Time alone takes the group away at `until`; the change keeps it beyond, one unit less does not."""
    assert change.until is not None
    end = Context(1, 999, change.until, 1)
    enough, less = done(state, rules, change, 0, NOW), done(state, rules, change, 1, NOW)
    assert wanted_group(wake(state, rules, end).state, rules) != change.to
    if enough is not None and less is not None:
        assert wanted_group(wake(enough, rules, end).state, rules) == change.to
        assert wanted_group(wake(less, rules, end).state, rules) != change.to
