"""Whether an occurrence fires a rule, for what, and whether that told anything new."""

from headrace.segmentation.compiled_entries import CompiledRule
from headrace.segmentation.facts import Facts
from headrace.segmentation.state import Claims
from headrace.segmentation.triggers import Occurrence


def wakes(rule: CompiledRule, occurrence: Occurrence) -> bool:
    """The occurrence is one the rule waits for."""
    when = rule.when
    if rule.any_of_its_kind and occurrence.rule is None:
        return when.name == occurrence.trigger
    return (
        when.name == occurrence.trigger
        and (occurrence.rule is None or occurrence.rule == rule.id)
        and (when.from_ is None or when.from_ == occurrence.from_)
        and (when.to is None or when.to == occurrence.to)
        and (when.status is None or when.status == occurrence.to)
    )


def is_met(rule: CompiledRule, facts: Facts, occurrence: Occurrence) -> bool:
    """Whether the rule's condition holds for an occurrence that it waits for."""
    if rule.met is None:
        return True
    facts.order, facts.lines, facts.event = occurrence.order, occurrence.lines, occurrence.event
    return rule.met(facts)


def causes_of(rule: CompiledRule, facts: Facts, occurrence: Occurrence) -> list[str]:
    """What a rule that goes line by line acts for: each line of the occurrence that the condition asks for."""
    found = []
    for line in occurrence.lines:
        facts.lines = (line,)
        if rule.condition is None or rule.condition.holds(facts):
            found.append(f"{occurrence.cause}:{line.id}")
    return found


def same_but_newer(rule: str, before: Claims, after: Claims) -> bool:
    """The rule claims what it claimed already; only its newest fact is another."""
    was, now = before.latched.get(rule), after.latched.get(rule)
    return (
        was is not None
        and now is not None
        and (was.group, was.attributes, was.tags) == (now.group, now.attributes, now.tags)
        and (before.manual, before.barred_attributes, before.barred_tags)
        == (after.manual, after.barred_attributes, after.barred_tags)
        and all(latch is after.latched.get(other) for other, latch in before.latched.items() if other != rule)
    )
