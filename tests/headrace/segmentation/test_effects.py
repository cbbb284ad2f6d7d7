"""Effects: once per cause, only for live facts, to those who consented, never by the way."""

from datetime import timedelta

import pytest

from headrace.contracts.effects import effect_id
from headrace.contracts.events import CustomerDeleted, OrderLine, Origin
from tests.headrace.segmentation.acting import DAY, START, Story, compiled, refund

THANKS = compiled(
    """
rules:
- {id: thanks, when: order.placed, if: {order.value: {above: 500}}, then: [{send_email: thank-you}]}
- {id: note, when: order.refunded, then: [{notify_staff: {channel: shop, text: A refund}}]}
"""
)
VIP = compiled(
    """
segments:
- id: vip
  who: {customer.spend: {above: 50}}
  on_enter: [{send_email: welcome}, {webhook: https://erp.example.com/vip, once: customer}]
  on_exit: [{notify_staff: {channel: vip, text: Lost one}}]
"""
)
LADDER = compiled(
    """
ladders:
- id: loyalty
  by: customer.spend
  rungs:
  - {on_exit: [{webhook: https://erp.example.com/left}]}
  - {group: Gold, from: 100, on_enter: [{send_email: gold}], on_exit: [{send_email: sorry}]}
"""
)


def known(rules: object = THANKS, *, subscribed: bool | None = True) -> Story:
    story = Story(rules)  # type: ignore[arg-type]  # compiled rules
    story.customer(subscribed=subscribed)
    return story


def test_rule__order_above__one_effect_for_it() -> None:
    story = known()
    story.order("10", 50_001)
    story.order("11", 50_000)
    (effect,) = story.effects
    assert (effect.kind, effect.entry, effect.key, effect.cause_id) == ("send_email", "rule:thanks", "send_email", "10")
    assert effect.id == effect_id("s:7", "rule:thanks", "send_email", "10")
    assert effect.with_ == {"template": "thank-you"}
    assert effect.version == (1, 2, 0)
    assert effect.expires_at == START + timedelta(hours=24)
    assert effect.consent is not None
    assert (effect.consent.purpose, effect.consent.at) == ("newsletter", START)
    assert (effect.cause.origin, effect.cause.rules) == ("live", ("rule:thanks",))


def test_rule__order_repeated_and_edited__no_second_effect() -> None:
    story = known()
    story.order("10", 50_001)
    story.order("10", 50_001)
    story.order("10", 70_000, START, modified_at=START + DAY)
    assert story.done == [("rule:thanks", "send_email", "10")]


def test_rule__two_refunds_in_one_snapshot__an_effect_each() -> None:
    story = known()
    story.order("10", 900)
    story.order("10", 900, modified_at=START + DAY, refunds=(refund("1", 5, START), refund("2", 6, START)))
    assert story.done == [("rule:note", "notify_staff", "10:1"), ("rule:note", "notify_staff", "10:2")]


@pytest.mark.parametrize("subscribed", [False, None])
def test_marketing__no_consent__withheld_and_said(subscribed: bool | None) -> None:
    story = known(subscribed=subscribed)
    story.order("10", 50_001, refunds=(refund("1", 5, START),))
    assert story.done == [("rule:note", "notify_staff", "10:1")]
    assert story.reasons == [("rule:thanks", "send_email: no consent")]
    assert story.effects[0].consent is None


def test_marketing__guest_without_word__withheld() -> None:
    story = Story(THANKS)
    story.order("10", 50_001)
    assert story.effects == []


@pytest.mark.parametrize("origin", ["backfill", "import"])
def test_origin__not_live__none(origin: Origin) -> None:
    story = known()
    story.order("10", 50_001, origin=origin)
    assert story.effects == []
    assert story.reasons == [("rule:thanks", f"send_email: not for {origin}")]


@pytest.mark.parametrize(
    ("age", "released"), [(timedelta(hours=24) - timedelta(seconds=1), True), (timedelta(hours=24), False)]
)
def test_origin__reconcile__while_the_fact_is_younger_than_max_age(age: timedelta, released: bool) -> None:
    story = known()
    story.now = START + age
    story.order("10", 50_001, START, origin="reconcile")
    assert bool(story.effects) is released


def test_origin__reconcile_before_the_first_clock__none() -> None:
    story = known()
    story.now = None
    story.order("10", 50_001, START, origin="reconcile")
    assert story.effects == []


def test_origin__live_and_old__decided_and_already_past_its_time() -> None:
    story = known()
    story.now = START + 3 * DAY
    story.order("10", 50_001, START)
    assert [effect.expires_at < story.now for effect in story.effects] == [True]


def test_segment__entered__its_cause_is_the_newest_fact() -> None:
    story = known(VIP)
    story.order("10", 6_000, START + DAY)
    assert story.done == [
        ("segment:vip", "send_email", "entered:2026-01-06T09:00:00.000000Z"),
        ("segment:vip", "webhook", ""),
    ]


def test_segment__left_and_entered_again__once_per_entry_and_once_per_customer() -> None:
    story = known(VIP)
    story.order("10", 6_000)
    story.order("10", 6_000, modified_at=START + DAY, refunds=(refund("1", 6_000, START + DAY),))
    story.order("11", 7_000, START + 2 * DAY)
    assert [key for _, key, _ in story.done] == ["send_email", "webhook", "exit.notify_staff", "send_email", "webhook"]
    ids = [effect.id for effect in story.effects]
    assert ids[1] == ids[4]
    assert len(set(ids)) == 4


