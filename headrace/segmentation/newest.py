"""The past folded by its newest orders: where a rule claims the same whenever it fires, the newest fact alone counts.

It comes to the claims of `activation.fold_past`, without the firings before. That rules are such is found out once.
"""

from datetime import datetime
from typing import Final

from headrace.rules.model import RemoveAttribute, RemoveTag
from headrace.segmentation.claims import fire
from headrace.segmentation.compiled import CompiledRules
from headrace.segmentation.compiled_entries import CompiledRule
from headrace.segmentation.entries import Walk
from headrace.segmentation.facts import Facts
from headrace.segmentation.firing import is_met, wakes
from headrace.segmentation.opened import Opened
from headrace.segmentation.pages import Pages
from headrace.segmentation.state import State
from headrace.segmentation.triggers import past_triggers

_AS_OLD_AS_THE_ORDER: Final = frozenset(
    {"order.placed", "product.ordered", "order.backordered", "order.reached", "order.paid", "order.cancelled"}
)
"""Triggers whose fact is the order itself."""
_MOVING: Final = frozenset({"ledger", "labels"})
"""What is another from order to order while the past is folded."""


def only_newest_matters(rules: CompiledRules) -> bool:
    """Whether the rules that go over the past neither read what they come to, nor take anything away, nor act."""
    return all(_is_plain(rule) for rule in rules.rules.values() if rule.past)


class NewestFold:
    """As `activation.fold_past`, of these orders."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened

    def __call__(
        self,
        state: State,
        rules: CompiledRules,
        due: frozenset[str],
        *,
        offset: int,
        now: datetime | None,
        pages: Pages,
    ) -> Walk:
        """Each rule fired at most once, and without a verdict. `pages` are the orders'."""
        facts = Facts(state, rules.spend)
        facts.now, facts.before = now, state
        walk = Walk(rules, state.claims, state.standing, offset=offset)
        numbers = self._newest_first()
        for rule in rules.entries:
            if isinstance(rule, CompiledRule) and rule.id in due:
                fact_at = self._newest_met(rule, facts, numbers)
                if fact_at is not None:
                    walk.claims = fire(walk.claims, rule.id, rule.at_once, fact_at=fact_at, offset=offset)
        return walk

    def _newest_first(self) -> list[int]:
        made = [entry.created_at for entry in self._opened.entries]
        return sorted(range(len(made)), key=made.__getitem__, reverse=True)

    def _newest_met(self, rule: CompiledRule, facts: Facts, numbers: list[int]) -> datetime | None:
        """When the newest order that the rule fires for was made."""
        opened, wanted = self._opened, frozenset((rule.when.name,))
        ids, entries, lines = list(opened.state.ledger), opened.entries, opened.lines
        for number in numbers:
            for one in past_triggers(ids[number], entries[number], wanted, lines[number]):
                if wakes(rule, one) and is_met(rule, facts, one):
                    return one.fact_at
        return None


def _is_plain(rule: CompiledRule) -> bool:
    return (
        rule.when.name in _AS_OLD_AS_THE_ORDER
        and not rule.acts
        and not any(isinstance(action, RemoveAttribute | RemoveTag) for action in rule.then)
        and (rule.condition is None or rule.condition.reads.isdisjoint(_MOVING))
    )
