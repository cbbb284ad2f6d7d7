"""Rules that time sets off: schedules in the store's zone, spans and yearly days after a time of the customer."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.contracts.events import (
    CUSTOMER_SNAPSHOT,
    ORDER_SNAPSHOT,
    CustomerPersonal,
    CustomerSnapshot,
    CustomEvent,
    Event,
    OrderSnapshot,
    decode_event,
    encode_event,
    revision,
)
from headrace.rules.load import Source, load_texts
from headrace.rules.model import AddAttribute, Reached, Rule, Trigger
from headrace.segmentation.compiled import CompiledRules, compile_rules
from headrace.segmentation.decide import Context, activate, decide
from headrace.segmentation.schedule import next_of, timed_rule
from headrace.segmentation.state import State, Timer
from headrace.segmentation.verdicts import Verdict
from headrace.segmentation.wake import wake

MADE = datetime.fromisoformat("2026-01-05T09:00Z")
HEAD = "store: {timezone: Europe/London, currency: GBP}\n"
ONE = "then: [{add_attribute: {mood: seen}}]"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def compiled(text: str) -> CompiledRules:
    result = load_texts([Source("rules.yaml", HEAD + text)])
    assert result.rule_set is not None, result.findings
    return compile_rules(result.rule_set)


def event(data: Any, kind: str, when: datetime, id: str = "e1") -> Event:
    stamp = None if kind.startswith("custom.") else revision(when, when)
    value = encode_event(
        data, type=kind, id=id, store="s", subject="s:1", time=when, origin="live", revision=stamp
    )  # fmt: skip
    return decode_event(value)


def customer(when: datetime = MADE, **more: Any) -> Event:
    return event(CustomerSnapshot(customer_id="1", created_at=MADE, modified_at=when, **more), CUSTOMER_SNAPSHOT, when)


def order(id: str, made: datetime, total: int) -> Event:
    snapshot = OrderSnapshot(
        order_id=id,
        status="completed",
        created_at=made,
        modified_at=made,
        currency="GBP",
        total=total,
        subtotal=total,
        total_excluding_tax=total,
    )
    return event(snapshot, ORDER_SNAPSHOT, made, id)


def now(moment: datetime | None, *, version: int = 1, offset: int = 7) -> Context:
    return Context(1, offset, moment, version)


@pytest.mark.parametrize(
    ("cron", "zone", "after", "due"),
    [
        ("0 9 * * 1", "Europe/London", "2026-01-05T09:00Z", "2026-01-12T09:00Z"),
        ("0 9 * * 1", "Europe/London", "2026-01-05T08:59:59Z", "2026-01-05T09:00Z"),
        ("0 9 * * *", "Europe/London", "2026-03-28T10:00Z", "2026-03-29T08:00Z"),  # summer begins
        ("0 9 * * *", "America/New_York", "2026-11-01T00:00Z", "2026-11-01T14:00Z"),
        ("0 9 * * *", "Australia/Lord_Howe", "2026-04-04T23:00Z", "2026-04-05T22:30Z"),
        ("30 1 * * *", "Europe/London", "2026-03-28T12:00Z", "2026-03-29T01:00Z"),  # an hour that is left out
        ("0 0 29 2 *", "UTC", "2026-01-01T00:00Z", "2028-02-29T00:00Z"),
        ("0 0 1 1 *", "America/New_York", "2026-06-01T00:00Z", "2027-01-01T05:00Z"),
    ],
)
def test_next_of__schedule__in_the_stores_zone(cron: str, zone: str, after: str, due: str) -> None:
    assert next_of(cron, zone)(at(after)) == at(due)


@given(st.lists(st.integers(0, 60 * 24 * 60), min_size=2, max_size=9))
def test_next_of__asked_in_any_order__the_same_answers(minutes: list[int]) -> None:
    asked = next_of("30 2 * * *", "Europe/London")
    for minute in minutes:
        moment = MADE + timedelta(minutes=minute)
        assert asked(moment) == next_of("30 2 * * *", "Europe/London")(moment)


@given(
    st.sampled_from(["30 1 * * *", "30 2 * * *", "45 1 * * *", "0 * * * *", "0 0 1 * *"]),
    st.sampled_from(["Europe/London", "America/New_York", "Australia/Lord_Howe"]),
    st.sampled_from(["2026-03-07", "2026-03-28", "2026-04-04", "2026-10-03", "2026-10-24", "2026-10-31"]),
    st.integers(0, 3 * 24 * 60),
)
def test_next_of__clocks_change__from_any_moment_the_next_of_all(cron: str, zone: str, day: str, minutes: int) -> None:
    following, start = next_of(cron, zone), at(f"{day}T00:00Z")
    moment, due = start + timedelta(minutes=minutes), start
    while due <= moment:
        due = following(due) or due
    assert next_of(cron, zone)(moment) == due


def test_wake__schedule__fires_each_time_that_came() -> None:
    rules = compiled(f'rules: [{{id: weekly, when: {{schedule: "0 9 * * 1"}}, {ONE}}}]')
    state = decide(None, customer(), rules, now(MADE)).state
    assert state.timers == (Timer(at("2026-01-12T09:00Z"), "rule:weekly"),)
    decision = wake(state, rules, now(at("2026-01-27T00:00Z")))
    assert [(one.source, one.outcome) for one in decision.trace.verdicts] == [("rule:weekly", "fired")] * 3
    assert decision.state.claims.latched["weekly"].fact_at == at("2026-01-26T09:00Z")
    assert decision.state.timers == (Timer(at("2026-02-02T09:00Z"), "rule:weekly"),)


def test_wake__two_schedules__only_the_one_that_is_due() -> None:
    rules = compiled(
        'rules: [{id: early, when: {schedule: "0 6 * * *"}, then: [{add_attribute: {mood: early}}]},'
        '{id: late, when: {schedule: "0 18 * * *"}, then: [{add_attribute: {mood: late}}]}]'
    )
    state = wake(decide(None, customer(), rules, now(MADE)).state, rules, now(at("2026-01-05T18:00Z"))).state
    assert set(state.claims.latched) == {"late"}


def test_wake__schedule_with_a_condition__is_asked_as_of_then() -> None:
    condition = "if: {customer.created_at: {older_than: 10 days}}"
    rules = compiled(f'rules: [{{id: r, when: {{schedule: "0 9 * * *"}}, {condition}, {ONE}}}]')
    state = decide(None, customer(), rules, now(MADE)).state
    assert wake(state, rules, now(at("2026-01-15T12:00Z"))).state.claims.latched == {}
    assert wake(state, rules, now(at("2026-01-16T12:00Z"))).state.claims.latched["r"].fact_at == at("2026-01-16T09:00Z")


def test_decide__clock_not_known_yet__schedule_waits_for_the_first() -> None:
    rules = compiled(f'rules: [{{id: weekly, when: {{schedule: "0 9 * * 1"}}, {ONE}}}]')
    state = decide(None, customer(), rules, now(None)).state
    assert state.timers == ()
    later = decide(state, customer(MADE + timedelta(days=9)), rules, now(MADE + timedelta(days=9))).state
    assert later.timers == (Timer(at("2026-01-19T09:00Z"), "rule:weekly"),)


@pytest.mark.parametrize(
    ("reached", "due"),
    [
        ("{customer.created_at: 36 hours}", "2026-01-06T21:00Z"),
        ("{customer.created_at: 90 days}", "2026-04-04T23:00Z"),
        ("{customer.created_at: 6 months}", "2026-07-04T23:00Z"),
        ("{customer.created_at: 2 years}", "2028-01-05T00:00Z"),
        ("{customer.created_at: every year}", "2027-01-05T00:00Z"),
        ("{customer.birthday: every year}", "2026-02-28T00:00Z"),
        ("{customer.birthday: 36 years}", "2028-02-29T00:00Z"),
    ],
)
def test_decide__time_reached__a_timer_at_that_moment(reached: str, due: str) -> None:
    rules = compiled(f"rules: [{{id: r, when: {{time.reached: {reached}}}, {ONE}}}]")
    decision = decide(None, customer(personal=CustomerPersonal(birthday="1992-02-29")), rules, now(MADE))
    assert decision.state.timers == (Timer(at(due), "rule:r"),)
    woken = wake(decision.state, rules, now(at(due)))
    assert woken.trace.verdicts == (Verdict("rule:r", "fired", "no condition"),)
    assert woken.state.claims.latched["r"].fact_at == at(due)
    again = wake(woken.state, rules, now(at(due) + timedelta(days=1)))
    assert again.state is woken.state


def test_decide__time_reached_before_the_rule_was_there__does_not_fire() -> None:
    rules = compiled(f"rules: [{{id: r, when: {{time.reached: {{customer.created_at: 2 days}}}}, {ONE}}}]")
    state = decide(None, customer(), None, now(MADE, version=0)).state
    assert activate(state, rules, now(at("2026-02-01T00:00Z")), "a").state.timers == ()


def test_decide__another_order__days_since_the_last_one_begin_anew() -> None:
    rules = compiled(f"rules: [{{id: r, when: {{time.reached: {{customer.last_order_at: 90 days}}}}, {ONE}}}]")
    state = decide(None, order("1", MADE, 5), rules, now(MADE)).state
    assert state.timers == (Timer(at("2026-04-04T23:00Z"), "rule:r"),)
    state = decide(state, order("2", MADE + timedelta(days=10), 5), rules, now(MADE + timedelta(days=10))).state
    assert state.timers == (Timer(at("2026-04-14T23:00Z"), "rule:r"),)


@pytest.mark.parametrize(
    "when",
    [
        Trigger(name="schedule"),
        Trigger(name="schedule", cron="nonsense"),
        Trigger(name="time.reached"),
        Trigger(name="time.reached", reached=Reached(field="customer.spend")),
    ],
)
def test_timed_rule__no_time__is_refused(when: Trigger) -> None:
    with pytest.raises(ValueError, match=r"."):
        timed_rule(Rule(id="r", when=when, then=(AddAttribute(values={"a": ("b",)}),)), "UTC")


def test_decide__crossing__only_in_the_event_that_crosses() -> None:
    rules = compiled(
        "rules: [{id: up, when: order.placed, if: {customer.spend: {crosses: 50}}, then: [{add_attribute: {a: up}}]},"
        "{id: big, when: order.placed, if: {customer.spend_before: {below: 10}}, then: [{add_attribute: {a: first}}]}]"
    )
    state, fired = None, []
    for number, total in enumerate((900, 4_100, 1, 50_000)):
        decision = decide(state, order(str(number), MADE, total), rules, now(MADE))
        state = decision.state
        fired.append([one.source for one in decision.trace.verdicts if one.outcome == "fired"])
    assert fired == [["rule:big"], ["rule:big"], ["rule:up"], []]


def test_decide__crossing_down__by_a_refund_or_a_cancelled_order() -> None:
    rules = compiled(
        "rules: [{id: down, when: order.status_changed, if: {customer.spend: {crosses_down: 50}},"
        " then: [{add_attribute: {a: down}}]}]"
    )
    state = decide(None, order("1", MADE, 6_000), rules, now(MADE)).state
    later = MADE + timedelta(hours=1)
    gone = OrderSnapshot(
        order_id="1", status="cancelled", created_at=MADE, modified_at=later, currency="GBP",
        total=6_000, subtotal=6_000, total_excluding_tax=6_000,
    )  # fmt: skip
    decision = decide(state, event(gone, ORDER_SNAPSHOT, later), rules, now(later))
    assert [one.outcome for one in decision.trace.verdicts] == ["fired"]


def test_activate__crossing_with_past__the_order_that_crossed_then() -> None:
    rules = compiled(
        "rules: [{id: up, when: order.placed, if: {customer.spend: {crosses: 50}}, past: apply,"
        " then: [{add_attribute: {a: up}}]}]"
    )
    state: State | None = None
    for number in range(4):
        state = decide(
            state, order(str(number), MADE + timedelta(days=number), 2_000), None, now(MADE, version=0)
        ).state
    assert state is not None
    adopted = activate(state, rules, now(MADE + timedelta(days=9)), "a").state
    assert adopted.claims.latched["up"].fact_at == MADE + timedelta(days=2)


def test_decide__visits__are_counted_and_leave_with_time() -> None:
    rules = compiled(
        "segments: [{id: often, who: {customer.visits: {above: 1, within: 30 days}}, attributes: {visits: often}}]"
    )
    state = decide(None, customer(), rules, now(MADE)).state
    for number in range(2):
        when = MADE + timedelta(days=number)
        state = decide(state, event(CustomEvent(), "custom.visit", when, f"v{number}"), rules, now(when)).state
    again = decide(state, event(CustomEvent(), "custom.visit", when, "v1"), rules, now(when)).state
    assert again.visits == state.visits
    assert (sum(state.visits.amounts), state.standing.segments) == (2, ("often",))
    assert state.timers == (Timer(at("2026-02-05T00:00Z"), "segment:often"),)
    assert wake(state, rules, now(at("2026-02-05T00:00Z"))).state.standing.segments == ()


def test_decide__visit_before_the_rules_were_there__lies_on_its_day_of_the_stores_zone() -> None:
    rules = compiled("segments: [{id: a, who: {customer.visits: {from: 1, within: 1 day}}, attributes: {a: b}}]")
    visit = at("2026-06-30T23:30Z")  # July in London
    state = decide(None, event(CustomEvent(), "custom.visit", visit, "v"), None, now(visit, version=0)).state
    state = activate(state, rules, now(visit), "a").state
    assert (state.visits.at, state.visits.amounts) == ((int(at("2026-06-30T23:00Z").timestamp()),), (1,))
    assert state.timers == (Timer(at("2026-07-02T23:00Z"), "segment:a"),)


def test_decide__visits_of_long_ago__are_one_number() -> None:
    state = None
    for number, days in enumerate((0, 10, 500)):
        when = MADE + timedelta(days=days)
        state = decide(
            state, event(CustomEvent(), "custom.visit", when, f"v{number}"), None, now(when, version=0)
        ).state
    assert state is not None
    assert (state.visits.at[0], state.visits.amounts) == (0, (2, 1))


def test_decide__ladder_by_a_window__goes_down_with_time() -> None:
    rules = compiled(
        "groups: [{name: Gold}]\ngroup_order: [Gold]\n"
        "ladders: [{id: loyalty, by: {customer.spend: {within: 365 days}}, rungs: [{}, {group: Gold, from: 10}]}]"
    )
    state = decide(None, order("1", MADE, 1_000), rules, now(MADE)).state
    assert state.standing.rungs == {"loyalty": 1}
    assert state.timers == (Timer(at("2027-01-06T00:00Z"), "ladder:loyalty"),)
    woken = wake(state, rules, now(at("2027-01-06T00:00Z"))).state
    assert (woken.standing.rungs, woken.timers) == ({"loyalty": 0}, ())
    assert woken.windows == state.windows  # dropped with the next order


def test_activate__another_window__is_added_up_anew() -> None:
    short = compiled("segments: [{id: a, who: {customer.spend: {from: 10, within: 1 day}}, attributes: {a: b}}]")
    long = compiled("segments: [{id: a, who: {customer.spend: {from: 10, within: 2 years}}, attributes: {a: b}}]")
    state = decide(None, order("1", MADE, 1_000), short, now(MADE)).state
    later = MADE + timedelta(days=30)
    state = decide(wake(state, short, now(later)).state, order("2", later, 1), short, now(later)).state
    assert (state.standing.segments, [one.amounts for one in state.windows]) == ((), [(1,)])
    state = activate(state, long, now(later, version=2), "a").state
    assert (state.standing.segments, [one.amounts for one in state.windows]) == (("a",), [(1_000, 1)])
