"""Rules that wait for a change of an attribute or of the group, seen within the decision that brings it."""

import pytest

from tests.headrace.segmentation.story import Story

LADDER = "ladders: [{id: loyalty, by: customer.spend, rungs: [{group: Silver}, {group: Gold, from: 1000}]}]\n"


def on_group(narrowed: str = "", more: str = "") -> str:
    when = f"{{group.changed: {narrowed}}}" if narrowed else "group.changed"
    return f"{LADDER}{more}rules: [{{id: r, when: {when}, then: [{{add_attribute: {{moved: 'yes'}}}}]}}]"


def fired(story: Story) -> int:
    return sum(verdict.source == "rule:r" and verdict.outcome == "fired" for verdict in story.verdicts)


@pytest.mark.parametrize(
    ("narrowed", "times"),
    [
        ("", 3),
        ("{from: Silver}", 1),
        ("{to: Silver}", 2),
        ("{from: Silver, to: Gold}", 1),
        ("{from: Gold, to: Silver}", 1),
        ("{to: Wholesale}", 0),
    ],
)
def test_group_changed__by_our_own_decision__once_a_move(narrowed: str, times: int) -> None:
    story = Story(on_group(narrowed))
    story.customer()
    story.order("1", 1000)
    story.customer(group="Gold")  # the store's echo is no move
    story.order("1", 999.99)
    story.customer(group="Silver")
    assert story.told == ["Silver", "Gold", "Silver"]
    assert fired(story) == times


def test_group_changed__seen_for_the_first_time_in_the_right_group__is_no_change() -> None:
    story = Story(on_group())
    story.customer(group="Silver")
    assert fired(story) == 0


def test_group_changed__seen_for_the_first_time_elsewhere__is_none_until_the_store_moves_her() -> None:
    story = Story(on_group("{from: Press, to: Radio}"))
    story.customer(group="Press")
    assert fired(story) == 0
    story.customer(group="Radio")
    assert fired(story) == 1


def test_group_changed__somebody_moved_her_in_the_store__tells_of_it() -> None:
    story = Story(on_group("{from: Silver, to: Gold}"))
    story.customer()
    story.customer(group="Silver")
    story.customer(group="Gold")
    assert fired(story) == 1
    assert story.group == "Silver"


def test_group_changed__late_echo_of_our_own__is_no_change() -> None:
    story = Story(on_group())
    story.customer()
    story.order("1", 1000)
    before = fired(story)
    story.customer(group="Silver")  # the first of our two moves arrives
    assert fired(story) == before


@pytest.mark.parametrize("narrowed", ["{to: Gold}", "{from: Silver}"])
def test_group_changed__pin_and_its_end__both_tell(narrowed: str) -> None:
    story = Story(on_group(narrowed))
    story.customer()
    story.pin("Gold", until="2026-02-01")
    story.wait("2026-02-01")
    assert fired(story) == 1
    assert story.told == ["Silver", "Gold", "Silver"]


def test_group_changed__by_a_new_rule_set__fires_at_its_marker() -> None:
    story = Story(LADDER)
    story.customer()
    story.order("1", 1000)
    lower = on_group("{from: Gold, to: Silver}").replace("from: 1000", "from: 2000")
    story.apply(lower)
    assert fired(story) == 1


ON_TIER = (
    "segments: [{id: vip, who: {customer.spend: {above: 100}}, attributes: {tier: vip}}]\n"
    "rules: [{id: r, when: {attribute.changed: tier}, if: {customer.attributes.tier: {has_any: [vip, boss]}},"
    " then: [{tag: {mailchimp: VIP}}]}]"
)


def test_attribute_changed__entered_and_left__fires_where_the_condition_holds() -> None:
    story = Story(ON_TIER)
    story.customer()
    assert fired(story) == 0
    story.order("1", 100.01)
    assert fired(story) == 1
    story.order("2", 50)
    assert fired(story) == 1
    story.order("1", 0)
    assert fired(story) == 1
    assert story.state.emitted.tags == {"mailchimp": ("VIP",)}


def test_attribute_changed__set_by_hand__fires_and_spelling_is_no_change() -> None:
    story = Story(ON_TIER)
    story.customer()
    story.attribute("tier", "Boss")
    assert fired(story) == 1
    story.attribute("tier", "BOSS")
    assert fired(story) == 1
    story.attribute("tier", "Boss", "vip")
    assert fired(story) == 2


def test_attribute_changed__set_by_another_rule__seen_in_the_same_decision() -> None:
    story = Story(
        "rules:\n"
        "  - {id: r, when: {attribute.changed: tier}, then: [{add_attribute: {seen: 'yes'}}]}\n"
        "  - {id: first, when: order.placed, then: [{add_attribute: {tier: buyer}}]}\n"
    )
    story.customer()
    decision = story.order("1", 5)
    assert story.attributes == {"seen": ("yes",), "tier": ("buyer",)}
    assert decision.state.claims.latched["r"].fact_at == story.now
    story.order("2", 5)
    assert fired(story) == 1


def test_derived__older_orders_of_a_new_rule__do_not_wake_it() -> None:
    story = Story(LADDER)
    story.customer()
    story.order("1", 500)
    story.apply(
        "rules: [{id: r, when: {attribute.changed: tier}, then: [{add_attribute: {seen: 'yes'}}]},"
        " {id: b, when: order.placed, past: apply, then: [{add_attribute: {tier: buyer}}]}]"
    )
    assert fired(story) == 1
    assert story.attributes == {"seen": ("yes",), "tier": ("buyer",)}
