"""What a settlement is made of: rules fired, segments and ladders concerned evaluated, the sinks told what differs.

The doors that lead to one are `decide.py` (an event, a rule set that takes effect) and `wake.py` (time alone).
"""

from datetime import datetime
from operator import attrgetter
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from headrace.contracts.actions import Desired
from headrace.contracts.effects import Effect
from headrace.segmentation.actions import Stamp, emit
from headrace.segmentation.compiled import CompiledRules
from headrace.segmentation.compiled_actions import Fired
from headrace.segmentation.derived import Moment
from headrace.segmentation.effects import Fates, Release, carry_out
from headrace.segmentation.entries import Walk
from headrace.segmentation.facts import Facts
from headrace.segmentation.history import Change, Memberships, changes, memberships, remember
from headrace.segmentation.pages import NOTHING_WRITTEN, Written
from headrace.segmentation.pending import sources_due
from headrace.segmentation.pins import PIN, has_ended
from headrace.segmentation.state import State, first_due
from headrace.segmentation.timers import next_timers, timers_due
from headrace.segmentation.triggers import Occurrence
from headrace.segmentation.verdicts import Part, Trace, Verdict

_OF_GROUP: Final = frozenset({"profile", PIN})
_TOLD_BY: Final = frozenset({"profile", PIN, "labels"})
"""Without a change of these, group and attributes are what was last told, until an entry changes them."""
_TRIGGER: Final = attrgetter("trigger")
MOVED: Final = frozenset({"labels"})
"""What changed when somebody entered or left something: whatever reads memberships."""


class Context(Struct, frozen=True):
    """Where the record stands: `offset` in its partition, `now` the largest clock of its store before it.

    `rules_version` is that of the rule set given beside it, 0 = none.
    """

    generation: int
    offset: int
    now: datetime | None
    rules_version: int


class Decision(Struct, frozen=True):
    """What came of one event, or of time. `wake_at`: when the customer must be looked at again, if nothing happens.

    `pages`: those that it wrote or removed. `fates`: of the effects it met, released ones too.
    """

    state: State
    actions: tuple[Desired, ...]
    wake_at: datetime | None
    trace: Trace
    pages: Written = {}
    effects: tuple[Effect, ...] = ()
    fates: Fates = ()


class Step(Struct, frozen=True):
    """What led to a settlement: `changed` parts (None = all), triggers, what was noted before it, and the time.

    `known`: the memberships before it, where they are not the state's. `pages`: those already written. `due`: the
    moment whose waiting actions are done. `past`: what the orders from before a rule fired. The rest is `Release`'s;
    `clock` None = `now`.
    """

    changed: frozenset[str] | None
    occurrences: tuple[Occurrence, ...]
    verdicts: list[Verdict]
    sources: list[str]
    now: datetime | None
    known: Memberships | None = None
    pages: Written = {}
    due: datetime | None = None
    past: tuple[Fired, ...] = ()
    named: frozenset[str] = frozenset()
    clock: datetime | None = None
    happened: datetime | None = None
    adopted: bool = False
    before: State | None = None
    """The customer before the event, where there is one."""
    event_at: datetime | None = None
    """When the event happened, where there is one."""
    moved_to: str | None = None
    """The group somebody else put the customer into, see `drift.py`."""


def settle(state: State, rules: CompiledRules, stamp: Stamp, step: Step) -> Decision:
    """Fire the rules, evaluate the segments and ladders concerned, set the timers, tell the sinks what differs."""
    known, changed, now = step.known or memberships(state), step.changed, step.now
    if state.pin is not None and has_ended(state.pin, now):
        state = replace(state, pin=None)
        changed = None if changed is None else changed | {PIN}
    parts = _TOLD_BY if changed is None else changed
    facts = Facts(state, rules.spend)
    facts.now, facts.before = now, step.before
    moment = None
    if rules.reads_membership:
        moment = Moment(stamp.event, step.event_at or stamp.at, step.moved_to, as_told=parts.isdisjoint(_TOLD_BY))
    walk = Walk(rules, state.claims, state.standing, offset=stamp.offset, moment=moment, pending=state.pending)
    late = _walked(walk, state, rules, facts, step, changed)
    moved = walk.claims is not state.claims or walk.standing is not state.standing
    touched = changed if changed is None or not moved else changed | MOVED
    timers = next_timers(state.timers, rules, facts, touched, late=late)
    if moved or timers is not state.timers:
        state = replace(state, claims=walk.claims, standing=walk.standing, timers=timers)
    if walk.changed or step.sources:
        stamp = replace(stamp, changed=(*step.sources, *walk.changed))
    state, actions = emit(
        state,
        rules,
        stamp,
        contact="profile" in parts,
        # Between groups of one place the newest fact decides, which any change may bring.
        group=moved or not parts.isdisjoint(_OF_GROUP) or (rules.ties and bool(parts)),
        labels=bool(walk.changed) or "labels" in parts,
        overwrite=step.moved_to is not None and rules.rule_set.drift == "overwrite",
        decided=walk.wanted(),
    )
    effects: tuple[Effect, ...] = ()
    fates: Fates = ()
    came_to: list[Part] = [*step.verdicts, *walk.parts]
    if walk.fired or step.past or walk.pending is not state.pending:
        release = Release(step.named, step.clock or now, step.happened, step.adopted)
        fired = (*step.past, *walk.fired) if step.past else walk.fired
        carried = carry_out(state, rules, stamp, fired, walk.pending, release)
        state, effects, fates = carried.state, carried.effects, carried.fates
        came_to += carried.verdicts
        if walk.spared:
            fates += tuple((kind, "withheld") for kind in walk.spared)
    state, turned = _remember(state, known, stamp, step.moved_to)
    trace = Trace(stamp.event, tuple(came_to))
    pages = {**step.pages, **turned} if turned else step.pages
    return Decision(state, actions, wake_at(state), trace, pages, effects, fates)


def _walked(
    walk: Walk, state: State, rules: CompiledRules, facts: Facts, step: Step, changed: frozenset[str] | None
) -> frozenset[str] | None:
    """Walks whatever the step concerns; the sources whose time has come, where time led to it."""
    occurrences = step.occurrences
    if step.due is not None:
        late, waited = timers_due(state.timers, step.due), sources_due(state.pending, step.due)
        walk.run(rules.due(late | waited), facts, occurrences, due=step.due if waited else None)
        return late
    if steps := rules.steps(frozenset(map(_TRIGGER, occurrences)), changed):
        walk.run(steps, facts, occurrences)
    else:
        walk.bind(facts)  # a timer too may be one of where the customer stands
    return None


def _remember(state: State, known: Memberships, stamp: Stamp, moved_to: str | None) -> tuple[State, Written]:
    same = state.standing is known.standing and state.claims is known.claims and state.emitted.group == known.group
    if same and moved_to is None:
        return state, NOTHING_WRITTEN
    new = changes(known, memberships(state), stamp.at, stamp.event, stamp.offset)
    if moved_to is not None:
        new.insert(0, Change(stamp.at, "drift", moved_to, entered=True, cause=stamp.event, offset=stamp.offset))
    return remember(state, new)


def wake_at(state: State) -> datetime | None:
    """When its first timer, or the first action that waits, is due."""
    return first_due(state)


def unchanged(state: State, event: str, reason: str) -> Decision:
    """The state as it was, and why."""
    return Decision(state, (), wake_at(state), Trace(event, (Verdict("event", "ignored", reason),)))
