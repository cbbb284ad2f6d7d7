"""What entries set and read of each other, circles of them, and their order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from headrace.rules.dependencies import awaits, find_circle, in_order, reads, writes
from headrace.rules.load import Source, load_texts
from headrace.rules.model import Leaf, RuleSet, Segment, Store, Tag


def segment(name: str, field: str, attribute: str = "", tag: str = "") -> Segment:
    return Segment(
        id=name,
        who=Leaf(field=field, operator="has_any", operand=("x",)),
        attributes={attribute: ("x",)} if attribute else {},
        tags=(Tag(platform="mailchimp", name=tag),) if tag else (),
    )


def rule_set(*segments: Segment) -> RuleSet:
    return RuleSet(store=Store(timezone="Europe/London", currency="GBP"), segments=segments)


def test_find_circle__chain__none() -> None:
    chain = rule_set(
        segment("c", "customer.attributes.b", attribute="c"),
        segment("b", "customer.attributes.a", attribute="b"),
        segment("a", "customer.attributes.other", attribute="a"),
    )
    assert find_circle(chain) is None


def test_find_circle__three_entries__from_the_first_in_the_file() -> None:
    circle = find_circle(
        rule_set(
            segment("one", "customer.tags.mailchimp", attribute="a"),
            segment("two", "customer.attributes.A", attribute="b"),
            segment("three", "customer.attributes.b", tag="T"),
        )
    )
    assert circle is not None
    assert circle.entries == ("one", "two", "three")
    assert circle.through == ("customer.attributes.a", "customer.attributes.b", "customer.tags.mailchimp")


LOADED = (
    "store: {timezone: Europe/London, currency: GBP}\n"
    "groups: [{name: Gold}, {name: Silver}]\ngroup_order: [Gold, Silver]\n"
    "ladders: [{id: l, by: customer.spend, rungs: ["
    "{attributes: {Tier: low}, tags: {mailchimp: T}}, {group: Gold, from: 9}]}]\n"
    "segments:\n"
    "  - {id: s, who: {all: [{customer.kind: {is_set: true}}, {customer.on_rung: l/Gold}]}, attributes: {a: b}}\n"
    "  - {id: t, who: {customer.in_segment: {is_not: s, since: 2 days}}, attributes: {a: b}}\n"
    "  - {id: u, who: {customer.pinned: true}, attributes: {a: b}}\n"
    "rules:\n"
    "  - {id: r, when: order.placed, if: {not: {any: [{customer.attributes.Tïer: x}, {customer.orders: 1}]}},"
    " then: [{untag: {mailchimp: T}}, {remove_attribute: {Size: L}}]}\n"
    "  - {id: g, when: {group.changed: {to: Silver}}, then: [{tag: {mailchimp: T}}]}\n"
    "  - {id: h, when: {attribute.changed: Sïze}, then: [{tag: {mailchimp: T}}]}\n"
)


def test_reads_and_writes__of_every_entry__labels_by_folded_name() -> None:
    loaded = load_texts([Source("rules.yaml", LOADED)])
    assert loaded.rule_set is not None, loaded.findings
    (ladder,), segments, rules = loaded.rule_set.ladders, loaded.rule_set.segments, loaded.rule_set.rules
    assert writes(ladder) == {"customer.attributes.tier", "customer.tags.mailchimp", "group", "ladder:l", "rung:Gold"}
    assert reads(ladder) == set()
    assert [reads(one) for one in segments] == [
        {"group", "rung:l/Gold", "ladder:l"},
        {"segment:s"},
        set(),
    ]
    assert writes(segments[0]) == {"customer.attributes.a", "segment:s"}
    assert reads(rules[0]) == {"customer.attributes.tier"}
    assert writes(rules[0]) == {"customer.attributes.size", "customer.tags.mailchimp"}
    assert [awaits(rule) for rule in rules] == [set(), {"group"}, {"customer.attributes.size"}]


def test_in_order__who_sets_comes_first__else_rules_segments_ladders_as_written() -> None:
    loaded = load_texts([Source("rules.yaml", LOADED)])
    assert loaded.rule_set is not None
    assert in_order(loaded.rule_set) == (
        "segment:u",
        "ladder:l",
        "rule:r",
        "rule:g",
        "rule:h",
        "segment:s",
        "segment:t",
    )


names = st.sampled_from("abcdef")
chains = st.lists(
    st.builds(segment, names.map(lambda _: ""), names.map(lambda n: f"customer.attributes.{n}"), attribute=names),
    max_size=8,
)


@given(chains)
def test_circles_and_order__any_segments__one_is_refused_exactly_where_the_other_is_found(made: list[Segment]) -> None:
    rules = rule_set(*(replace(one, id=f"s{number}") for number, one in enumerate(made)))
    if find_circle(rules) is not None:
        with pytest.raises(ValueError, match="in a circle"):
            in_order(rules)
        return
    place = {source: number for number, source in enumerate(in_order(rules))}
    assert len(place) == len(rules.segments)
    for one in rules.segments:
        for other in rules.segments:
            if reads(one) & writes(other):
                assert place[f"segment:{other.id}"] < place[f"segment:{one.id}"]
