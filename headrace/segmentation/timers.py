"""Timers: when a customer must be looked at again, because a test on time may then change.

They are computed from the facts whenever those change, never polled; what happens when one is due is `wake.py`'s.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from headrace.segmentation.compiled import CompiledRules
from headrace.segmentation.conditions.change import TIME, Timed
from headrace.segmentation.facts import Facts
from headrace.segmentation.pins import PIN, pin_timer
from headrace.segmentation.schedule import ALWAYS
from headrace.segmentation.state import State, Timer
from headrace.segmentation.triggers import Occurrence

_RULE: Final = "rule:"
ONLY_TIME: Final = frozenset({TIME})
"""What changed when nothing happened but time passed."""


def next_timers(
    known: tuple[Timer, ...], rules: CompiledRules, facts: Facts, changed: frozenset[str] | None
) -> tuple[Timer, ...]:
    """The timers after these parts changed (None = all, and time): one for each entry that time alone may change.

    All lie after `facts.now`; an entry that reads nothing of what changed keeps its own.
    """
    if not rules.timed and facts.state.pin is None:
        return ()
    if changed is not None and PIN not in changed and not any(_moved(entry, known, changed) for entry in rules.timed):
        return known
    timers = tuple(sorted(_computed(rules, facts), key=_order))
    return known if timers == known else timers


def rules_due(state: State, rules: CompiledRules, moment: datetime) -> tuple[Occurrence, ...]:
    """The rules that time sets off at this moment, each by an occurrence of its own."""
    sources = [timer.source for timer in state.timers if timer.due == moment and timer.source.startswith(_RULE)]
    found = (rules.rules.get(source.removeprefix(_RULE)) for source in sources)
    cause = f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return tuple(Occurrence(rule.when.name, moment, cause=cause, rule=rule.id) for rule in found if rule is not None)


def _moved(entry: Timed, known: tuple[Timer, ...], changed: frozenset[str]) -> bool:
    """The entry's timer may not be what it was: a schedule's is only missing where the customer or the clock is new."""
    if entry.reads & changed:
        return True
    return ALWAYS in entry.reads and not any(timer.source == entry.source for timer in known)


def _computed(rules: CompiledRules, facts: Facts) -> Iterator[Timer]:
    for entry in rules.timed:
        due = entry.next_change(facts)
        if due is not None:
            yield Timer(due, entry.source)
    pinned = pin_timer(facts.state, facts.now)
    if pinned is not None:
        yield pinned


def _order(timer: Timer) -> tuple[datetime, str]:
    return timer.due, timer.source
