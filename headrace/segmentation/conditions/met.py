"""Whether what the facts hold of an occurrence meets a rule's condition."""

from collections.abc import Callable
from typing import Final

from headrace.segmentation.conditions.registry import CompiledCondition
from headrace.segmentation.conditions.tree import Asked, Tree
from headrace.segmentation.facts import Facts

Met = Callable[[Facts], bool]
PRODUCT_ORDERED: Final = "product.ordered"
"""Of this trigger every line is one that a rule may act for."""


def asked_of(trigger: str, condition: CompiledCondition) -> Tree:
    """The condition as an occurrence of this trigger is asked it: `product.ordered` line by line, one is enough."""
    if trigger != PRODUCT_ORDERED:
        return condition.tree
    one_by_one = condition.one_by_one
    if one_by_one is not None:
        return Asked(lambda facts: one_by_one(facts.lines))
    return Asked(_of_one_line(condition.holds))


def compile_met(trigger: str, condition: CompiledCondition | None) -> Met | None:
    """The same of one rule alone; None: always."""
    if condition is None:
        return None
    tree = asked_of(trigger, condition)
    return tree.holds if isinstance(tree, Asked) else condition.holds


def _of_one_line(holds: Met) -> Met:
    def of_one_line(facts: Facts) -> bool:
        lines, met = facts.lines, False
        for line in lines:
            facts.lines = (line,)
            if holds(facts):
                met = True
                break
        facts.lines = lines  # who is asked next is asked about all of them
        return met

    return of_one_line
