"""One group per customer: which of the claimed groups wins, and whether the customer is ours to move.

Knows places in `group_order`, not how a claim came about.
"""

import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from operator import attrgetter
from typing import Final, NamedTuple

from headrace.segmentation.state import Emitted


class GroupClaim(NamedTuple):
    """A wish for a group; `source`: `rule:apple-buyers`, `segment:vip`, `ladder:loyalty`."""

    group: str
    source: str


def places_of(group_order: tuple[tuple[str, ...], ...]) -> dict[str, int]:
    """Group -> place, 0 the highest; equals share a place."""
    return {group: place for place, equals in enumerate(group_order) for group in equals}


class Leading(NamedTuple):
    """Those of some claims with the best place, sorted by source, each once. Nobody leads where none has a place."""

    place: int
    claims: tuple[GroupClaim, ...]


NO_PLACE: Final = sys.maxsize
"""Of a group that is not in `group_order`: it cannot win."""
NOBODY: Final = Leading(NO_PLACE, ())


def leading(claims: Iterable[GroupClaim], places: Mapping[str, int]) -> Leading:
    """Of these claims."""
    found: list[GroupClaim] = []
    best = NO_PLACE
    for claim in claims:
        place = places.get(claim.group, NO_PLACE)
        if place < best:
            best, found = place, [claim]
        elif place == best != NO_PLACE:
            found.append(claim)
    return Leading(best, tuple(sorted(set(found), key=_SOURCE) if len(found) > 1 else found))


def winner(among: Leading, fact_at: Callable[[GroupClaim], datetime]) -> GroupClaim | None:
    """The one with the newest fact, then the first by source; `fact_at` is asked only where that decides the group."""
    claims = among.claims
    if len(claims) < 2 or all(claim.group == claims[0].group for claim in claims):
        return claims[0] if claims else None
    return max(claims, key=fact_at)  # the first of several newest


def managed(observed: str | None, groups: frozenset[str], default_group: str, emitted: Emitted) -> bool:
    """Whether we may move a customer the store has in this group: one of ours, the default, none, or taken over."""
    if observed in ("", default_group) or observed in groups or observed in emitted.ours:
        return True
    return emitted.taken and observed is not None


_SOURCE: Final = attrgetter("source")
