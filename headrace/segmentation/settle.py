"""What a settlement is made of: rules fired, segments and ladders concerned evaluated, the sinks told what differs.

The doors that lead to one are `decide.py` (an event, a rule set that takes effect) and `wake.py` (time alone).
"""

from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from headrace.contracts.actions import Desired
from headrace.contracts.effects import Effect
from headrace.segmentation.actions import Stamp, emit
from headrace.segmentation.compiled import CompiledRules
from headrace.segmentation.entries import Verdict, Walk
from headrace.segmentation.facts import Facts
from headrace.segmentation.history import Change, Memberships, changes, memberships, remember
from headrace.segmentation.pages import Written
from headrace.segmentation.state import State
from headrace.segmentation.timers import next_timers
from headrace.segmentation.triggers import Occurrence


class Context(Struct, frozen=True):
    """Where the record stands: `offset` in its partition, `now` the largest clock of its store before it.

    `rules_version` is that of the rule set given beside it, 0 = none.
    """

    generation: int
    offset: int
    now: datetime | None
    rules_version: int


class Trace(Struct, frozen=True):
    """Why: the event, and the verdict of every entry it concerned."""

    event: str
    verdicts: tuple[Verdict, ...] = ()


class Decision(Struct, frozen=True):
    """What came of one event, or of time. `wake_at`: when the customer must be looked at again, if nothing happens.

    `pages`: those that it wrote or removed.
    """

    state: State
    actions: tuple[Desired, ...]
    wake_at: datetime | None
    trace: Trace
    pages: Written = {}
    effects: tuple[Effect, ...] = ()


class Step(Struct, frozen=True):
    """What led to a settlement: `changed` parts (None = all), triggers, what was noted before it, and the time.

    `known`: the memberships before it, where they are not the state's. `pages`: those already written.
    """

    changed: frozenset[str] | None
    occurrences: tuple[Occurrence, ...]
    verdicts: list[Verdict]
    sources: list[str]
    now: datetime | None
    known: Memberships | None = None
    pages: Written = {}


def settle(state: State, rules: CompiledRules, stamp: Stamp, step: Step) -> Decision:
    """Fire the rules, evaluate the segments and ladders concerned, set the timers, tell the sinks what differs."""
    facts = Facts(state, rules.spend)
    facts.now = step.now
    walk = Walk(rules, state.claims, state.standing, offset=stamp.offset)
    entries = rules.plan(frozenset(occurrence.trigger for occurrence in step.occurrences), step.changed)
    if entries:
        walk.run(entries, facts, step.occurrences)
    known = step.known or memberships(state)
    everything = step.changed is None
    changed = step.changed or frozenset()
    moved = walk.claims is not state.claims or walk.standing is not state.standing
    if moved:
        state = replace(state, claims=walk.claims, standing=walk.standing)
    timers = next_timers(state.timers, rules, facts, step.changed)
    if timers is not state.timers:
        state = replace(state, timers=timers)
    stamp = replace(stamp, changed=(*step.sources, *walk.changed))
    state, actions = emit(
        state,
        rules,
        stamp,
        contact=everything or "profile" in changed,
        # Between groups of one place the newest fact decides, which any change may bring.
        group=everything or moved or "profile" in changed or (rules.ties and bool(changed)),
        labels=everything or bool(walk.changed) or "labels" in changed,
    )
    state, turned = _remember(state, known, stamp)
    trace = Trace(stamp.event, (*step.verdicts, *walk.verdicts))
    return Decision(state, actions, wake_at(state), trace, {**step.pages, **turned} if turned else step.pages)


def _remember(state: State, known: Memberships, stamp: Stamp) -> tuple[State, Written]:
    now = memberships(state)
    if now.standing is known.standing and now.claims is known.claims and now.group == known.group:
        return state, {}
    differing = changes(known, now)
    return remember(state, (Change(stamp.at, *one, stamp.event, stamp.offset) for one in differing))


def wake_at(state: State) -> datetime | None:
    """When its first timer is due."""
    return state.timers[0].due if state.timers else None


def unchanged(state: State, event: str, reason: str) -> Decision:
    """The state as it was, and why."""
    return Decision(state, (), wake_at(state), Trace(event, (Verdict("event", "ignored", reason),)))
