"""Actions made ready: which are claims of the moment, and what the others are called."""

from headrace.segmentation.compiled_actions import explain_action
from tests.headrace.segmentation.acting import compiled

RULES = compiled(
    """
rules:
- id: r
  when: order.placed
  past: ignore
  then:
  - {assign_group: New}
  - {assign_group: Gold, after: 1 day}
  - {tag: {mailchimp: A}, after: 36 hours}
  - {tag: {mailchimp: B}}
  - {tag: {mailchimp: C}, after: 2 months}
  - {do: {cards: {print: gold}}, key: tag}
"""
)


def test_compile_actions__claims_at_once_and_the_rest__each_with_a_name_of_its_own() -> None:
    rule = RULES.rules["r"]
    assert len(rule.then) == 6
    assert [type(action).__name__ for action in rule.at_once] == ["AssignGroup", "AddTag"]
    assert [action.key for action in rule.acts] == ["assign_group-2", "tag-2", "tag-4", "tag"]
    assert set(RULES.waiting) == {("rule:r", "assign_group-2"), ("rule:r", "tag-2"), ("rule:r", "tag-4")}


def test_explain_action__in_words() -> None:
    assert [explain_action(action) for action in RULES.rules["r"].acts] == [
        "assign_group, after 1 day",
        "tag, after 36 hours",
        "tag, after 2 months",
        "do cards",
    ]
