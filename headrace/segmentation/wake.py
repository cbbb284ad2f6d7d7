"""The second pure door: a customer to whom nothing happens but time.

When somebody is worth a look is kept by `services/evaluator/due.py`; this says what the look comes to, whenever it is
taken: each timer fires as of its own due time, so nothing depends on when that was.
"""

from datetime import UTC, datetime
from typing import Final

from headrace.contracts.actions import Desired
from headrace.contracts.effects import Effect
from headrace.segmentation.actions import Stamp
from headrace.segmentation.compiled import CompiledRules
from headrace.segmentation.effects import Fates
from headrace.segmentation.settle import Context, Decision, Step, settle, unchanged, wake_at
from headrace.segmentation.state import State
from headrace.segmentation.timers import ONLY_TIME, rules_due
from headrace.segmentation.verdicts import Part, Trace

ORIGIN: Final = "time"
"""Of the cause of what a timer changed."""


def wake(state: State, rules: CompiledRules, context: Context) -> Decision:
    """Fire the customer's timers due by `context.now`, the earliest first, and those that they set in turn.

    `rules` are those the state was settled under last, `context.offset` is the state's own mark: a timer belongs to
    the record that set it, and its actions are numbered after that record's. Timers of one moment fire together, in
    the order in which entries read each other's labels.
    """
    actions: list[Desired] = []
    effects: list[Effect] = []
    parts: list[Part] = []
    pages: dict[str, bytes | None] = {}
    fates: Fates = ()
    woken, moment = state, _moment(state, context)
    while moment is not None:
        decision = _fire(woken, moment, rules, context)
        actions += decision.actions
        effects += decision.effects
        fates += decision.fates
        parts += decision.trace.parts
        pages |= decision.pages
        woken = decision.state
        moment = _moment(woken, context)
    if woken is state:
        return unchanged(state, ORIGIN, "no timer is due")
    trace = Trace(ORIGIN, tuple(parts))
    return Decision(woken, tuple(actions), wake_at(woken), trace, pages, tuple(effects), fates)


def _moment(state: State, context: Context) -> datetime | None:
    """The first moment that has come of a timer, or of an action that waits."""
    due = wake_at(state)
    return None if due is None or context.now is None or due > context.now else due.astimezone(UTC)


def _fire(state: State, moment: datetime, rules: CompiledRules, context: Context) -> Decision:
    name = f"{ORIGIN}:{moment:%Y-%m-%dT%H:%M:%S.%fZ}"
    stamp = Stamp(context.generation, context.offset, state.rules_version, name, ORIGIN, step=state.step, at=moment)
    occurrences = rules_due(state, rules, moment)
    return settle(state, rules, stamp, Step(ONLY_TIME, occurrences, [], [], moment, due=moment, clock=context.now))
