"""Who wishes a customer into which group: rules, segments, rungs and a person's pin, and which wish wins.

The order of groups and when a customer is ours to move are `group_choice.py`'s; what the store is told, `actions.py`'s.
"""

from datetime import UTC, datetime
from typing import Final

from msgspec.structs import replace

from headrace.segmentation.compiled import CompiledRules
from headrace.segmentation.group_choice import NO_PLACE, GroupClaim, leading, managed, winner
from headrace.segmentation.pins import PIN, pinned_group
from headrace.segmentation.state import State

_NEVER: Final = datetime.min.replace(tzinfo=UTC)


def group_claims(state: State, rules: CompiledRules) -> list[GroupClaim]:
    """Every wish for a group this customer's pin, rules, segments and rungs have."""
    pinned = _pinned(state, rules)
    claims = [] if pinned is None else [GroupClaim(pinned, PIN)]
    for rule, latch in state.claims.latched.items():
        if latch.group is not None:
            claims.append(GroupClaim(latch.group, f"rule:{rule}"))
    claims += rules.giving.of(state.standing).groups
    return claims


def choose_group(state: State, rules: CompiledRules) -> GroupClaim | None:
    """The claim that wins, whether or not the customer is ours to move; None = the default group. A pin always wins."""
    pinned = _pinned(state, rules)
    return _winner(state, rules) if pinned is None else GroupClaim(pinned, PIN)


Wanted = tuple[str | None, GroupClaim | None]


def wanted(state: State, rules: CompiledRules) -> Wanted:
    """The desired group (the store's name, "" for none, None = not ours to touch) and the claim behind it."""
    observed = None if state.profile is None else state.profile.group
    pinned = observed is not None and _pinned(state, rules) is not None
    if not pinned and not managed(observed, rules.store_groups, rules.store_default, state.emitted):
        return None, None
    won = choose_group(state, rules)
    if won is None:
        return rules.store_default, None
    return (won.group if rules.names is None else rules.names.to_store(won.group)), won


def wanted_group(state: State, rules: CompiledRules) -> str | None:
    """The desired group: the store's name for it, "" for none, None = not ours to touch."""
    return wanted(state, rules)[0]


def group_in(state: State, found: Wanted) -> str | None:
    """The group a customer counts as in: the desired one, else the store's; None: no group, or none known yet."""
    if state.guest or state.profile is None:
        return None
    return (state.profile.group if found[0] is None else found[0]) or None


def taken_over(state: State, rules: CompiledRules) -> State:
    """The customer ours to move from now on, until the store shows a group that is ours anyway."""
    return state if _is_ours(state, rules) else replace(state, emitted=replace(state.emitted, taken=True))


def needs_taking(state: State, rules: CompiledRules) -> bool:
    """Whether the customer is ours to move only because it was taken over."""
    return state.emitted.taken and not _is_ours(state, rules)


def newest_of(state: State, reads: frozenset[str]) -> datetime | None:
    """When the newest fact of these parts happened; None: there is none."""
    found = [latch.fact_at for latch in state.claims.latched.values()] if "labels" in reads else []
    if state.profile is not None and "profile" in reads:
        found.append(state.profile.modified_at)
    if state.totals.newest is not None and "ledger" in reads:
        found.append(state.totals.newest)
    return max(found) if found else None


def _pinned(state: State, rules: CompiledRules) -> str | None:
    pin = state.pin
    return None if pin is None else pinned_group(pin, rules.groups, rules.rule_set.default_group)


def _winner(state: State, rules: CompiledRules) -> GroupClaim | None:
    """Of rules, segments and rungs; what is below the best of segments and rungs need not be looked at."""
    among, places = rules.giving.of(state.standing).leading, rules.places
    if latched := state.claims.latched:
        claims = [
            GroupClaim(latch.group, f"rule:{rule}")
            for rule, latch in latched.items()
            if latch.group is not None and places.get(latch.group, NO_PLACE) <= among.place
        ]
        if claims:
            among = leading((*claims, *among.claims), places)
    return winner(among, lambda claim: _fact_at(state, rules, claim))


def _is_ours(state: State, rules: CompiledRules) -> bool:
    observed = None if state.profile is None else state.profile.group
    return managed(observed, rules.store_groups, rules.store_default, replace(state.emitted, taken=False))


def _fact_at(state: State, rules: CompiledRules, claim: GroupClaim) -> datetime:
    """When the newest fact behind a claim happened: of a segment or ladder, the newest of what it reads."""
    kind, _, name = claim.source.partition(":")
    if kind == "rule":
        return state.claims.latched[name].fact_at
    reads = rules.segments[name].condition.reads if kind == "segment" else rules.ladders[name].reads
    return newest_of(state, reads) or _NEVER
