"""Actions that wait: until the second they are due, unless something speaks against it, or the reason is gone."""

from datetime import datetime, timedelta

import pytest

from headrace.contracts.events import CustomerDeleted, Origin
from headrace.segmentation.explain import explain
from headrace.segmentation.state import Pending
from tests.headrace.segmentation.acting import DAY, START, Story, compiled, refund

SECOND = timedelta(seconds=1)
LATER = """
rules:
- id: review
  when: order.placed
  then: [{send_email: review, after: %s, unless: {customer.orders: {above: 1}}}]
"""
REVIEW = compiled(LATER % "36 hours")
DUE = START + timedelta(hours=36)


def placed(rules: object = REVIEW, *, origin: Origin = "live") -> Story:
    story = Story(rules)  # type: ignore[arg-type]  # compiled rules
    story.customer()
    story.order("10", 6_000, origin=origin)
    return story


def test_after__fired__waits_and_wakes_the_customer() -> None:
    story = placed()
    assert story.effects == []
    assert story.state is not None
    assert story.state.pending == (Pending(DUE, "rule:review", "send_email", "10", START, "live"),)
    assert story.decisions[-1].wake_at == DUE
    assert story.reasons == [("rule:review", "send_email until 2026-01-06 21:00 UTC")]


def test_explain__what_waits__with_its_time_and_its_cause() -> None:
    story = placed()
    assert story.state is not None
    (one,) = explain(story.state, REVIEW, now=START).waiting
    assert (one.rule, one.action) == (
        "rule:review",
        "send_email review, after 36 hours, unless customer.orders above 1",
    )
    assert (one.cause, one.due) == ("10", DUE)


def test_after__a_second_before_it_is_due__nothing() -> None:
    story = placed()
    story.time(DUE - SECOND)
    assert story.effects == []


def test_after__due__done_for_its_cause() -> None:
    story = placed()
    story.time(DUE)
    (effect,) = story.effects
    assert (effect.cause_id, effect.fact_at, effect.decided_at) == ("10", START, DUE)
    assert effect.expires_at == DUE + DAY
    assert effect.cause.origin == "time"
    assert effect.cause.event == "time:2026-01-06T21:00:00.000000Z"
    assert story.state is not None
    assert story.state.pending == ()
    assert story.decisions[-1].wake_at is None


def test_after__looked_at_late__done_as_of_its_time_while_young_enough() -> None:
    story = placed()
    story.time(DUE + DAY - SECOND)
    assert [effect.decided_at for effect in story.effects] == [DUE]

    story = placed()
    story.time(DUE + DAY)
    assert story.effects == []
    assert ("rule:review", "send_email: too old") in story.reasons


def test_unless__holds_when_due__not_done() -> None:
    story = placed()
    story.now = DUE - SECOND
    story.order("11", 100, origin="backfill")
    story.time(DUE)
    assert story.effects == []
    assert story.reasons[-1] == ("rule:review", "send_email review, after 36 hours, unless customer.orders above 1")


def test_unless__held_before_and_not_when_due__done() -> None:
    story = placed()
    story.order("11", 100, origin="backfill")
    story.order("11", 100, origin="backfill", status="cancelled", modified_at=START + timedelta(hours=1))
    story.time(DUE)
    assert [cause for _, _, cause in story.done] == ["10"]


def test_unless__event_at_the_moment_it_is_due__comes_after_it() -> None:
    story = placed()
    story.now = DUE
    story.order("11", 100, origin="backfill")
    assert [cause for _, _, cause in story.done] == ["10"]


def test_consent__withdrawn_meanwhile__withheld_when_due() -> None:
    story = placed()
    story.now = DUE - SECOND
    story.customer(START + DAY, subscribed=False)
    story.time(DUE)
    assert story.effects == []
    assert story.reasons[-1] == ("rule:review", "send_email: no consent")


@pytest.mark.parametrize("origin", ["backfill", "import"])
def test_after__fact_that_releases_nothing__does_not_wait(origin: Origin) -> None:
    story = placed(origin=origin)
    assert story.state is not None
    assert story.state.pending == ()


