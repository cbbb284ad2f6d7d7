"""What waits for its time: which action of which entry, for what, and until when."""

from headrace.segmentation.compiled import CompiledRules
from headrace.segmentation.compiled_actions import explain_action
from headrace.segmentation.explaining.seen import WaitingSeen
from headrace.segmentation.state import State


def waiting_seen(state: State, rules: CompiledRules) -> tuple[WaitingSeen, ...]:
    """The earliest first."""
    return tuple(
        WaitingSeen(rule=one.source, action=explain_action(action), cause=one.cause, due=one.due)
        for one in state.pending
        if (action := rules.waiting.get((one.source, one.key))) is not None
    )
