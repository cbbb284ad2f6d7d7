"""Pins: they win over everything, also move who is not ours, and end by themselves."""

import pytest

from headrace.segmentation.state import Timer
from tests.headrace.segmentation.story import Story, moment

LADDER = "ladders: [{id: loyalty, by: customer.spend, rungs: [{group: Silver}, {group: Gold, from: 1000}]}]\n"
PINNED = LADDER + "segments: [{id: watched, who: {customer.pinned: true}, attributes: {watched: 'yes'}}]\n"


def test_pin__against_the_rules__wins_until_it_is_taken_off() -> None:
    story = Story(LADDER)
    story.customer()
    assert story.group == "Silver"
    story.pin("Wholesale")
    story.order("1", 5000)
    assert story.told == ["Silver", "Wholesale"]
    story.unpin()
    assert story.told == ["Silver", "Wholesale", "Gold"]


def test_pin__names_itself_as_the_cause() -> None:
    story = Story(LADDER)
    story.customer()
    (action,) = story.pin("Wholesale").actions
    assert action.cause.rules == ("pin",)


def test_pin__customer_in_a_group_that_is_not_ours__is_moved_too() -> None:
    story = Story(LADDER)
    story.customer(group="Press")
    assert story.group is None
    story.pin("Gold")
    assert story.told == ["Gold"]
    story.customer(group="Gold")
    story.unpin()
    assert story.told == ["Gold", "Silver"]


def test_pin__before_the_customer_is_seen__waits_for_the_first_snapshot() -> None:
    story = Story(LADDER)
    story.pin("Gold")
    story.order("1", 5)
    assert story.told == []
    story.customer(group="")
    assert story.told == ["Gold"]


@pytest.mark.parametrize(("at", "group"), [("2026-02-01T11:59:59.999999", "Gold"), ("2026-02-01T12:00", "Silver")])
def test_pin__until__ends_at_that_moment_without_any_event(at: str, group: str) -> None:
    story = Story(PINNED)
    story.customer()
    story.pin("Gold", until="2026-02-01T12:00")
    assert story.timers() == (Timer(moment("2026-02-01T12:00"), "pin"),)
    assert story.segments() == ("watched",)
    story.wait(at)
    assert story.group == group
    assert story.segments() == (("watched",) if group == "Gold" else ())
    assert (story.state.pin is None) is (group == "Silver")


def test_pin__pinned_again__the_newest_counts_with_its_end() -> None:
    story = Story(LADDER)
    story.customer()
    story.pin("Gold", until="2026-02-01")
    story.pin("Wholesale")
    assert story.timers() == ()
    story.wait("2027-01-01")
    assert story.group == "Wholesale"


def test_pin__end_already_over__changes_nothing() -> None:
    story = Story(LADDER)
    story.customer(at="2026-03-01")
    story.pin("Gold", until="2026-02-01")
    assert (story.told, story.state.pin, story.timers()) == (["Silver"], None, ())


def test_pin__group_leaves_the_rules_and_comes_back__counts_while_it_is_there() -> None:
    story = Story(LADDER)
    story.customer()
    story.pin("Gold")
    story.apply(
        "groups: [{name: Silver}]\ngroup_order: [Silver]\n"
        "ladders: [{id: loyalty, by: customer.spend, rungs: [{group: Silver}]}]"
    )
    assert story.group == "Silver"
    story.apply(LADDER)
    assert story.group == "Gold"


def test_pin__told_twice__once() -> None:
    """A repeated delivery of the pin after the unpin does not pin again."""
    story = Story(LADDER)
    story.customer()
    story.pin("Gold")
    story.unpin()
    recent = story.state.recent
    story.offset = 1  # the ids of the pin and the unpin come again
    story.pin("Gold")
    assert (story.group, story.state.recent) == ("Silver", recent)


def test_pin__guest__has_no_group() -> None:
    story = Story(LADDER, key="shop:guest-ab")
    story.order("1", 5)
    story.pin("Gold")
    assert story.told == []