def test_segment__left_and_entered_by_the_same_fact__the_same_effect() -> None:
    story = known(VIP)
    story.order("10", 6_000)
    story.order("10", 6_000, START, modified_at=START + DAY, status="cancelled")
    story.order("10", 6_000, START, modified_at=START + 2 * DAY, status="completed")
    mails = [effect.id for effect in story.effects if effect.kind == "send_email"]
    assert len(mails) == 2
    assert len(set(mails)) == 1


def test_ladder__rung_changes__what_is_left_speaks_first() -> None:
    story = known(LADDER)
    story.order("10", 10_000)
    story.order("10", 10_000, START, modified_at=START + DAY, status="cancelled")
    assert [key for _, key, _ in story.done] == ["start.exit.webhook", "Gold.send_email", "Gold.exit.send_email"]


def test_activation__segment_over_known_customers__none_but_what_is_named() -> None:
    story = known(compiled(""))
    story.order("10", 6_000)
    story.activation(VIP)
    assert story.effects == []
    assert ("segment:vip", "send_email: not for activation") in story.reasons

    told = known(compiled(""))
    told.order("10", 6_000)
    told.now = START + 30 * DAY
    told.activation(VIP, ("segment:vip",))
    assert [key for _, key, _ in told.done] == ["send_email", "webhook"]
    assert {effect.expires_at for effect in told.effects} == {START + 31 * DAY}


PAST = """
rules:
- {id: thanks, when: order.placed, past: apply, then: [{send_email: thank-you}, {tag: {mailchimp: Buyer}}]}
"""


def test_activation__past_orders__named_on_purpose_each_has_the_cause_it_would_have_had() -> None:
    story = known(compiled(""))
    story.order("10", 6_000)
    story.order("11", 6_000)
    story.activation(compiled(PAST))
    assert story.effects == []
    assert story.state is not None
    assert story.state.claims.latched["thanks"].tags == {"mailchimp": ("Buyer",)}

    told = known(compiled(""))
    told.order("10", 6_000)
    told.order("11", 6_000)
    told.activation(compiled(PAST), ("rule:thanks",))
    assert told.done == [("rule:thanks", "send_email", "10"), ("rule:thanks", "send_email", "11")]


def test_decide__rules_new_to_a_known_customer__only_what_the_event_triggers() -> None:
    story = Story(None)
    story.customer()
    story.order("10", 6_000)
    story.rules = compiled(
        "segments: [{id: vip, who: {customer.spend: {above: 50}}, group: Gold, on_enter: [{webhook: https://a.example}]}]\n"
        "rules: [{id: placed, when: order.placed, then: [{webhook: https://b.example}]}, "
        "{id: moved, when: group.changed, then: [{webhook: https://c.example}]}]"
    )
    story.order("11", 100)
    assert story.state is not None
    assert story.state.emitted.group == "Gold"
    assert story.done == [("rule:placed", "webhook", "11")]
    assert ("rule:moved", "webhook: not for activation") in story.reasons


def test_deleted__rule_on_it__staff_are_told_the_customer_is_not() -> None:
    story = known(
        compiled(
            "rules: [{id: gone, when: customer.deleted, if: {customer.spend: {above: 10}}, then: [{send_email: bye}, "
            "{webhook: https://a.example}, {webhook: https://a.example/later, after: 1 day}]}]"
        )
    )
    story.order("10", 6_000)
    decision = story.happens(CustomerDeleted(customer_id="7"), "customer.deleted", START + DAY)
    assert story.done == [("rule:gone", "webhook", "deleted")]
    assert story.effects[0].version == (1, 3, len(decision.actions))
    assert story.reasons == [("rule:gone", "send_email: no consent")]
    story.happens(CustomerDeleted(customer_id="7"), "customer.deleted", START + DAY)
    assert len(story.effects) == 1


def test_effect__of_a_consumer__carries_its_mapping() -> None:
    story = known(compiled("rules: [{id: r, when: custom.visit, then: [{do: {cards: {print: 3, on: [gold]}}}]}]"))
    story.custom("visit", "visit-1")
    story.custom("visit", "visit-1")
    (effect,) = story.effects
    assert (effect.kind, effect.consumer, effect.with_) == ("do", "cards", {"print": 3, "on": ["gold"]})
    assert effect.cause_id == "visit-1"


def test_effects__rule_asks_for_the_tag_it_gives__every_line_acts_once() -> None:
    """The tag of the first line does not answer for the next one."""
    rules = compiled(
        """
rules:
- id: first
  when: product.ordered
  if: {customer.tags.mailchimp: {has_none: VIP}}
  then: [{notify_staff: {channel: vip, text: New}}, {tag: {mailchimp: VIP}}]
"""
    )
    story = known(rules)
    lines = tuple(OrderLine(id=number, product_id="5", quantity=1, price=1, total=1) for number in "12")
    story.order("1", 2, lines=lines)
    story.order("2", 2, lines=lines)
    assert [cause for _, _, cause in story.done] == ["1:1", "1:2"]
