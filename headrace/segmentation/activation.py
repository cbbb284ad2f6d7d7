"""A new rule set taken over by a known customer: claims of rules that are gone dropped, the past folded once.

Segments and ladders are not evaluated here: `decide.py` does that for every decision alike.
"""

from datetime import datetime
from typing import Final, NamedTuple

from msgspec.structs import replace

from headrace.segmentation.claims import keep_rules
from headrace.segmentation.compiled import CompiledRules
from headrace.segmentation.compiled_actions import Fired
from headrace.segmentation.compiled_entries import CompiledRule
from headrace.segmentation.entries import Walk
from headrace.segmentation.facts import Facts
from headrace.segmentation.orders import oldest_first, sum_up
from headrace.segmentation.pages import Pages
from headrace.segmentation.pending import under_new_rules
from headrace.segmentation.standing import keep_standing
from headrace.segmentation.state import Claims, Standing, State
from headrace.segmentation.totals import Sums
from headrace.segmentation.triggers import past_triggers
from headrace.segmentation.verdicts import Verdict, verdicts_of


class Adopted(NamedTuple):
    """The state under the new rules before segments and ladders are evaluated, verdicts, who changed claims, and what
    the orders from before fired.
    """

    state: State
    verdicts: list[Verdict]
    changed: list[str]
    fired: tuple[Fired, ...] = ()


def adopt(
    state: State, rules: CompiledRules, *, version: int, offset: int, now: datetime | None, pages: Pages
) -> Adopted:
    """The rules taken over by a known customer, as of `now`, and its past gone over."""
    was, due = state, due_over_the_past(state, rules)
    state = sum_up(under(state, rules, version=version, now=now), rules.summing, pages, now)
    verdicts = _dropped(was, state, rules)
    changed = [verdict.source for verdict in verdicts]
    if not due:
        return Adopted(state, verdicts, changed)
    walk = fold_past(state, rules, due, offset=offset, now=now, pages=pages)
    verdicts += [verdict for verdict in verdicts_of(walk.parts) if verdict.outcome == "fired"]
    return Adopted(
        replace(state, claims=walk.claims),
        verdicts,
        changed + walk.changed,
        tuple(replace(one, past=True) for one in walk.fired),
    )


def under(state: State, rules: CompiledRules, *, version: int, now: datetime | None) -> State:
    """What these rules leave of a customer, before they go over its past and its orders are added up by them."""
    claims, standing, pending = state.claims, state.standing, state.pending
    if claims != _UNCLAIMED:
        claims = keep_rules(claims, frozenset(rules.rules), rules.renames.rules)
    if standing != _NOWHERE:
        standing = keep_standing(standing, rules, now)
    if pending:
        pending = under_new_rules(pending, rules.waiting, rules.renames.source, now)
    return replace(state, rules_version=version, claims=claims, standing=standing, folded=rules.past, pending=pending)


def due_over_the_past(state: State, rules: CompiledRules) -> frozenset[str]:
    """The rules that are to go over the orders of a customer, as it was before it took these rules over."""
    past, folded = rules.past, state.folded
    if not past or folded == past or not (state.ledger or state.cold.orders):
        return _NONE
    if not folded:
        return frozenset(past)
    known = {rules.renames.rules.get(rule, rule): digest for rule, digest in folded.items()}
    return frozenset([rule for rule, digest in past.items() if known.get(rule) != digest])


def _dropped(was: State, state: State, rules: CompiledRules) -> list[Verdict]:
    """Of rules and segments that are gone."""
    gone = sorted(set(was.claims.latched) - set(state.claims.latched) - set(rules.renames.rules))
    left = [name for name in was.standing.segments if rules.renames.segments.get(name, name) not in rules.segments]
    return [
        *(Verdict(f"rule:{rule}", "dropped", "the rule is no longer in the rule set") for rule in gone),
        *(Verdict(f"segment:{name}", "dropped", "the segment is no longer in the rule set") for name in left),
    ]


_UNCLAIMED: Final = Claims()
_NOWHERE: Final = Standing()
_NONE: Final = frozenset[str]()


def fold_past(
    state: State, rules: CompiledRules, due: frozenset[str], *, offset: int, now: datetime | None, pages: Pages
) -> Walk:
    """The ledger, oldest order first, through these rules: each order with the totals and purchases up to it.

    Facts of the customer are today's, and orders stand as they do today: the ledger keeps no history of an order.
    """
    walk = Walk(rules, state.claims, state.standing, offset=offset)
    entries = tuple(entry for entry in rules.entries if isinstance(entry, CompiledRule) and entry.id in due)
    wanted = frozenset(entry.when.name for entry in entries)
    orders = oldest_first(state, pages)
    if not (rules.reads_membership or any(_adds_up(entry) for entry in entries)):
        for order_id, order in orders:
            walk.run(entries, _facts(state, rules, now, state), tuple(past_triggers(order_id, order, wanted)))
        return walk
    sums = Sums(rules.summing, now)
    before = replace(state, totals=sums.totals, purchased=sums.purchased, windows=sums.windows)
    for order_id, order in orders:
        sums.add(order)
        after = replace(before, totals=sums.totals, purchased=sums.purchased, windows=sums.windows)
        walk.run(entries, _facts(after, rules, now, before), tuple(past_triggers(order_id, order, wanted)))
        before = after
    return walk


def _facts(state: State, rules: CompiledRules, now: datetime | None, before: State) -> Facts:
    facts = Facts(state, rules.spend)
    facts.now, facts.before = now, before
    return facts


def _adds_up(rule: CompiledRule) -> bool:
    """Whether it asks what the orders up to the one it looks at add up to."""
    return rule.condition is not None and "ledger" in rule.condition.reads
