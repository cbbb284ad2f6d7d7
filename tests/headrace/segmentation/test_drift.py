"""A customer moved in the store by somebody else, and a rule set that takes customers over."""

import pytest

from headrace.contracts.actions import DesiredGroup
from headrace.segmentation.drift import REASON
from tests.headrace.segmentation.story import GROUPS, Story

LADDER = "ladders: [{id: loyalty, by: customer.spend, rungs: [{group: Silver}, {group: Gold, from: 1000}]}]\n"


def story_with(drift: str) -> Story:
    """The store has the customer where we wanted her."""
    story = Story(f"drift: {drift}\n{GROUPS}{LADDER}")
    story.customer()
    story.customer(group="Silver")
    assert story.told == ["Silver"]
    return story


@pytest.mark.parametrize(
    ("drift", "told", "group"),
    [
        ("report", ["Silver"], "Silver"),
        ("overwrite", ["Silver", "Silver"], "Silver"),
        ("pin", ["Silver", "Wholesale"], "Wholesale"),
    ],
)
def test_drift__moved_to_one_of_our_groups__as_the_rule_set_says(drift: str, told: list[str], group: str) -> None:
    story = story_with(drift)
    decision = story.customer(group="Wholesale")
    assert (story.told, story.group) == (told, group)
    assert [verdict.source for verdict in decision.trace.verdicts if verdict.outcome == "drifted"] == ["drift"]
    groups = [action for action in decision.actions if isinstance(action, DesiredGroup)]
    assert [action.overwrite for action in groups] == {"report": [], "overwrite": [True], "pin": [False]}[drift]
    story.order("1", 1000)
    assert story.group == ("Wholesale" if drift == "pin" else "Gold")


def test_drift__pinned__says_where_it_comes_from_and_is_taken_off_like_any() -> None:
    story = story_with("pin")
    story.customer(group="Gold")
    assert story.state.pin is not None
    assert (story.state.pin.group, story.state.pin.reason) == ("Gold", REASON)
    story.unpin()
    assert story.group == "Silver"


def test_drift__moved_to_no_group__pinned_to_none() -> None:
    story = story_with("pin")
    story.customer(group="")
    assert (story.group, story.told) == ("", ["Silver", ""])


@pytest.mark.parametrize("drift", ["report", "overwrite", "pin"])
def test_drift__moved_to_a_group_that_is_not_ours__hands_off(drift: str) -> None:
    story = story_with(drift)
    story.customer(group="Press")
    assert (story.told, story.state.pin) == (["Silver", None], None)


@pytest.mark.parametrize("drift", ["report", "overwrite", "pin"])
def test_drift__what_we_wanted_has_not_arrived_yet__is_none(drift: str) -> None:
    story = Story(f"drift: {drift}\n{GROUPS}{LADDER}")
    story.customer()
    story.order("1", 1000)
    for group in ("", "Silver", "Gold"):
        story.customer(group=group)
    assert story.told == ["Silver", "Gold"]
    assert not any(verdict.outcome == "drifted" for verdict in story.verdicts)


def test_take_over__customer_in_a_group_that_is_not_ours__is_moved() -> None:
    story = Story(LADDER)
    story.customer(group="Press")
    story.apply(LADDER)
    assert story.told == []
    story.apply(LADDER, take_over=True)
    assert story.told == ["Silver"]
    story.order("1", 1000)
    assert story.told == ["Silver", "Gold"]
    assert story.state.emitted.taken


def test_take_over__store_has_her_where_we_want__later_moves_by_hand_are_kept_again() -> None:
    story = Story(LADDER)
    story.customer(group="Press")
    story.apply(LADDER, take_over=True)
    story.customer(group="Silver")
    assert not story.state.emitted.taken
    story.customer(group="Press")
    assert story.told == ["Silver", None]


def test_take_over__customer_who_is_ours__nothing_to_remember() -> None:
    story = Story(LADDER)
    story.customer()
    story.apply(LADDER, take_over=True)
    assert not story.state.emitted.taken


def test_take_over__known_by_orders_only__holds_when_the_group_shows() -> None:
    story = Story(LADDER)
    story.order("1", 5)
    story.apply(LADDER, take_over=True)
    story.customer(group="Press")
    assert story.told == ["Silver"]
