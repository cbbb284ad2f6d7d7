"""What is asked together: segments that nothing in a walk can change, and the timers that one change moves."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Final

from headrace.segmentation.ages import Ages
from headrace.segmentation.compiled_entries import CompiledEntry, CompiledSegment, acts_of
from headrace.segmentation.conditions.change import Timed
from headrace.segmentation.facts import Facts
from headrace.segmentation.state import Timer
from headrace.segmentation.together import NEVER, judge, next_changes
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


@dataclass(frozen=True, slots=True)
class Timers:
    """Entries that time alone may change: by the age of one time, and all others with when they change next."""

    sources: frozenset[str]
    ages: tuple[Callable[[Facts], tuple[Timer, ...]], ...]
    others: tuple[str, ...]
    dues: Callable[[Facts], tuple[datetime, ...]]

    def of(self, facts: Facts) -> list[Timer]:
        """Their timers, in no order."""
        dues = zip(self.dues(facts), self.others, strict=True)
        found = [Timer(due, source) for due, source in dues if due is not NEVER]
        for timers in self.ages:
            found += timers(facts)
        return found


def steps_of(plan: tuple[CompiledEntry, ...]) -> tuple[Step, ...]:
    """The entries of a plan, in their order."""
    return tuple(_steps(plan))


def timers_of(entries: Iterable[Timed], ages: Iterable[Ages]) -> Timers:
    """Of these entries, some of which may be found by `ages`."""
    by_source = {entry.source: entry for entry in entries}
    sources = frozenset(by_source)
    ages = [one for one in ages if one.sources <= sources]
    others = sources.difference(*(one.sources for one in ages))
    apart = [entry for source, entry in by_source.items() if source in others]
    return Timers(
        sources, tuple(one.timers for one in ages), tuple(entry.source for entry in apart), next_changes(apart)
    )


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
