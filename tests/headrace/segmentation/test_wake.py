"""Time alone: timers set from the facts, fired as of their own due times, whatever the visit's time."""

from datetime import datetime, timedelta

import pytest

from headrace.contracts.actions import Desired
from headrace.contracts.events import CUSTOMER_SNAPSHOT, CustomerSnapshot, Event, decode_event, encode_event, revision
from headrace.rules.load import Source, load_texts
from headrace.segmentation.compiled import CompiledRules, compile_rules
from headrace.segmentation.decide import Context, activate, decide
from headrace.segmentation.state import State, Timer
from headrace.segmentation.wake import wake

MADE = datetime.fromisoformat("2026-01-05T09:00Z")
HEAD = "store: {timezone: Europe/London, currency: GBP}\n"
TWO = """
segments:
  - {id: new, who: {customer.created_at: {within_last: 36 hours}}, attributes: {mood: new}}
  - {id: known, who: {customer.created_at: {older_than: 36 hours}}, tags: {mailchimp: Known}}
  - {id: middle, who: {all: [{customer.created_at: {older_than: 2 days}}, {not: {customer.created_at:
      {older_than: 4 days}}}]}, attributes: {mood: middle}}
"""
DUE = datetime.fromisoformat("2026-01-06T21:00Z")
BEGINS = datetime.fromisoformat("2026-01-08T00:00Z")
ENDS = datetime.fromisoformat("2026-01-10T00:00Z")


def compiled(text: str) -> CompiledRules:
    result = load_texts([Source("rules.yaml", HEAD + text)])
    assert result.rule_set is not None, result.findings
    return compile_rules(result.rule_set)


RULES = compiled(TWO)


def made(subject: str = "s:1") -> Event:
    snapshot = CustomerSnapshot(customer_id="1", created_at=MADE, modified_at=MADE)
    value = encode_event(
        snapshot,
        type=CUSTOMER_SNAPSHOT,
        id="e1",
        store="s",
        subject=subject,
        time=MADE,
        origin="live",
        revision=revision(MADE, MADE),
    )
    return decode_event(value)


def at(now: datetime | None, *, offset: int = 7, version: int = 1) -> Context:
    return Context(1, offset, now, version)


def known() -> State:
    return decide(None, made(), RULES, at(MADE)).state


def test_decide__tests_on_time__a_timer_for_each_segment_that_can_change() -> None:
    decision = decide(None, made(), RULES, at(MADE))
    assert decision.state.timers == (
        Timer(DUE, "segment:known"),
        Timer(DUE, "segment:new"),
        Timer(BEGINS, "segment:middle"),
    )
    assert decision.wake_at == DUE


def test_decide__clock_not_known_yet__time_stands_and_timers_wait() -> None:
    state = decide(None, made(), RULES, at(None)).state
    assert state.standing.segments == ("new",)
    assert wake(state, RULES, at(None)).state is state


def test_decide__facts_long_ago__timers_lie_ahead_only() -> None:
    assert decide(None, made(), RULES, at(MADE + timedelta(days=3))).state.timers == (Timer(ENDS, "segment:middle"),)
    assert decide(None, made(), RULES, at(MADE + timedelta(days=30))).wake_at is None


def test_wake__nothing_due__same_state() -> None:
    state = known()
    decision = wake(state, RULES, at(DUE - timedelta(microseconds=1)))
    assert decision.state is state
    assert decision.actions == ()
    assert decision.wake_at == DUE


def test_wake__exactly_due__timers_of_one_moment_fire_together() -> None:
    state = known()
    decision = wake(state, RULES, at(DUE))
    assert decision.state.standing.segments == ("known",)
    assert [(action.version, action.cause.event, action.cause.origin) for action in decision.actions] == [
        ((1, 7, state.step), "time:2026-01-06T21:00:00.000000Z", "time"),
        ((1, 7, state.step + 1), "time:2026-01-06T21:00:00.000000Z", "time"),
    ]
    assert decision.wake_at == BEGINS


@pytest.mark.parametrize("visits", [[ENDS], [DUE, ENDS], [DUE, BEGINS, ENDS], [BEGINS, ENDS + timedelta(days=900)]])
def test_wake__late_or_often__the_same_actions_and_state(visits: list[datetime]) -> None:
    state, actions = known(), list[Desired]()
    for now in visits:
        decision = wake(state, RULES, at(now))
        state = decision.state
        actions += decision.actions
    moments = [action.cause.event.removeprefix("time:")[:10] for action in actions]
    assert moments == ["2026-01-06", "2026-01-06", "2026-01-08", "2026-01-10"]
    assert len({action.version for action in actions}) == len(actions)
    assert state.timers == ()
    assert state == wake(known(), RULES, at(ENDS)).state


def test_activate__rules_without_time__timers_are_dropped() -> None:
    other = compiled("segments: [{id: new, who: {customer.orders: {from: 1}}, attributes: {mood: new}}]")
    decision = activate(known(), other, at(MADE, offset=9, version=2), "a2")
    assert decision.state.timers == ()
    assert decision.wake_at is None


def test_activate__another_span__timer_is_moved() -> None:
    other = compiled(
        "segments: [{id: new, who: {customer.created_at: {within_last: 1 hour}}, attributes: {mood: new}}]"
    )
    decision = activate(known(), other, at(MADE, offset=9, version=2), "a2")
    assert decision.state.timers == (Timer(MADE + timedelta(hours=1), "segment:new"),)