@pytest.mark.parametrize(
    ("placed_at", "after", "due"),
    [
        ("2026-03-28T15:30Z", "1 day", "2026-03-29T14:30Z"),  # the clocks of London were put forward in between
        ("2026-10-24T14:30Z", "1 day", "2026-10-25T15:30Z"),
        ("2026-03-28T01:30Z", "1 day", "2026-03-29T01:30Z"),  # 01:30 is skipped there
        ("2026-01-31T12:00Z", "1 month", "2026-02-28T12:00Z"),
    ],
)
def test_after__days__same_time_of_day_in_the_store_s_zone(placed_at: str, after: str, due: str) -> None:
    story = Story(compiled(LATER % after), now=datetime.fromisoformat(placed_at))
    story.customer()
    story.order("10", 6_000)
    assert story.decisions[-1].wake_at == datetime.fromisoformat(due)
    story.time(datetime.fromisoformat(due))
    assert len(story.effects) == 1


WELCOME = """
rules:
- id: welcome
  when: customer.created
  past: ignore
  then: [{assign_group: New}, {assign_group: Regular, after: 30 days}]
"""


@pytest.mark.parametrize("origin", ["live", "import"])
def test_claim__after__done_whatever_the_origin(origin: Origin) -> None:
    story = Story(compiled(WELCOME))
    story.customer(origin=origin)
    assert story.state is not None
    assert story.state.emitted.group == "New"
    story.time(START + 30 * DAY - timedelta(seconds=1))
    assert story.state.emitted.group == "New"
    story.time(START + 30 * DAY)
    assert story.state.emitted.group == "Regular"
    assert story.state.claims.latched["welcome"].fact_at == START


SEGMENT = """
segments:
- id: vip
  who: {customer.spend: {above: 50}}
  on_enter: [{send_email: still-here, after: %s}]
  on_exit: [{send_email: come-back, after: 7 days}]
"""


def test_segment__left_before_it_is_due__no_longer_waits() -> None:
    story = placed(compiled(SEGMENT % "30 days"))
    story.order("10", 6_000, modified_at=START + DAY, refunds=(refund("1", 6_000, START + DAY),))
    assert story.state is not None
    assert [one.key for one in story.state.pending] == ["exit.send_email"]
    story.order("11", 6_000, START + 2 * DAY)
    assert [one.key for one in story.state.pending] == ["send_email"]


def test_segment__left_at_the_moment_it_is_due__leaving_comes_first() -> None:
    rules = compiled(
        "segments: [{id: new, who: {customer.created_at: {within_last: 720 hours}}, "
        "on_enter: [{send_email: late, after: 720 hours}, {send_email: early, after: 719 hours}]}]"
    )
    story = Story(rules)
    story.customer()
    story.time(START + 40 * DAY)
    assert story.effects == [], "29 days are 11 days ago"
    story = Story(rules)
    story.customer()
    for hour in range(1, 721):
        story.time(START + timedelta(hours=hour))
    assert [effect.with_["template"] for effect in story.effects] == ["early"]


def test_new_rules__what_is_still_asked_for__waits_on_by_the_new_time() -> None:
    story = placed()
    story.activation(compiled(LATER % "48 hours"))
    assert story.decisions[-1].wake_at == START + timedelta(hours=48)
    story.now = START + timedelta(hours=40)
    story.activation(compiled(LATER % "2 hours"))
    assert story.decisions[-1].wake_at == START + timedelta(hours=40), "at once, not in the past"


def test_new_rules__entry_or_after_is_gone__no_longer_waits() -> None:
    story = placed()
    story.activation(compiled("rules: [{id: review, when: order.placed, then: [{send_email: review}]}]"))
    assert story.state is not None
    assert story.state.pending == ()
    assert story.effects == []


def test_new_rules__renamed_entry__waits_under_the_new_name() -> None:
    story = placed()
    story.activation(compiled((LATER % "36 hours").replace("id: review", "id: ask\n  renamed_from: review")))
    story.time(DUE)
    assert [(entry, cause) for entry, _, cause in story.done] == [("rule:ask", "10")]


def test_after__named_activation__counts_from_the_activation() -> None:
    story = placed(compiled(""))
    story.now = START + 90 * DAY
    story.activation(compiled(SEGMENT % "36 hours"), ("segment:vip",))
    story.time(START + 90 * DAY + timedelta(hours=36))
    assert [(key, cause) for _, key, cause in story.done] == [("send_email", "entered:2026-01-05T09:00:00.000000Z")]


def test_deleted__while_it_waits__nothing_is_left() -> None:
    story = placed()
    story.happens(CustomerDeleted(customer_id="7"), "customer.deleted", START + DAY)
    assert story.state is not None
    assert story.state.pending == ()
    story.time(DUE)
    assert story.effects == []
