"""What is asked together in a walk: segments that nothing in it can change."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from headrace.segmentation.compiled_entries import CompiledEntry, CompiledSegment, acts_of
from headrace.segmentation.facts import Facts
from headrace.segmentation.together import judge
from headrace.segmentation.verdicts import Verdict

_OF_THE_WALK: Final = frozenset({"labels", "order"})
"""Parts that other entries of a walk may change, or the occurrence that is looked at."""


@dataclass(frozen=True, slots=True)
class Block:
    """Segments that follow each other in a plan. `holds`: the condition of each."""

    segments: tuple[CompiledSegment, ...]
    ids: tuple[str, ...]
    stays: tuple[tuple[Verdict, Verdict], ...]
    """Of each, out and in."""
    holds: Callable[[Facts], tuple[bool, ...]]


Step = CompiledEntry | Block


def steps_of(plan: tuple[CompiledEntry, ...]) -> tuple[Step, ...]:
    """The entries of a plan, in their order."""
    return tuple(_steps(plan))


def _steps(plan: tuple[CompiledEntry, ...]) -> Iterator[Step]:
    for steady, entries in groupby(plan, _is_steady):
        if not steady:
            yield from entries
            continue
        segments = tuple(entry for entry in entries if isinstance(entry, CompiledSegment))
        if len(segments) == 1:
            yield from segments
        else:
            holds = judge(segment.condition.tree for segment in segments)
            yield Block(segments, tuple(s.id for s in segments), tuple(s.stays for s in segments), holds)


def _is_steady(entry: CompiledEntry) -> bool:
    """A segment to which it makes no difference which of its neighbours were entered or left already."""
    return (
        isinstance(entry, CompiledSegment)
        and not entry.condition.reads & _OF_THE_WALK
        and not any(action.row for action in acts_of(entry))
    )
