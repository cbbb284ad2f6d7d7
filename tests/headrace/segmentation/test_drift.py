"""A customer moved in the store by somebody else, and a rule set that takes customers over."""

import pytest

from headrace.contracts.actions import DesiredGroup
from headrace.segmentation.drift import REASON
from headrace.segmentation.explain import explain
from headrace.segmentation.history import read_history
from tests.headrace.segmentation.paged import NEVER, ONLY_PAGES, limited
from tests.headrace.segmentation.story import GROUPS, Story, moment

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


@pytest.mark.parametrize("drift", ["overwrite", "pin"])
def test_drift__late_write_of_a_group_told_between__is_our_own(drift: str) -> None:
    """Silver, Gold, Silver: the second write arrives after the third was told, while the store shows the first."""
    story = Story(f"drift: {drift}\n{GROUPS}{LADDER}")
    story.customer(at="2026-03-01 10:00")
    story.order("1", 1000, at="2026-03-01 10:01")
    story.customer(group="Silver", at="2026-03-01 10:02")
    story.order("1", 1000, at="2026-03-01 10:03", status="cancelled")
    story.customer(group="Gold", at="2026-03-01 10:20")
    story.customer(group="Silver", at="2026-03-01 10:21")
    assert story.told == ["Silver", "Gold", "Silver"]
    assert (story.state.pin, story.group) == (None, "Silver")
    story.customer(group="Wholesale", at="2026-03-01 10:30")
    assert story.told[3:] == {"overwrite": ["Silver"], "pin": ["Wholesale"]}[drift], "nobody told this one"


def test_drift__our_write_arrives_after_somebody_put_her_where_we_want_her_next__is_our_own() -> None:
    story = Story(f"drift: pin\n{GROUPS}{LADDER}")
    story.customer(at="2026-03-01 10:00")
    story.customer(group="Gold", at="2026-03-01 10:01")
    story.order("1", 1000, at="2026-03-01 10:02")
    story.customer(group="Silver", at="2026-03-01 10:10")
    assert (story.told, story.state.pin) == (["Silver", "Gold"], None)


@pytest.mark.parametrize(("after", "pinned"), [("10:03", False), ("10:05", True)])
def test_drift__taken_back_by_hand_after_our_write_was_there__is_drift_from_a_minute_on(
    after: str, *, pinned: bool
) -> None:
    """Upgraded by a rule, seen in the store, put back by a person."""
    story = story_with_upgrade()
    story.customer(group="Silver", at=f"2026-03-01 {after}")
    assert (story.state.pin is not None) is pinned


def test_drift__an_old_group__is_drift_a_day_later_also_when_it_came_and_went() -> None:
    story = story_with_upgrade()
    story.order("1", 1000, at="2026-03-01 11:00", status="cancelled")
    story.order("2", 1000, at="2026-03-01 12:00")
    story.customer(group="Silver", at="2026-03-03 12:01")
    assert story.state.pin is not None


def story_with_upgrade() -> Story:
    """Silver, then Gold, which the store has since 10:03."""
    story = Story(f"drift: pin\n{GROUPS}{LADDER}")
    story.customer(at="2026-03-01 10:00")
    story.customer(group="Silver", at="2026-03-01 10:01")
    story.order("1", 1000, at="2026-03-01 10:02")
    story.customer(group="Gold", at="2026-03-01 10:03")
    return story


def test_drift__the_stores_default_group_for_a_new_customer__is_none() -> None:
    groups = "groups: [{name: Gold}, {name: Silver}, {name: Retail}]\ngroup_order: [Gold, Silver]\n"
    story = Story(f"drift: pin\ndefault_group: Retail\n{groups}{LADDER}")
    story.customer(group="", created_at=moment("2026-03-01 10:00"), at="2026-03-01 10:00")
    story.customer(group="Silver", created_at=moment("2026-03-01 10:00"), at="2026-03-01 10:01")
    story.customer(group="Retail", created_at=moment("2026-03-01 10:00"), at="2026-03-01 10:02")
    assert story.state.pin is None


@pytest.mark.parametrize(
    ("drift", "group", "told", "moved_to"),
    [
        ("report", "Wholesale", ["drift Wholesale"], "Wholesale"),
        ("report", "", ["drift "], ""),
        ("overwrite", "Wholesale", ["drift Wholesale"], "Wholesale"),
        ("pin", "Wholesale", ["drift Wholesale", "group Wholesale"], None),
    ],
)
def test_drift__is_in_the_history_and_explained__until_the_store_has_the_desired_group(
    drift: str, group: str, told: list[str], moved_to: str | None
) -> None:
    story = story_with(drift)
    before = len(list(read_history(story.state, story)))
    story.customer(group=group, at="2026-03-05 10:00")
    new = list(read_history(story.state, story))[before:]
    assert [f"{change.kind} {change.name}" for change in new] == told
    assert {change.at for change in new} == {story.now}
    assert explain(story.state, story.rules).moved_to == moved_to
    story.customer(group=story.group or "")
    assert explain(story.state, story.rules).moved_to is None


def test_explain__what_we_told_has_not_arrived_yet__nobody_moved_anybody() -> None:
    story = story_with("report")
    story.order("1", 1000)
    assert (story.group, explain(story.state, story.rules).moved_to) == ("Gold", None)


@pytest.mark.parametrize(
    ("drift", "told", "drifts"),
    [
        ("report", [], ["Wholesale", "Gold"]),
        ("overwrite", ["Silver", "Silver"], ["Wholesale", "Gold"]),
        ("pin", ["Wholesale", "Gold"], ["Wholesale", "Gold"]),
    ],
)
def test_drift__moved_again_before_the_desired_group_was_there__is_drift_again(
    drift: str, told: list[str], drifts: list[str]
) -> None:
    for limits in (NEVER, ONLY_PAGES):
        with limited(limits):
            story = story_with(drift)
            for group in ("Wholesale", "Wholesale", "Gold", "Gold"):
                story.customer(group=group)
        changes = read_history(story.state, story)
        assert (story.told[1:], [one.name for one in changes if one.kind == "drift"]) == (told, drifts)


def test_drift__its_entry_went_to_a_page__is_still_told() -> None:
    with limited(ONLY_PAGES):
        story = story_with("report")
        story.customer(group="Wholesale")
    assert story.state.history_pages > 0
    assert explain(story.state, story.rules, pages=story).moved_to == "Wholesale"


def test_drift__moved_and_then_another_group_is_wanted__the_old_write_that_arrives_is_our_own() -> None:
    story = story_with("pin")
    story.apply(f"drift: report\n{GROUPS}{LADDER}")
    story.customer(group="Wholesale")
    story.order("1", 1000)
    story.customer(group="Silver")
    assert (story.told, story.state.pin) == (["Silver", "Gold"], None)
    assert sum(one.kind == "drift" for one in read_history(story.state, story)) == 1
