"""The one pure door: a customer's state, an event and the rules in force give the next state and the actions.

The same function runs live, in replay and in tests; what it reads of the world is in its arguments.
"""

import dataclasses
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from msgspec.structs import replace

from headrace.contracts.actions import Desired
from headrace.contracts.events import CustomerDeleted, Event
from headrace.rules.model import Spend
from headrace.segmentation.absorb import Absorbed, NotApplicable, absorb
from headrace.segmentation.actions import Stamp, emit, emit_grave
from headrace.segmentation.activation import adopt
from headrace.segmentation.compiled import CompiledRules
from headrace.segmentation.entries import Verdict, Walk
from headrace.segmentation.facts import Facts
from headrace.segmentation.ledger import counted_spend
from headrace.segmentation.state import State
from headrace.segmentation.triggers import Occurrence

__all__ = ["Context", "Decision", "NotApplicable", "Trace", "activate", "decide"]

_DEFAULT_SPEND: Final = counted_spend(Spend())


@dataclass(frozen=True, slots=True)
class Context:
    """Where the record stands: `offset` in its partition, `now` the largest clock of its store before it.

    `rules_version` is that of the rule set given beside it, 0 = none.
    """

    generation: int
    offset: int
    now: datetime | None
    rules_version: int


@dataclass(frozen=True, slots=True)
class Trace:
    """Why: the event, and the verdict of every entry it concerned."""

    event: str
    verdicts: tuple[Verdict, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """What came of one event. `wake_at`: when the customer must be looked at again; None until timers come."""

    state: State
    actions: tuple[Desired, ...]
    wake_at: datetime | None
    trace: Trace


def decide(state: State | None, event: Event, rules: CompiledRules | None, context: Context) -> Decision:
    """Apply one event to one customer. `rules` None: facts and ledger are kept, nothing is claimed.

    A state that never saw `context.rules_version` takes the rules over first. A deleted customer stays deleted: the
    store never gives an id twice, so whatever still comes for it is late and ignored.
    Raises `NotApplicable` for an event that is not about a customer, has no revision or another currency.
    """
    envelope = event.envelope
    before = state if state is not None else State(key=envelope.subject)
    if before.deleted:
        return _unchanged(before, envelope.id, "grave")
    stamp = Stamp(context.generation, context.offset, context.rules_version, envelope.id, envelope.headraceorigin)
    if isinstance(event.data, CustomerDeleted):
        grave = State(key=before.key, rules_version=before.rules_version, deleted=True)
        return Decision(grave, emit_grave(before, stamp), None, Trace(envelope.id))
    if rules is None:
        return _keep(before, absorb(before, event, _DEFAULT_SPEND, None), stamp)
    return _decide(before, event, rules, stamp)


def activate(state: State, rules: CompiledRules, context: Context, activation: str) -> Decision:
    """Take the rule set of `context.rules_version` over, as of its marker's offset; older or equal: nothing happens.

    Claims of rules that are gone are dropped, `renamed_from` carries over, new and edited rules with `past: apply` are
    folded over the ledger, segments and ladders evaluated again.
    """
    event = f"activation:{activation}"
    if context.rules_version <= state.rules_version:
        return _unchanged(state, event, "already active")
    if state.deleted:
        return _unchanged(replace(state, rules_version=context.rules_version), event, "grave")
    stamp = Stamp(context.generation, context.offset, context.rules_version, event, "activation")
    adopted, verdicts, changed = adopt(state, rules, version=context.rules_version, offset=context.offset)
    return _settle(adopted, rules, stamp, _Step(None, (), verdicts, changed))


@dataclass(frozen=True, slots=True)
class _Step:
    """What led to a settlement: `changed` parts (None = all), triggers, and what was noted before it."""

    changed: frozenset[str] | None
    occurrences: tuple[Occurrence, ...]
    verdicts: list[Verdict]
    sources: list[str]


def _decide(before: State, event: Event, rules: CompiledRules, stamp: Stamp) -> Decision:
    known, verdicts, sources = before, list[Verdict](), list[str]()
    fresh = before.rules_version < stamp.rules_version
    if fresh:
        known, verdicts, sources = adopt(before, rules, version=stamp.rules_version, offset=stamp.offset)
    absorbed = absorb(known, event, rules.spend, rules.rule_set.store.currency)
    if isinstance(absorbed, str):
        return _unchanged(before, stamp.event, absorbed)
    changed = None if fresh else absorbed.changed
    return _settle(absorbed.state, rules, stamp, _Step(changed, absorbed.occurrences, verdicts, sources))


def _settle(state: State, rules: CompiledRules, stamp: Stamp, step: _Step) -> Decision:
    """Fire the rules, evaluate the segments and ladders concerned, tell the sinks what differs."""
    walk = Walk(rules, state.claims, state.standing, offset=stamp.offset)
    entries = rules.plan(frozenset(occurrence.trigger for occurrence in step.occurrences), step.changed)
    if entries:
        walk.run(entries, Facts(state.profile, state.totals, state.ledger, rules.spend), step.occurrences)
    everything = step.changed is None
    changed = step.changed or frozenset()
    moved = walk.claims is not state.claims or walk.standing is not state.standing
    if moved:
        state = replace(state, claims=walk.claims, standing=walk.standing)
    stamp = dataclasses.replace(stamp, changed=(*step.sources, *walk.changed))
    state, actions = emit(
        state,
        rules,
        stamp,
        contact=everything or "profile" in changed,
        # Between groups of one place the newest fact decides, which any change may bring.
        group=everything or moved or "profile" in changed or (rules.ties and bool(changed)),
        labels=everything or bool(walk.changed) or "labels" in changed,
    )
    return Decision(state, actions, None, Trace(stamp.event, (*step.verdicts, *walk.verdicts)))


def _keep(before: State, absorbed: Absorbed | str, stamp: Stamp) -> Decision:
    """Without rules: what was set by hand and how to reach the customer are told, nothing else."""
    if isinstance(absorbed, str):
        return _unchanged(before, stamp.event, absorbed)
    changed = absorbed.changed
    state, actions = emit(
        absorbed.state, None, stamp, contact="profile" in changed, group=False, labels="labels" in changed
    )
    return Decision(state, actions, None, Trace(stamp.event))


def _unchanged(state: State, event: str, reason: str) -> Decision:
    return Decision(state, (), None, Trace(event, (Verdict("event", "ignored", reason),)))
