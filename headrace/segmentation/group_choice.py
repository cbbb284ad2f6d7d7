"""One group per customer: which of the claimed groups wins, and whether the customer is ours to move.

Knows places in `group_order`, not how a claim came about.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from headrace.segmentation.state import Emitted


class GroupClaim(NamedTuple):
    """A wish for a group; `source`: `rule:apple-buyers`, `segment:vip`, `ladder:loyalty`."""

    group: str
    source: str


def places_of(group_order: tuple[tuple[str, ...], ...]) -> dict[str, int]:
    """Group -> place, 0 the highest; equals share a place."""
    return {group: place for place, equals in enumerate(group_order) for group in equals}


def choose(
    claims: Iterable[GroupClaim], places: Mapping[str, int], fact_at: Callable[[GroupClaim], datetime]
) -> GroupClaim | None:
    """The winner: best place, among equals the newest fact, then the first source by name. None without a claim.

    `fact_at` is asked only when the place does not decide. A group without a place cannot win.
    """
    ranked = [(places[claim.group], claim) for claim in claims if claim.group in places]
    if len(ranked) < 2:
        return ranked[0][1] if ranked else None
    best = min([place for place, _ in ranked])
    contenders = [claim for place, claim in ranked if place == best]
    if len(contenders) == 1:
        return contenders[0]
    contenders = sorted(set(contenders), key=lambda claim: claim.source)
    if len({claim.group for claim in contenders}) == 1:
        return contenders[0]
    return max(contenders, key=fact_at)  # the first of several newest


def managed(observed: str | None, groups: frozenset[str], default_group: str, emitted: Emitted) -> bool:
    """Whether we may move a customer the store has in this group: one of ours, the default, none, or taken over."""
    if observed in ("", default_group) or observed in groups or observed in emitted.ours:
        return True
    return emitted.taken and observed is not None
