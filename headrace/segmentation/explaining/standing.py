"""What the customer is in, and who wishes it into which group: each claim with why it won or lost."""

from collections.abc import Iterator

from headrace.segmentation.compiled import CompiledRules
from headrace.segmentation.drift import is_moved_away
from headrace.segmentation.explaining.seen import ClaimSeen, MembershipSeen
from headrace.segmentation.group_choice import GroupClaim
from headrace.segmentation.group_claims import choose_group, group_claims, wanted_group
from headrace.segmentation.pages import Pages
from headrace.segmentation.pins import PIN
from headrace.segmentation.state import State


def claims_seen(state: State, rules: CompiledRules) -> tuple[ClaimSeen, ...]:
    """The winner first, then by place."""
    winner, places = choose_group(state, rules), rules.places
    claims = sorted(
        set(group_claims(state, rules)),
        key=lambda claim: (claim != winner, places.get(claim.group, len(places)), claim),
    )
    return tuple(
        ClaimSeen(
            rule=claim.source, group=claim.group, won=claim == winner, why=_why(claim, winner, len(claims), rules)
        )
        for claim in claims
    )


def not_ours(state: State, rules: CompiledRules) -> str | None:
    """Why nobody moves this customer; None: the rules do."""
    if state.guest:
        return "it is a guest, and the store has groups for accounts alone"
    if state.profile is None:
        return "the store has not told of its account yet"
    if wanted_group(state, rules) is not None:
        return None
    return f"the store has it in {state.profile.group}, which these rules do not name and nobody has let them take over"


def moved_away(state: State, pages: Pages) -> str | None:
    """The group ("" = none) that somebody else put the customer into and the store has; None: the desired one."""
    told, profile = state.emitted.group, state.profile
    if told is None or profile is None or profile.group is None or profile.group == told:
        return None
    return profile.group if is_moved_away(state, pages) else None


def memberships_seen(state: State, rules: CompiledRules) -> tuple[MembershipSeen, ...]:
    """Segments, then rungs."""
    return (*_segments(state, rules), *_rungs(state, rules))


def _why(claim: GroupClaim, winner: GroupClaim | None, count: int, rules: CompiledRules) -> str:
    if claim == winner:
        if claim.source == PIN:
            return "a person pinned it, which wins over every rule"
        return "the only claim" if count == 1 else "no other claim has a higher place in group_order"
    if winner is None or claim.group not in rules.places:
        return f"{claim.group or 'no group'} has no place in group_order"
    if winner.source == PIN:
        return f"a person pinned {winner.group or 'no group'}"
    if claim.group == winner.group:
        return f"{winner.source.replace(':', ' ')} claims the same group"
    if rules.places[claim.group] == rules.places[winner.group]:
        return f"{winner.group} has the same place in group_order, and a newer fact behind it"
    return f"{winner.group} stands higher in group_order"


def _segments(state: State, rules: CompiledRules) -> Iterator[MembershipSeen]:
    for name in state.standing.segments:
        segment = rules.segments.get(name)
        if segment is not None:
            yield MembershipSeen(
                kind="segment", id=name, group=segment.gives.group, since=state.standing.since.get(name)
            )


def _rungs(state: State, rules: CompiledRules) -> Iterator[MembershipSeen]:
    for name, rung in sorted(state.standing.rungs.items()):
        ladder = rules.ladders.get(name)
        if ladder is not None and rung < len(ladder.gives):
            since = state.standing.since.get(f"ladder:{name}")
            yield MembershipSeen(kind="rung", id=name, group=ladder.gives[rung].group, rung=rung + 1, since=since)
