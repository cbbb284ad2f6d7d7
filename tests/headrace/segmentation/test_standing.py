"""What a new rule set leaves of segments, rungs and graces; ladders from the file to the timer."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.segmentation.state import Standing, Timer
from tests.headrace.segmentation.story import Story, moment

BY = "by: customer.spend, rungs: [{group: Silver}, {group: Gold, from: 1000}, {group: Wholesale, above: 5000}]"
ONE_STEP = f"ladders: [{{id: loyalty, {BY}, demote: one_step, grace: 30 days}}]\n"


def on_top(rules: str = ONE_STEP) -> Story:
    """At 5000.01 on 5 January."""
    story = Story(rules)
    story.customer()
    story.order("1", 5000.01, at="2026-01-05T09:00")
    assert story.group == "Wholesale"
    return story


def test_ladder__refund_and_silence__down_one_rung_at_the_end_of_each_grace() -> None:
    story = on_top()
    story.order("1", 10, at="2026-01-10T09:00")
    assert story.group == "Wholesale"
    assert story.timers() == (Timer(moment("2026-02-10"), "ladder:loyalty"),)
    story.wait("2026-02-09T23:59:59.999999")
    assert story.group == "Wholesale"
    story.wait("2026-02-10")
    assert story.group == "Gold"
    story.wait("2026-12-24")
    assert story.group == "Silver"
    assert story.state.standing.since == {"ladder:loyalty": moment("2026-03-13")}
    assert not story.timers()
    assert not story.state.standing.below


@pytest.mark.parametrize(("pounds", "group"), [(5000.00, "Gold"), (5000.01, "Wholesale"), (5000.02, "Wholesale")])
def test_ladder__recovered_or_not_by_a_cent__before_the_grace_ends(pounds: float, group: str) -> None:
    story = on_top()
    story.order("1", 4000, at="2026-01-10T09:00")
    story.order("1", pounds, at="2026-02-09T09:00")
    assert (story.timers() == ()) is (group == "Wholesale")
    story.wait("2026-02-10")
    assert story.group == group


def test_ladder__never__only_up() -> None:
    story = on_top(f"ladders: [{{id: loyalty, {BY}, demote: never}}]\n")
    story.order("1", 0)
    story.wait("2036-01-01")
    assert (story.group, story.timers()) == ("Wholesale", ())


def test_activate__other_grace__the_running_one_ends_by_the_new_length() -> None:
    story = on_top()
    story.order("1", 10, at="2026-01-10T09:00")
    story.apply(ONE_STEP.replace("30 days", "10 days"), at="2026-01-12")
    assert story.timers() == (Timer(moment("2026-01-21"), "ladder:loyalty"),)
    story.apply(ONE_STEP.replace("30 days", "1 days"), at="2026-01-13")
    assert story.group == "Gold"
    assert story.state.standing.below == {"loyalty": moment("2026-01-13")}


def test_activate__grace_taken_away__down_at_once() -> None:
    story = on_top()
    story.order("1", 10, at="2026-01-10T09:00")
    story.apply(f"ladders: [{{id: loyalty, {BY}}}]\n")
    assert (story.group, story.timers(), story.state.standing.held) == ("Silver", (), {})


def test_activate__ladder_renamed__rung_grace_and_time_go_on() -> None:
    story = on_top()
    story.order("1", 10, at="2026-01-10T09:00")
    story.apply(ONE_STEP.replace("id: loyalty", "id: tiers, renamed_from: loyalty"), at="2026-01-12")
    assert story.state.standing == Standing(
        rungs={"tiers": 2},
        since={"ladder:tiers": moment("2026-01-05T09:00")},
        below={"tiers": moment("2026-01-10T09:00")},
        held={"tiers": "Wholesale"},
    )
    assert story.told == ["Silver", "Wholesale"]


@pytest.mark.parametrize(
    ("rungs", "group"),
    [
        ("{group: Silver}, {group: Wholesale, above: 5000}", "Wholesale"),
        (
            "{group: Silver}, {from: 5, tags: {mailchimp: T}}, {group: Gold, from: 9}, {group: Wholesale, above: 5000}",
            "Wholesale",
        ),
        ("{group: Silver}, {group: Gold, from: 1000}", "Gold"),
    ],
)
def test_activate__rungs_come_or_go__the_kept_one_is_known_by_its_group(rungs: str, group: str) -> None:
    never = "ladders: [{id: loyalty, by: customer.spend, demote: never, rungs: [%s]}]\n"
    story = on_top(f"ladders: [{{id: loyalty, {BY}, demote: never}}]\n")
    story.order("1", 10)
    story.apply(never % rungs)
    assert story.group == group


def test_activate__entries_gone__nothing_of_them_is_kept() -> None:
    story = on_top(ONE_STEP + "segments: [{id: vip, who: {customer.spend: {from: 1}}, attributes: {a: b}}]\n")
    story.order("1", 10)
    story.apply("segments: [{id: other, who: {customer.spend: {from: 1}}, attributes: {a: b}}]\n")
    assert story.state.standing == Standing(("other",), {}, {"other": story.now})


days = st.lists(st.tuples(st.integers(0, 50), st.sampled_from([10, 999.99, 1000, 5000, 5000.01])), max_size=8)


@settings(max_examples=60)
@given(days, st.lists(st.integers(0, 400), max_size=5))
def test_ladder__looked_at_whenever__the_same(course: list[tuple[int, float]], looks: list[int]) -> None:
    """More looks at a silent customer change nothing: what time does, timers do."""
    ends = moment("2027-06-01")
    watched, silent = Story(ONE_STEP), Story(ONE_STEP)
    happening: list[tuple[str, float | None]] = [
        ((moment("2026-01-01") + timedelta(days=day)).isoformat(), None) for day in looks
    ]
    at = moment("2026-01-02")
    for gap, pounds in course:
        at += timedelta(days=gap)
        happening.append((at.isoformat(), pounds))
    for story in (watched, silent):
        story.customer()
    for when, spent in sorted(happening, key=lambda one: (one[0], one[1] is None)):
        if spent is not None:
            watched.order("1", spent, at=when)
            silent.order("1", spent, at=when)
        else:
            watched.wait(when)
    watched.wait(ends.isoformat())
    silent.wait(ends.isoformat())
    assert watched.state.standing == silent.state.standing
    assert (watched.group, watched.told) == (silent.group, silent.told)
