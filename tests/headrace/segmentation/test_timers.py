"""Timers: those kept are those that would be computed anew."""

from collections.abc import Callable

import pytest

from headrace.segmentation.entries import Walk
from headrace.segmentation.facts import Facts
from headrace.segmentation.timers import next_timers
from tests.headrace.segmentation.story import Story

RULES = """
calendars: {spring: {every_year: {from: 03-01, to: 05-31}}}
segments:
  - {id: quiet, tags: {mailchimp: quiet}, who: {customer.last_order_at: {older_than: 60 days}}}
  - {id: new, tags: {mailchimp: new}, who: {customer.created_at: {within_last: 90 days}}}
  - {id: busy, tags: {mailchimp: busy}, who: {customer.orders: {from: 2, within: 30 days}}}
  - id: grown
    who: {all: [customer.created_at: {older_than: 5 days}, customer.orders: {from: 2}]}
    tags: {mailchimp: grown}
  - {id: season, tags: {mailchimp: season}, who: {all: [calendar: spring, customer.orders: {from: 1}]}}
  - id: lasting
    who: {any: [customer.last_order_at: {within_last: 30 days}, customer.last_order_at: {older_than: 60 days}]}
    tags: {mailchimp: lasting}
  - id: both
    who: {all: [customer.in_segment: {is: new, since: 10 days}, customer.in_segment: busy]}
    tags: {mailchimp: both}
ladders:
  - {id: year, by: {customer.spend: {within: 365 days}}, rungs: [{group: Silver}, {group: Gold, from: 100}]}
rules:
  - {id: monday, when: {schedule: "0 9 * * 1"}, then: [{tag: {mailchimp: Monday}}]}
"""


@pytest.mark.parametrize("seen", range(1, 7))
def test_next_timers__only_some_parts_changed__the_same_as_all_anew(seen: int) -> None:
    story = Story(RULES)
    steps: tuple[Callable[[], object], ...] = (
        story.customer,
        lambda: story.order("1", 60, at="2026-01-05T09:00"),
        lambda: story.order("2", 60, at="2026-01-08T09:00"),
        lambda: story.customer(at="2026-01-20T09:00"),
        lambda: story.order("1", 10, at="2026-02-20T09:00"),
        lambda: story.order("3", 500, at="2026-06-20T09:00"),
    )
    for step in steps[:seen]:
        step()
    facts = Facts(story.state, story.rules.spend)
    facts.now = story.now
    Walk(story.rules, story.state.claims, story.state.standing, offset=0).bind(facts)
    assert story.state.timers == next_timers((), story.rules, facts, None)
