"""What actions become: each as it is written in the table, its modifiers, and the names effects go by."""

from typing import Any

import pytest

from headrace.rules.catalogue import ACTIONS
from headrace.rules.effects import EFFECTS
from headrace.rules.load import Source, load_texts
from headrace.rules.model import (
    Action,
    AddTag,
    AssignGroup,
    Duration,
    FrequencyCap,
    Leaf,
    QuietHours,
    RemoveTag,
    RuleSet,
    Send,
    Tag,
    decode_rule_set,
    encode_rule_set,
)
from headrace.rules.parse_effects import MAX_TOLD
from headrace.segmentation.compiled import compile_rules

STORE = "store: {timezone: Europe/London, currency: GBP}\ngroups: [{name: Gold}]\ngroup_order: [Gold]\n"


def load(text: str) -> RuleSet:
    result = load_texts([Source("rules.yaml", STORE + text)])
    assert result.rule_set is not None, result.findings
    return result.rule_set


def then(text: str) -> tuple[Action, ...]:
    (rule,) = load(f"rules: [{{id: r, when: order.placed, past: ignore, then: [{text}]}}]").rules
    return rule.then


def sent(kind: Any, told: dict[str, Any], key: str = "", **more: Any) -> Send:
    return Send(kind=kind, key=key or kind, with_=told, **more)


@pytest.mark.parametrize("name", ACTIONS)
def test_action__example_of_the_table__is_read_compiled_and_comes_back(name: str) -> None:
    rule_set = load(f"rules: [{{id: r, when: order.placed, past: ignore, then: [{ACTIONS[name].example}]}}]")
    compile_rules(rule_set)
    assert decode_rule_set(encode_rule_set(rule_set)) == rule_set


WRITTEN: dict[str, Action] = {
    "{send_email: thank-you}": sent("send_email", {"template": "thank-you"}),
    "{send_email: {template: t, to: customer}}": sent("send_email", {"template": "t", "to": "customer"}),
    "{send_email: {template: t, with: {a: 1, b: '1', c: [true, 1e5, 02], d: {e: null}}}}": sent(
        "send_email", {"template": "t", "with": {"a": 1, "b": "1", "c": [True, "1e5", "02"], "d": {"e": None}}}
    ),
    "{send_email: {template: t, with: {coupon: {percent: 10, for: next_order}}}}": sent(
        "send_email", {"template": "t", "with": {"coupon": {"percent": 10, "for": "next_order"}}}
    ),
    "{start_sequence: {name: welcome, platform: omnisend}}": sent(
        "start_sequence", {"name": "welcome", "platform": "omnisend"}
    ),
    "{stop_sequence: {name: welcome, platform: omnisend}}": sent(
        "stop_sequence", {"name": "welcome", "platform": "omnisend"}
    ),
    "{issue_coupon: {amount: 5.50, expires: 6 months}}": sent(
        "issue_coupon",
        {"amount": {"amount_minor": 550, "currency": "GBP"}, "expires": {"count": 6, "unit": "month"}},
    ),
    "{notify_staff: {to: [a@shop.example, b@shop.example], text: A refund}}": sent(
        "notify_staff", {"to": ["a@shop.example", "b@shop.example"], "text": "A refund"}
    ),
    "{webhook: https://erp.example.com/vip}": sent("webhook", {"url": "https://erp.example.com/vip"}),
    "{export_row: {file: back.csv, columns: [customer, order.value, customer.spend]}}": sent(
        "export_row", {"file": "back.csv", "columns": ["customer", "order.value", "customer.spend"]}
    ),
    "{do: {cards: {print: gold}}}": sent("do", {"print": "gold"}, consumer="cards"),
    "{send_email: t, once: customer, key: thanks}": sent("send_email", {"template": "t"}, "thanks", once="customer"),
    "{assign_group: Gold, after: 30 days, unless: {customer.orders: 2}}": AssignGroup(
        group="Gold",
        after=Duration(count=30, unit="day"),
        unless=Leaf(field="customer.orders", operator="is", operand=2),
    ),
    "{add_to_list: {klaviyo: [News, VIP]}}": AddTag(
        tags=(Tag(platform="klaviyo", name="News", list=True), Tag(platform="klaviyo", name="VIP", list=True))
    ),
    "{remove_from_list: [{sendgrid: News}]}": RemoveTag(tags=(Tag(platform="sendgrid", name="News", list=True),)),
    "{untag: {omnisend: VIP}}": RemoveTag(tags=(Tag(platform="omnisend", name="VIP"),)),
}


