"""Segments and rungs a customer has, and since when: how they change, and what a new rule set leaves of them."""

from bisect import insort
from collections.abc import Collection, Sequence
from datetime import datetime
from itertools import compress

from headrace.segmentation.compiled import CompiledRules
from headrace.segmentation.compiled_entries import CompiledSegment
from headrace.segmentation.ladders import kept_rung
from headrace.segmentation.state import Standing


def turned(
    standing: Standing, turning: Sequence[CompiledSegment], holds: Collection[bool], now: datetime | None
) -> Standing:
    """In those of these segments that hold, and no longer in the others.

    Before the store's first clock (`now` None) nobody knows since when.
    """
    segments, since = list(standing.segments), standing.since.copy()
    for segment, inside in zip(turning, holds, strict=True):
        if inside:
            insort(segments, segment.id)
        else:
            segments.remove(segment.id)
            since.pop(segment.id, None)
    if now is not None:
        for segment in compress(turning, holds):
            since[segment.id] = now
    return Standing(tuple(segments), standing.rungs, since, standing.below, standing.held)


def keep_standing(standing: Standing, rules: CompiledRules, now: datetime | None) -> Standing:
    """What is left of it under these rules, by the names they give; graces and the times of entering go on.

    Since when somebody is where no time was kept counts from now.
    """
    segments = {new: old for old in standing.segments if (new := _new(old, rules.renames.segments)) in rules.segments}
    ladders = {new: old for old in standing.rungs if (new := _new(old, rules.renames.ladders)) in rules.ladders}
    rungs = {
        new: kept_rung(rules.ladders[new].rungs, standing.rungs[old], standing.held.get(old))
        for new, old in ladders.items()
    }
    sources = {**segments, **{f"ladder:{new}": f"ladder:{old}" for new, old in ladders.items()}}
    since = {new: at for new, old in sources.items() if (at := standing.since.get(old, now)) is not None}
    return Standing(
        tuple(sorted(segments)),
        rungs,
        since,
        {new: standing.below[old] for new, old in ladders.items() if old in standing.below},
        {name: held.names[rung] for name, rung in rungs.items() if (held := rules.ladders[name].rungs).holds},
    )


def _new(old: str, renamed: dict[str, str]) -> str:
    return renamed.get(old, old)
