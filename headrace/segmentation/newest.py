"""The past folded by its newest orders: where a rule claims the same whenever it fires, the newest fact alone counts.

It comes to the claims of `activation.fold_past`, without the firings before. That rules are such is found out once.
"""

from datetime import datetime
from operator import itemgetter
from typing import Final

from headrace.rules.model import RemoveAttribute, RemoveTag
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
        """Each rule fired at most once. `pages` are the orders'."""
        opened = self._opened
        facts = Facts(state, rules.spend)
        facts.now, facts.before = now, state
        walk = Walk(rules, state.claims, state.standing, offset=offset)
        made = [(entry.created_at, number) for number, entry in enumerate(opened.entries)]
        newest = [number for _, number in sorted(made, key=_WHEN, reverse=True)]
        for entry in rules.entries:
            if isinstance(entry, CompiledRule) and entry.id in due:
                self._fire(entry, walk, facts, newest)
        return walk

    def _fire(self, rule: CompiledRule, walk: Walk, facts: Facts, newest: list[int]) -> None:
        opened, wanted = self._opened, frozenset((rule.when.name,))
        for number in newest:
            happened = past_triggers(opened.ids[number], opened.entries[number], wanted, opened.lines[number])
            for one in happened:
                if wakes(rule, one) and is_met(rule, facts, one):
                    walk.run((rule,), facts, (one,))
                    return


def _is_plain(rule: CompiledRule) -> bool:
    return (
        rule.when.name in _AS_OLD_AS_THE_ORDER
        and not rule.acts
        and not any(isinstance(action, RemoveAttribute | RemoveTag) for action in rule.then)
        and (rule.condition is None or rule.condition.reads.isdisjoint(_MOVING))
    )


_WHEN: Final = itemgetter(0)
