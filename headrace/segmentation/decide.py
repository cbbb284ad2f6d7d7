"""The one pure door: a customer's state, an event and the rules in force give the next state and the actions.

The same function runs live, in replay and in tests; what it reads of the world is in its arguments.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Final

from msgspec.structs import replace

from headrace.contracts.events import CustomerDeleted, Event
from headrace.rules.model import Spend
from headrace.segmentation.absorb import Absorbed, NotApplicable, absorb
from headrace.segmentation.actions import Stamp, emit, emit_grave
from headrace.segmentation.activation import Adopted, adopt
from headrace.segmentation.compiled import CompiledRules
from headrace.segmentation.drift import drift_verdict, moved_to, pinned_there
from headrace.segmentation.farewell import farewell
from headrace.segmentation.group_claims import taken_over
from headrace.segmentation.history import memberships_before
from headrace.segmentation.ledger import counted_spend
from headrace.segmentation.orders import sum_up
from headrace.segmentation.pages import NO_PAGES, Pages, all_removed
from headrace.segmentation.pins import PIN
from headrace.segmentation.settle import Context, Decision, Step, settle, unchanged
from headrace.segmentation.state import State
from headrace.segmentation.totals import Summing
from headrace.segmentation.verdicts import Trace

__all__ = ["Context", "Decision", "NotApplicable", "Trace", "activate", "decide"]

_WITHOUT_RULES: Final = Summing(counted_spend(Spend()))


def decide(
    state: State | None, event: Event, rules: CompiledRules | None, context: Context, *, pages: Pages = NO_PAGES
) -> Decision:
    """Apply one event to one customer. `rules` None: facts and ledger are kept, nothing is claimed.

    A state that never saw `context.rules_version` takes the rules over first. A deleted customer stays deleted: the
    store never gives an id twice, so whatever still comes for it is late and ignored. `pages`: the customer's, as the
    decisions before this one left them.
    Raises `NotApplicable` for an event that is not about a customer, has no revision or another currency.
    """
    envelope = event.envelope
    before = state if state is not None else State(key=envelope.subject)
    if before.deleted:
        return unchanged(before, envelope.id, "grave")
    stamp = Stamp(
        context.generation,
        context.offset,
        context.rules_version,
        envelope.id,
        envelope.headraceorigin,
        at=context.now or envelope.time,
    )
    if isinstance(event.data, CustomerDeleted):
        grave = State(key=before.key, rules_version=before.rules_version, deleted=True)
        removed, actions = all_removed(pages, before.history_pages), emit_grave(before, stamp)
        last = replace(stamp, step=len(actions))
        done = farewell(before, rules, last, envelope.time, context.now, pages)
        trace = Trace(envelope.id, tuple(done.verdicts))
        return Decision(grave, actions, None, trace, removed, done.effects, done.fates)
    if rules is None:
        known = sum_up(before, _WITHOUT_RULES, pages)
        return _keep(before, absorb(known, event, _WITHOUT_RULES, None, pages=pages, now=context.now), stamp)
    return _decide(before, event, rules, stamp, context.now, pages)


def activate(
    state: State,
    rules: CompiledRules,
    context: Context,
    activation: str,
    *,
    pages: Pages = NO_PAGES,
    send_effects: Collection[str] = (),
    take_over: bool = False,
) -> Decision:
    """Take the rule set of `context.rules_version` over, as of its marker's offset; older or equal: nothing happens.

    Claims of rules that are gone are dropped, `renamed_from` carries over, new and edited rules with `past: apply` are
    folded over the ledger, segments and ladders evaluated again. `send_effects`: sources (`segment:vip`) whose effects
    are released; of no others any is. `take_over`: a customer in a group that is not ours is moved all the same.
    """
    event = f"activation:{activation}"
    if context.rules_version <= state.rules_version:
        return unchanged(state, event, "already active")
    if state.deleted:
        return unchanged(replace(state, rules_version=context.rules_version), event, "grave")
    stamp = Stamp(context.generation, context.offset, context.rules_version, event, "activation", at=context.now)
    if take_over:
        state = taken_over(state, rules)
    adopted = adopt(state, rules, version=context.rules_version, offset=context.offset, now=context.now, pages=pages)
    step = Step(
        None,
        (),
        adopted.verdicts,
        adopted.changed,
        context.now,
        memberships_before(state, rules.renames),
        past=adopted.fired,
        named=frozenset(send_effects),
    )
    return settle(adopted.state, rules, stamp, step)


def _decide(
    before: State, event: Event, rules: CompiledRules, stamp: Stamp, now: datetime | None, pages: Pages
) -> Decision:
    adopted = Adopted(sum_up(before, rules.summing, pages, now), [], [])
    fresh = before.rules_version < stamp.rules_version
    if fresh:
        adopted = adopt(adopted.state, rules, version=stamp.rules_version, offset=stamp.offset, now=now, pages=pages)
    absorbed = absorb(
        adopted.state,
        event,
        rules.summing,
        rules.rule_set.store.currency,
        pages=pages,
        now=now,
        triggers=rules.triggers,
    )
    if isinstance(absorbed, str):
        return unchanged(before, stamp.event, absorbed)
    state, parts = absorbed.state, absorbed.changed
    drifted = moved_to(adopted.state, state, pages, rules.store_default)
    if drifted is not None:
        adopted.verdicts.append(drift_verdict(drifted, rules))
        if rules.rule_set.drift == "pin":
            state, parts = pinned_there(state, rules, drifted), parts | {PIN}
    changed = None if fresh else parts
    memberships = memberships_before(before, rules.renames) if fresh else None
    step = Step(
        changed,
        absorbed.occurrences,
        adopted.verdicts,
        adopted.changed,
        now,
        memberships,
        absorbed.pages,
        past=adopted.fired,
        happened=None if event.envelope.headracerevision else event.envelope.time,
        adopted=fresh and before != State(before.key),
        before=adopted.state,
        event_at=event.envelope.time,
        moved_to=drifted,
    )
    return settle(state, rules, stamp, step)


def _keep(before: State, absorbed: Absorbed | str, stamp: Stamp) -> Decision:
    """Without rules: what was set by hand and how to reach the customer are told, nothing else."""
    if isinstance(absorbed, str):
        return unchanged(before, stamp.event, absorbed)
    changed = absorbed.changed
    state, actions = emit(
        absorbed.state, None, stamp, contact="profile" in changed, group=False, labels="labels" in changed
    )
    return Decision(state, actions, None, Trace(stamp.event), absorbed.pages)
