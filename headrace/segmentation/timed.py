"""Entries that time alone may change, asked together for their timers: those that one change of the customer moves."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from headrace.segmentation.ages import Ages
from headrace.segmentation.conditions.change import Timed
from headrace.segmentation.facts import Facts
from headrace.segmentation.state import Timer
from headrace.segmentation.together import NEVER, next_changes


@dataclass(frozen=True, slots=True)
class Timers:
    """Some go by the age of one time; `dues`: when each of the `others` changes next, `NEVER` where it does not."""

    sources: frozenset[str]
    ages: tuple[Callable[[Facts], tuple[Timer, ...]], ...]
    others: tuple[str, ...]
    dues: Callable[[Facts], tuple[datetime, ...]]

    def of(self, facts: Facts) -> list[Timer]:
        """The timers of them all; what is in order already comes first, which spares whoever sorts them."""
        found: list[Timer] = []
        for timers in self.ages:
            found += timers(facts)
        dues = zip(self.dues(facts), self.others, strict=True)
        found += [Timer(due, source) for due, source in dues if due is not NEVER]
        return found


def timers_of(entries: Iterable[Timed], ages: Iterable[Ages]) -> Timers:
    """Of these entries; those that `ages` find stand there all or none."""
    by_source = {entry.source: entry for entry in entries}
    by_age = [one for one in ages if one.sources <= by_source.keys()]
    others = by_source.keys() - frozenset[str]().union(*(one.sources for one in by_age))
    apart = [entry for source, entry in by_source.items() if source in others]
    sources = tuple(entry.source for entry in apart)
    return Timers(frozenset(by_source), tuple(one.timers for one in by_age), sources, next_changes(apart))
