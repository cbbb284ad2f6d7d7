"""A rule set looked at leaf by leaf: whether each holds, its value, what it says, when time may change it.

Each leaf is compiled by the very code that decides, on its own, and asked of a settled customer.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from headrace.rules.model import Each, Leaf
from headrace.segmentation.compiled import CompiledRules, summing_of
from headrace.segmentation.conditions.registry import CompiledCondition, compile_condition
from headrace.segmentation.entries import Walk
from headrace.segmentation.explaining.tree import Test, entries_of, said, tests_of
from headrace.segmentation.explaining.values import Reader, Value, reader_of
from headrace.segmentation.facts import LINE_LIST, PURCHASED, Facts
from headrace.segmentation.orders import sum_up
from headrace.segmentation.pages import Pages
from headrace.segmentation.state import State

_NO_OFFSET: Final = -1


@dataclass(frozen=True, slots=True)
class _Looked:
    condition: CompiledCondition
    value: Reader


class Lens:
    """The leaves of one rule set, ready to ask. `tests`: all of them, each once."""

    def __init__(self, rules: CompiledRules) -> None:
        found = {said(test): test for entry in entries_of(rules.rule_set) for _, test in tests_of(entry)}
        self.tests: tuple[Test, ...] = tuple(found.values())
        singles = [one_element(test) for test in self.tests if isinstance(test, Each)]
        found |= {said(test): test for test in singles}
        terms = rules.terms
        self._rules = rules
        self._looked = {
            key: _Looked(
                compile_condition(test, terms), reader_of(test, terms) if isinstance(test, Leaf) else lambda facts: None
            )
            for key, test in found.items()
        }
        self._summing = summing_of(rules.rule_set.spend, terms)  # that of the rules, where no leaf asked for more

    def facts(self, state: State, now: datetime | None, pages: Pages) -> Facts:
        """What the leaves may read of a settled customer; an order of a trigger is set by who has one."""
        facts = Facts(sum_up(state, self._summing, pages), self._rules.spend)
        facts.now = now
        Walk(self._rules, state.claims, state.standing, offset=_NO_OFFSET).run((), facts, ())
        return facts

    def holds(self, test: Test, facts: Facts) -> bool:
        """Whether this leaf alone does."""
        return self._looked[said(test)].condition.holds(facts)

    def value(self, leaf: Leaf, facts: Facts) -> Value:
        """What the leaf compares with its operand."""
        return self._looked[said(leaf)].value(facts)

    def text(self, test: Test) -> str:
        """The leaf in words, without anything that identifies a person."""
        return self._looked[said(test)].condition.text

    def next_change(self, test: Test, facts: Facts) -> datetime | None:
        """When time alone changes whether it holds."""
        following = self._looked[said(test)].condition.next_change
        return None if following is None else following(facts)


def one_element(each: Each) -> Each:
    """What a test on a list asks of one element; of a purchased line as of an order's."""
    return Each(field=LINE_LIST if each.field == PURCHASED else each.field, quantifier="any", of=each.of)
