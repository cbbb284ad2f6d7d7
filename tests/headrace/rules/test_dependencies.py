"""Circles of entries through attributes and tags."""

from headrace.rules.dependencies import find_circle, reads, writes
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


def test_reads_and_writes__of_rules_and_ladders__fields_by_folded_name() -> None:
    loaded = load_texts(
        [
            Source(
                "rules.yaml",
                "store: {timezone: Europe/London, currency: GBP}\n"
                "ladders: [{id: l, by: customer.spend, rungs: [{attributes: {Tier: low}, tags: {mailchimp: T}}]}]\n"
                "rules: [{id: r, when: order.placed, if: {not: {any: [{customer.attributes.Tïer: x},"
                " {customer.orders: 1}]}}, then: [{untag: {mailchimp: T}}, {remove_attribute: {Size: L}}]}]\n",
            )
        ]
    ).rule_set
    assert loaded is not None
    assert writes(loaded.ladders[0]) == {"customer.attributes.tier", "customer.tags.mailchimp"}
    assert reads(loaded.ladders[0]) == set()
    assert reads(loaded.rules[0]) == {"customer.attributes.tier"}
    assert writes(loaded.rules[0]) == {"customer.attributes.size", "customer.tags.mailchimp"}