@pytest.mark.parametrize("text", WRITTEN)
def test_action__as_written__read(text: str) -> None:
    assert then(text) == (WRITTEN[text],)


def test_keys__several_of_a_kind__numbered_around_those_that_are_named() -> None:
    named = then("{send_email: a}, {send_email: b, key: send_email-2}, {send_email: c}, {webhook: https://a.example}")
    assert [one.key for one in named if isinstance(one, Send)] == [
        "send_email",
        "send_email-2",
        "send_email-3",
        "webhook",
    ]


def test_segment__lists_and_turns__each_effect_by_its_own_name() -> None:
    (segment,) = load(
        "segments: [{id: s, who: {customer.orders: 1}, tags: {mailchimp: A}, lists: {mailchimp: A}, "
        "on_enter: [{send_email: a}], on_exit: [{send_email: b}, {send_email: c, once: customer}]}]"
    ).segments
    assert segment.tags == (Tag(platform="mailchimp", name="A"), Tag(platform="mailchimp", name="A", list=True))
    assert segment.on_enter == (sent("send_email", {"template": "a"}, once="entry"),)
    assert [(one.key, one.once) for one in segment.on_exit if isinstance(one, Send)] == [
        ("exit.send_email", "entry"),
        ("exit.send_email-2", "customer"),
    ]


def test_ladder__effects_of_rungs__named_by_the_group_or_the_bound() -> None:
    (ladder,) = load(
        "ladders: [{id: l, by: customer.spend, rungs: [{on_exit: [{webhook: https://a.example}]}, "
        "{above: 5, on_enter: [{send_email: a}]}, {group: Gold, from: 9, on_enter: [{send_email: b}]}]}]"
    ).ladders
    keys = [one.key for rung in ladder.rungs for one in (*rung.on_enter, *rung.on_exit) if isinstance(one, Send)]
    assert keys == ["start.exit.webhook", "above-500.send_email", "Gold.send_email"]


def test_sending__top_level__read() -> None:
    rule_set = load(
        "max_age: 2 days\nquiet_hours: {from: 21:00, to: 08:00}\nfrequency_cap: {at_most: 3, per: 7 days}\n"
    )
    assert rule_set.max_age == Duration(count=2, unit="day")
    assert rule_set.quiet_hours == QuietHours(start="21:00", end="08:00")
    assert rule_set.frequency_cap == FrequencyCap(count=3, per=Duration(count=7, unit="day"))


def test_rule_set__without_any_of_it__has_the_bytes_it_had() -> None:
    encoded = encode_rule_set(load("segments: [{id: s, who: {customer.orders: 1}, tags: {mailchimp: A}}]")).decode()
    assert [word for word in ("max_age", "quiet", "on_enter", "after", "list", "effect") if word in encoded] == []


def test_told__more_than_an_effect_carries__refused() -> None:
    text = f"rules: [{{id: r, when: order.placed, then: [{{do: {{cards: {{a: {'x' * MAX_TOLD}}}}}}}]}}]"
    findings = load_texts([Source("rules.yaml", STORE + text)]).findings
    assert [finding.code for finding in findings if finding.severity == "error"] == ["too_many"]


@pytest.mark.parametrize("verb", ["start_sequence", "stop_sequence"])
def test_sequence__platform_where_no_call_starts_one__refused_with_what_to_do_instead(verb: str) -> None:
    text = f"rules: [{{id: r, when: order.placed, then: [{{{verb}: {{name: welcome, platform: sendgrid}}}}]}}]"
    (found,) = [one for one in load_texts([Source("rules.yaml", STORE + text)]).findings if one.severity == "error"]
    assert found.code == "unknown_choice"
    assert "add_to_list: {sendgrid: NAME}" in found.hint


def test_effects__every_kind_with_a_table__has_an_action() -> None:
    assert set(EFFECTS) | {"do"} == {name for name, spec in ACTIONS.items() if spec.operand in ("effect", "own")}
