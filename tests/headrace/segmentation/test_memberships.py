"""Memberships as the rules read them: the group with its kind and ERP id, segments and rungs, and since when."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from headrace.segmentation.state import Timer
from tests.headrace.segmentation.story import Story, moment

LADDER = "ladders: [{id: loyalty, by: customer.spend, rungs: [{group: Silver}, {group: Gold, from: 1000}]}]\n"


def reading(who: str, more: str = "") -> str:
    """A segment `seen` of whom this is true."""
    return f"{LADDER}segments:\n  - {{id: seen, who: {who}, attributes: {{seen: 'yes'}}}}\n{more}"


@pytest.mark.parametrize(("pounds", "seen"), [(999.99, False), (1000.00, True), (1000.01, True)])
@pytest.mark.parametrize(
    "who",
    [
        "{customer.group: Gold}",
        "{customer.group: {in: [Wholesale, gold]}}",
        "{customer.group: {not_in: [Silver]}}",
        "{not: {customer.group: Silver}}",
        "{customer.kind: B2C}",
        "{customer.kind: {is_set: true}}",
        "{customer.on_rung: Gold}",
        "{customer.on_rung: loyalty/Gold}",
        "{customer.on_rung: loyalty/2}",
        "{customer.on_rung: {is_not: Silver}}",
        "{customer.on_rung: {in: [Gold, loyalty/2]}}",
    ],
)
def test_membership__of_the_rung__as_the_walk_has_come_to_it(who: str, pounds: float, seen: bool) -> None:
    story = Story(reading(who))
    story.customer()
    story.order("1", pounds)
    assert (story.segments() == ("seen",)) is seen


@pytest.mark.parametrize(
    ("who", "observed", "seen"),
    [
        ("{customer.group: Press}", "Press", True),
        ("{customer.group: PRESS}", "Press", True),
        ("{customer.group: Press}", "Silver", False),
        ("{customer.group: {is_set: true}}", "", True),
        ("{customer.kind: {is_unset: true}}", "", True),
        ("{customer.kind: {is_not: B2B}}", "Press", True),
        ("{customer.erp_id: w-1}", "Press", False),
    ],
)
def test_membership__of_the_group__desired_where_ours_else_the_stores(
    who: str, observed: str, seen: bool
) -> None:  # a row
    story = Story(reading(who))
    story.customer(group=observed)
    assert (story.segments() == ("seen",)) is seen


def test_membership__erp_id__of_the_group_somebody_is_pinned_to() -> None:
    story = Story(reading("{customer.erp_id: w-1}"))
    story.customer()
    story.pin("Wholesale")
    assert story.segments() == ("seen",)


def test_membership__guest_or_unknown__has_no_group() -> None:
    story = Story(reading("{customer.group: {is_set: true}}"), key="shop:guest-ab")
    story.order("1", 5000)
    assert story.segments() == ()
    known = Story(reading("{customer.group: {is_set: true}}"))
    known.order("1", 5000)
    assert known.segments() == ()


@pytest.mark.parametrize(
    ("test", "seen"),
    [
        ("vip", True),
        ("{is_not: vip}", False),
        ("{in: [staff, vip]}", True),
        ("{not_in: [staff]}", True),
        ("{not_in: [staff, vip]}", False),
    ],
)
def test_membership__of_a_segment__in_any_order_of_the_file(test: str, seen: bool) -> None:
    more = (
        "  - {id: vip, who: {customer.spend: {above: 100}}, attributes: {tier: vip}}\n"
        "  - {id: staff, who: {customer.email_domain: shop.com}, attributes: {tier: staff}}\n"
    )
    story = Story(reading(f"{{customer.in_segment: {test}}}", more))
    story.customer()
    story.order("1", 100.01)
    assert ("seen" in story.segments()) is seen


SINCE = "{customer.in_segment: {is: vip, since: 30 days}}"
VIP = "  - {id: vip, who: {customer.spend: {above: 100}}, attributes: {tier: vip}}\n"


def test_since__nothing_happens__holds_from_the_edge_on() -> None:
    story = Story(reading(SINCE, VIP))
    story.customer()
    story.order("1", 100.01, at="2026-03-01T15:00")
    assert story.state.standing.since["vip"] == moment("2026-03-01T15:00")
    edge = "2026-03-31T23:00"  # midnight of 1 April in London, after the clocks went forward
    assert story.timers() == (Timer(moment(edge), "segment:seen"),)
    story.wait("2026-03-31T22:59:59.999999")
    assert story.segments() == ("vip",)
    story.wait(edge)
    assert story.segments() == ("seen", "vip")
    assert story.timers() == ()


def test_since__left_and_entered_again__counts_anew() -> None:
    story = Story(reading(SINCE, VIP))
    story.customer()
    story.order("1", 100.01, at="2026-01-05T15:00")
    story.order("1", 100.00, at="2026-02-03T15:00")
    assert story.timers() == ()
    story.order("1", 100.01, at="2026-02-03T16:00")
    story.wait("2026-02-20")
    assert story.segments() == ("vip",)
    story.wait("2026-03-06")
    assert story.segments() == ("seen", "vip")
    story.order("1", 99.00)
    assert story.segments() == ()


def test_since__exact_hours_on_a_rung__of_the_rung_not_of_the_ladder() -> None:
    story = Story(reading("{customer.on_rung: {is: Gold, since: 36 hours}}"))
    story.customer(at="2026-01-05T00:00")
    story.order("1", 1000, at="2026-01-06T12:00")
    story.wait("2026-01-07T23:59:59")
    assert story.segments() == ()
    story.wait("2026-01-08T00:00")
    assert story.segments() == ("seen",)


def test_since__complement__is_exact() -> None:
    story = Story(reading("{customer.in_segment: {is_not: vip, since: 30 days}}", VIP))
    story.customer()
    assert story.segments() == ("seen",)
    story.order("1", 100.01, at="2026-01-05")
    assert story.segments() == ("seen", "vip")
    story.wait("2026-02-05")
    assert story.segments() == ("vip",)


def test_since__other_rules_same_segment__the_time_goes_on_by_its_new_name() -> None:
    story = Story(reading(SINCE, VIP))
    story.customer()
    story.order("1", 100.01, at="2026-01-05T15:00")
    story.apply(
        reading(
            "{customer.in_segment: {is: best, since: 30 days}}",
            "  - {id: best, renamed_from: vip, who: {customer.spend: {above: 99}}, attributes: {tier: vip}}\n",
        ),
        at="2026-01-20",
    )
    assert story.state.standing.since["best"] == moment("2026-01-05T15:00")
    story.wait("2026-02-05")
    assert story.segments() == ("best", "seen")


def test_since__kept_by_nobody__counts_from_the_next_rule_set() -> None:
    """As with a state from a release that did not keep it."""
    story = Story(reading(SINCE, VIP))
    story.customer()
    story.order("1", 100.01)
    story.state = replace(story.state, standing=replace(story.state.standing, since={}))
    story.apply(reading(SINCE, VIP), at="2026-05-01")
    assert story.state.standing.since["vip"] == moment("2026-05-01")


ENTRIES = {
    "ladders": [
        "{id: points, by: customer.orders, rungs: [{attributes: {p: a}}, {attributes: {p: b}, from: 2}]}",
        "{id: tiers, by: customer.spend, rungs: [{}, {group: Wholesale, above: 250}], demote: never}",
    ],
    "segments": [
        "{id: vip, who: {customer.spend: {above: 100}}, group: Gold, attributes: {tier: vip}}",
        "{id: gold, who: {customer.group: Gold}, tags: {mailchimp: G}}",
        "{id: both, who: {all: [{customer.in_segment: gold}, {customer.tags.mailchimp: G}]}, attributes: {both: a}}",
        "{id: rung, who: {customer.on_rung: points/2}, attributes: {rung: a}}",
        "{id: none, who: {not: {customer.in_segment: both}}, attributes: {none: a}}",
    ],
    "rules": [
        "{id: bought, when: order.placed, past: ignore, then: [{assign_group: Silver}, {add_attribute: {seen: a}}]}",
        "{id: turned, when: {attribute.changed: tier}, then: [{add_attribute: {turned: a}}]}",
        "{id: moved, when: {group.changed: {to: Gold}}, then: [{add_attribute: {moved: a}}]}",
        "{id: again, when: {attribute.changed: moved}, if: {customer.kind: B2C}, then: [{add_attribute: {again: a}}]}",
    ],
}


def written(entries: dict[str, list[str]]) -> str:
    return "".join(f"{key}:\n" + "".join(f"  - {one}\n" for one in several) for key, several in entries.items())


shuffles = st.fixed_dictionaries({key: st.permutations(several) for key, several in ENTRIES.items()})


@settings(max_examples=60)
@given(shuffles, st.lists(st.integers(1, 300), max_size=4), st.sampled_from(["", "Gold", "Press"]))
def test_membership__entries_in_any_order__same_result(
    entries: dict[str, list[str]], orders: list[int], pinned: str
) -> None:
    """No rule here reads what another rule sets, but by waiting for its change."""
    shuffled, plain = Story(written(entries)), Story(written(ENTRIES))
    for story in (shuffled, plain):
        story.customer(group="Press" if pinned == "Press" else "")
        for number, pounds in enumerate(orders):
            story.order(str(number), pounds)
        if pinned == "Gold":
            story.pin("Gold")
    assert shuffled.segments() == plain.segments()
    assert (shuffled.told, shuffled.attributes) == (plain.told, plain.attributes)
    assert (shuffled.state.claims, shuffled.state.standing) == (plain.state.claims, plain.state.standing)
    assert shuffled.state.emitted.tags == plain.state.emitted.tags
