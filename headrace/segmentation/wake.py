"""The second pure door: a customer to whom nothing happens but time.

When somebody is worth a look is kept by `services/evaluator/due.py`; this says what the look comes to, whenever it is
taken: each timer fires as of its own due time, so nothing depends on when that was.
"""

from datetime import UTC
from typing import Final

from headrace.contracts.actions import Desired
from headrace.segmentation.actions import Stamp
from headrace.segmentation.compiled import CompiledRules
from headrace.segmentation.entries import Verdict
from headrace.segmentation.settle import Context, Decision, Step, Trace, settle, unchanged, wake_at
from headrace.segmentation.state import State, Timer
from headrace.segmentation.timers import ONLY_TIME

ORIGIN: Final = "time"
"""Of the cause of what a timer changed."""


def wake(state: State, rules: CompiledRules, context: Context) -> Decision:
    """Fire the customer's timers due by `context.now`, the earliest first, and those that they set in turn.

    `rules` are those the state was settled under last, `context.offset` is the state's own mark: a timer belongs to
    the record that set it, and its actions are numbered after that record's. Timers of one moment fire together, in
    the order in which entries read each other's labels.
    """
    actions, verdicts, pages = list[Desired](), list[Verdict](), dict[str, bytes | None]()
    woken, due = state, _due(state, context)
    while due:
        decision = _fire(woken, due, rules, context)
        actions += decision.actions
        verdicts += decision.trace.verdicts
        pages |= decision.pages
        woken = decision.state
        due = _due(woken, context)
    if woken is state:
        return unchanged(state, ORIGIN, "no timer is due")
    return Decision(woken, tuple(actions), wake_at(woken), Trace(ORIGIN, tuple(verdicts)), pages)


def _due(state: State, context: Context) -> tuple[Timer, ...]:
    """The timers of the first moment that has come."""
    if not state.timers or context.now is None or state.timers[0].due > context.now:
        return ()
    return tuple(timer for timer in state.timers if timer.due == state.timers[0].due)


def _fire(state: State, due: tuple[Timer, ...], rules: CompiledRules, context: Context) -> Decision:
    moment = due[0].due.astimezone(UTC)
    name = f"{ORIGIN}:{moment:%Y-%m-%dT%H:%M:%S.%fZ}"
    stamp = Stamp(context.generation, context.offset, state.rules_version, name, ORIGIN, step=state.step, at=moment)
    return settle(state, rules, stamp, Step(ONLY_TIME, (), [], [], moment))
