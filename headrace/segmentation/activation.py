"""A new rule set taken over by a known customer: claims of rules that are gone dropped, the past folded once.

Segments and ladders are not evaluated here: `decide.py` does that for every decision alike.
"""

from datetime import datetime
from typing import Final, NamedTuple, Protocol

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


class Fold(Protocol):
    """The past gone over, see `fold_past`."""

    def __call__(
        self,
        state: State,
        rules: CompiledRules,
        due: frozenset[str],
        *,
        offset: int,
        now: datetime | None,
        pages: Pages,
    ) -> Walk: ...


def adopt(
    state: State,
    rules: CompiledRules,
    *,
    version: int,
    offset: int,
    now: datetime | None,
    pages: Pages,
    fold: Fold | None = None,
) -> Adopted:
    """The rules taken over by a known customer, as of `now`. `fold`: what is to go over its past, None: all of it."""
    claims = state.claims
    verdicts: list[Verdict] = []
    if claims != _UNCLAIMED:
        claims = keep_rules(claims, frozenset(rules.rules), rules.renames.rules)
        dropped = sorted(set(state.claims.latched) - set(claims.latched) - set(rules.renames.rules))
        verdicts += [Verdict(f"rule:{rule}", "dropped", "the rule is no longer in the rule set") for rule in dropped]
    standing = keep_standing(state.standing, rules, now) if state.standing != _NOWHERE else _NOWHERE
    left = [name for name in state.standing.segments if rules.renames.segments.get(name, name) not in rules.segments]
    verdicts += [Verdict(f"segment:{name}", "dropped", "the segment is no longer in the rule set") for name in left]
    folded = {rules.renames.rules.get(rule, rule): digest for rule, digest in state.folded.items()}
    state = replace(state, rules_version=version, claims=claims, standing=standing, folded=rules.past)
    state = sum_up(state, rules.summing, pages, now)
    due = frozenset(rule for rule, digest in rules.past.items() if folded.get(rule) != digest)
    if state.pending:
        state = replace(state, pending=under_new_rules(state.pending, rules.waiting, rules.renames.source, now))
    changed = [verdict.source for verdict in verdicts]
    fired: tuple[Fired, ...] = ()
    if due and (state.ledger or state.cold.orders):
        walk = (fold or fold_past)(state, rules, due, offset=offset, now=now, pages=pages)
        state = replace(state, claims=walk.claims)
        verdicts += [verdict for verdict in verdicts_of(walk.parts) if verdict.outcome == "fired"]
        changed += walk.changed
        fired = tuple(replace(one, past=True) for one in walk.fired)
    return Adopted(state, verdicts, changed, fired)


_UNCLAIMED: Final = Claims()
_NOWHERE: Final = Standing()


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
