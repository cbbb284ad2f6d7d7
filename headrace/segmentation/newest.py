"""The past folded by its newest orders: where a rule claims the same whenever it fires, the newest fact alone counts.

It comes to the claims of `activation.fold_past`, without the firings before. That rules are such is found out once.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final, NamedTuple

from headrace.rules.model import RemoveAttribute, RemoveTag
from headrace.segmentation.claims import fire
from headrace.segmentation.compiled import CompiledRules
from headrace.segmentation.compiled_entries import CompiledRule
from headrace.segmentation.facts import Facts
from headrace.segmentation.firing import wakes
from headrace.segmentation.ledger import NEVER
from headrace.segmentation.opened import Opened
from headrace.segmentation.state import Claims, Entry, Latch, Line, State
from headrace.segmentation.triggers import ONCE, past_triggers

_AS_OLD_AS_THE_ORDER: Final = frozenset(
    {"order.placed", "product.ordered", "order.backordered", "order.reached", "order.paid", "order.cancelled"}
)
"""Triggers whose fact is the order itself."""
_UNCLAIMED: Final = Claims()
_MOVING: Final = frozenset({"ledger", "labels"})
"""What is another from order to order while the past is folded."""


class _Rule(NamedTuple):
    """A rule over the past. `about`: the lines that an order was about when it woke the rule, None: it never did.

    `latch`: what the first firing claims, but for when; None: nothing.
    """

    rule: CompiledRule
    about: Callable[[Entry, tuple[Line, ...]], tuple[Line, ...] | None]
    latch: Latch | None


class NewestFold:
    """Of one rule set whose rules over the past are such."""

    def __init__(self, rules: CompiledRules) -> None:
        self._spend = rules.spend
        self._rules = [
            _Rule(rule, _about(rule), _latch_of(rule))
            for rule in rules.entries
            if isinstance(rule, CompiledRule) and rule.past
        ]

    def claims(self, state: State, opened: Opened, due: frozenset[str], *, offset: int, now: datetime | None) -> Claims:
        """The claims of the customer with these orders once the rules that are due went over them."""
        facts = Facts(state, self._spend)
        facts.now, facts.before = now, state
        claims, numbers = state.claims, _newest_first(opened)
        for one in self._rules:
            if one.rule.id in due and (fact_at := _newest_met(one, facts, opened, numbers)) is not None:
                claims = _fired(claims, one, fact_at, offset)
        return claims


def newest_fold(rules: CompiledRules) -> NewestFold | None:
    """None where a rule that goes over the past reads what they come to, or takes anything away, or acts."""
    plain = all(_is_plain(rule) for rule in rules.rules.values() if rule.past)
    return NewestFold(rules) if plain else None


def _newest_first(opened: Opened) -> list[int]:
    """The numbers of the orders."""
    made = [entry.created_at for entry in opened.entries]
    return sorted(range(len(made)), key=made.__getitem__, reverse=True)


def _newest_met(one: _Rule, facts: Facts, opened: Opened, numbers: list[int]) -> datetime | None:
    """When the newest order that the rule fires for was made."""
    (rule, about, _), entries, lines = one, opened.entries, opened.lines
    met = rule.met
    for number in numbers:
        entry = entries[number]
        found = about(entry, lines[number])
        if found is None:
            continue
        facts.order, facts.lines = entry, found
        if met is None or met(facts):
            return entry.created_at
    return None


def _about(rule: CompiledRule) -> Callable[[Entry, tuple[Line, ...]], tuple[Line, ...] | None]:
    if rule.any_of_its_kind and rule.when.name in ONCE:
        return ONCE[rule.when.name]
    wanted = frozenset((rule.when.name,))

    def about(entry: Entry, lines: tuple[Line, ...]) -> tuple[Line, ...] | None:
        found = (one.lines for one in past_triggers("", entry, wanted, lines) if wakes(rule, one))
        return next(found, None)

    return about


def _latch_of(rule: CompiledRule) -> Latch | None:
    return fire(_UNCLAIMED, rule.id, rule.at_once, fact_at=NEVER, offset=0).latched.get(rule.id)


def _fired(claims: Claims, one: _Rule, fact_at: datetime, offset: int) -> Claims:
    rule, _, latch = one
    if claims.barred_attributes or claims.barred_tags or rule.id in claims.latched:
        return fire(claims, rule.id, rule.at_once, fact_at=fact_at, offset=offset)
    if latch is None:
        return claims
    latch = Latch(fact_at, offset, latch.group, latch.attributes, latch.tags)
    return Claims({**claims.latched, rule.id: latch}, claims.manual)


def _is_plain(rule: CompiledRule) -> bool:
    return (
        rule.when.name in _AS_OLD_AS_THE_ORDER
        and not rule.acts
        and not any(isinstance(action, RemoveAttribute | RemoveTag) for action in rule.then)
        and (rule.condition is None or rule.condition.reads.isdisjoint(_MOVING))
    )
