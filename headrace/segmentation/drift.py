"""A customer put into another group in the store, by a person or another system, after the store had the one we wanted.

What is done about it is the rule set's `drift`; what has not arrived in the store yet is no drift.
"""

from typing import Final

from msgspec.structs import replace

from headrace.segmentation.compiled import CompiledRules
from headrace.segmentation.pins import can_be_pinned
from headrace.segmentation.state import Pin, State
from headrace.segmentation.verdicts import Verdict

REASON: Final = "changed in the store"


def moved_to(before: State, after: State) -> str | None:
    """The group the store has now ("" for none), where it had the desired one before; None: nobody moved anybody."""
    if before.profile is after.profile or before.profile is None or after.profile is None:
        return None
    told = before.emitted
    if not told.group_known or told.group is None or before.profile.group != told.group:
        return None
    return None if after.profile.group == told.group else after.profile.group


def pinned_there(state: State, rules: CompiledRules, group: str) -> State:
    """The customer pinned to the group the store has, where it is one of ours; else as it was."""
    if state.profile is None or not can_be_pinned(group, rules.groups, rules.rule_set.default_group):
        return state
    return replace(state, pin=Pin(group, REASON, state.profile.modified_at))


def drift_verdict(group: str, rules: CompiledRules) -> Verdict:
    """That somebody moved the customer, and what the rule set says to it."""
    said = {
        "report": "it stays there until the desired group changes",
        "overwrite": "the desired group is written again",
        "pin": "that is taken as a pin",
    }
    return Verdict("drift", "drifted", f"the store has {group or 'no group'} now; {said[rules.rule_set.drift]}")
