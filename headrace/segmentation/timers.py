"""Timers: when a customer must be looked at again, because a test on time may then change.

They are computed from the facts whenever those change, never polled; what happens when one is due is `wake.py`'s.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import takewhile
from operator import attrgetter
from typing import Final

from headrace.segmentation.compiled import CompiledRules
from headrace.segmentation.conditions.change import TIME
from headrace.segmentation.facts import Facts
from headrace.segmentation.pins import PIN, pin_timer
from headrace.segmentation.schedule import ALWAYS
from headrace.segmentation.state import State, Timer
from headrace.segmentation.triggers import Occurrence

_RULE: Final = "rule:"
ONLY_TIME: Final = frozenset({TIME})
"""What changed when nothing happened but time passed."""


def next_timers(
    known: tuple[Timer, ...],
    rules: CompiledRules,
    facts: Facts,
    changed: frozenset[str] | None,
    *,
    late: frozenset[str] | None = None,
) -> tuple[Timer, ...]:
    """The timers after these parts changed (None = all, and time): one for each entry that time alone may change.

    All lie after `facts.now`; an entry that reads nothing of what changed keeps its own, unless the clock is new.
    `late`: the sources whose time has come, where all that changed is the time: the others' has not.
    """
    if not rules.timed and facts.state.pin is None:
        return ()
    now = facts.now
    if changed is None or PIN in changed or now is None or (late is None and known and known[0].due <= now):
        timers = rules.timed_by(None).of(facts)
        pinned = pin_timer(facts.state, facts.now)
        if pinned is not None:
            timers.append(pinned)
    else:
        timers = _moved(known, rules, facts, changed, late)
    timers.sort()
    found = tuple(timers)
    return known if found == known else found


def _moved(
    known: tuple[Timer, ...], rules: CompiledRules, facts: Facts, changed: frozenset[str], late: frozenset[str] | None
) -> list[Timer]:
    parts = changed if late is None else changed - ONLY_TIME
    moved = rules.timed_by(parts)
    if rules.schedule is not None and rules.schedule not in map(_SOURCE, known):
        moved = rules.timed_by(parts | {ALWAYS})  # the customer, or the clock, is new
    timers, again = moved.of(facts), moved.sources
    if late:
        timers += _anew(late - again, rules, facts)
        again |= late
    timers += [timer for timer in known if timer.source not in again] if again else known
    return timers


def _anew(sources: frozenset[str], rules: CompiledRules, facts: Facts) -> Iterator[Timer]:
    for source in sources:
        due = rules.timed[source].next_change(facts) if source in rules.timed else None
        if due is not None:
            yield Timer(due, source)


def timers_due(timers: tuple[Timer, ...], moment: datetime) -> frozenset[str]:
    """The sources whose time has come."""
    return frozenset([timer.source for timer in takewhile(lambda timer: timer.due <= moment, timers)])


def rules_due(state: State, rules: CompiledRules, moment: datetime) -> tuple[Occurrence, ...]:
    """The rules that time sets off at this moment, each by an occurrence of its own."""
    sources = [timer.source for timer in state.timers if timer.due == moment and timer.source.startswith(_RULE)]
    found = (rules.rules.get(source.removeprefix(_RULE)) for source in sources)
    cause = f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return tuple(Occurrence(rule.when.name, moment, cause=cause, rule=rule.id) for rule in found if rule is not None)


_SOURCE: Final = attrgetter("source")
