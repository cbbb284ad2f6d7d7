"""The rule sets that a run of the real evaluator puts in force, one after the other, again and again.

Between them are ladders, latched rules, segments that read labels and purchases, renames, pasts and times.
"""

from typing import Final

from headrace.rules.load import Source, load_texts
from headrace.rules.model import RuleSet

_HEAD: Final = """
store: {timezone: Europe/London, currency: GBP}
groups: [{name: Platinum}, {name: Gold}, {name: Apple}, {name: Silver}, {name: Lapsed}]
group_order: [Platinum, Gold, Apple, Silver, Lapsed]
"""
_BODIES: Final = (
    """
ladders:
  - id: loyalty
    by: customer.spend
    rungs: [{group: Silver}, {group: Gold, from: 500}, {group: Platinum, above: 4000}]
segments:
  - {id: vip, who: {customer.spend: {above: 1000}}, attributes: {tier: VIP}}
  - id: vip-apple
    who: {all: [{customer.attributes.tier: {has_any: [vip]}}, {customer.attributes.interests: {has_any: [apple]}}]}
    tags: {mailchimp: Best}
  - {id: new, who: {customer.created_at: {within_last: 20 days}}, attributes: {age: new}}
  - {id: lapsed, who: {customer.last_order_at: {older_than: 15 days}}, tags: {mailchimp: Lapsed}}
  - {id: hot, who: {customer.first_order_at: {within_last: 36 hours}}, attributes: {mood: hot}}
rules:
  - id: apple-buyers
    when: order.placed
    if: {order.lines: {any: {brand: Apple}}}
    then: [{assign_group: Apple}, {add_attribute: {interests: apple}}]
    past: apply
""",
    """
ladders:
  - {id: loyalty, by: customer.spend, rungs: [{group: Silver}, {group: Gold, from: 800}]}
segments:
  - {id: fans, who: {customer.purchased: {count: {of: {brand: Apple}, from: 3}}}, attributes: {fan: apple}}
  - {id: only-own, who: {customer.purchased: {none: {brand: Apple}}}, tags: {mailchimp: Own}}
  - id: cold
    renamed_from: lapsed
    who: {customer.last_order_at: {older_than: 8 days}}
    tags: {mailchimp: Lapsed}
    group: Lapsed
rules:
  - id: bulk
    when: order.placed
    if: {order.items: {above: 3}}
    then: [{tag: {mailchimp: Bulk}}]
    past: apply
  - id: apple-buyers
    when: order.placed
    if: {order.lines: {any: {brand: Apple}}}
    then: [{assign_group: Apple}, {add_attribute: {interests: apple}}]
    past: ignore
""",
    """
segments:
  - {id: lapsed, renamed_from: cold, who: {customer.orders: {above: 6}}, tags: {mailchimp: Often}}
  - {id: returned, who: {customer.refunds: {above: 10}}, attributes: {returns: often}}
  - {id: awake, who: {not: {customer.last_order_at: {older_than: 3 days}}}, attributes: {mood: awake}}
""",
)


def _rule_set(body: str) -> RuleSet:
    result = load_texts([Source("rules.yaml", _HEAD + body)])
    assert result.rule_set is not None, result.findings
    return result.rule_set


RULE_SETS: Final = tuple(_rule_set(body) for body in _BODIES)


def rule_set_of(version: int) -> RuleSet:
    """What is in force as this version, from 1."""
    return RULE_SETS[(version - 1) % len(RULE_SETS)]
