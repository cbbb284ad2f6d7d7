"""Timers: when a customer must be looked at again, because a test on time may then change.

They are computed from the facts whenever those change, never polled; what happens when one is due is `wake.py`'s.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from headrace.segmentation.compiled import CompiledRules
from headrace.segmentation.conditions.change import TIME
from headrace.segmentation.facts import Facts
from headrace.segmentation.state import Timer

ONLY_TIME: Final = frozenset({TIME})
"""What changed when nothing happened but time passed."""


def next_timers(
    known: tuple[Timer, ...], rules: CompiledRules, facts: Facts, changed: frozenset[str] | None
) -> tuple[Timer, ...]:
    """The timers after these parts changed (None = all, and time): one for each entry that time alone may change.

    All lie after `facts.now`; an entry that reads nothing of what changed keeps its own.
    """
    if not rules.timed:
        return ()
    if changed is not None and not any(entry.reads & changed for entry in rules.timed):
        return known
    timers = tuple(sorted(_computed(rules, facts), key=_order))
    return known if timers == known else timers


def _computed(rules: CompiledRules, facts: Facts) -> Iterator[Timer]:
    for entry in rules.timed:
        due = entry.next_change(facts)
        if due is not None:
            yield Timer(due, entry.source)


def _order(timer: Timer) -> tuple[datetime, str]:
    return timer.due, timer.source
