"""What a sink must be told anew when another fold of the log takes over: whatever differs from what it was told last.

What the customer is wanted to have is in its state; nothing of the state changes here.
"""

from dataclasses import dataclass

from msgspec.structs import replace

from headrace.contracts.actions import (
    Desired,
    DesiredAttributes,
    DesiredContact,
    DesiredEmailTags,
    DesiredGroup,
)
from headrace.segmentation.actions import Stamp, emit, emit_grave, joined
from headrace.segmentation.compiled import CompiledRules
from headrace.segmentation.state import Contact, Emitted, State

STEPS = 4
"""One customer's actions here at most: one of each kind."""


@dataclass(frozen=True, slots=True)
class Told:
    """The newest action of each kind that a customer's sinks can have seen; None: none of that kind."""

    group: DesiredGroup | None = None
    attributes: DesiredAttributes | None = None
    tags: DesiredEmailTags | None = None
    contact: DesiredContact | None = None


def reassert(state: State, rules: CompiledRules | None, told: Told, stamp: Stamp) -> tuple[Desired, ...]:
    """The actions that lead from `told` to what this state wants; none when that is the same.

    `rules` None: none are in force, so that only what was set by hand and how to reach the customer are told.
    """
    known = replace(state, emitted=_memory(state.emitted, told))
    if state.deleted:
        return emit_grave(known, stamp)
    _, actions = emit(known, rules, stamp, contact=True, group=True, labels=True)
    return actions


def _memory(own: Emitted, told: Told) -> Emitted:
    """As if the state had told it: only which groups are ours is what it knows itself, and what it was told."""
    group = None if told.group is None else told.group.value
    ours = own.ours if not group or group in own.ours else (*own.ours, group)
    memory = Emitted(group_known=told.group is not None, group=group, ours=ours, contact=_contact(told.contact))
    if told.attributes is not None:
        memory = replace(memory, attributes=told.attributes.present, attributes_absent=told.attributes.absent)
    if told.tags is not None:
        memory = replace(
            memory,
            tags=joined(told.tags.present, told.tags.lists),
            tags_absent=joined(told.tags.absent, told.tags.lists_absent),
        )
    return memory


def _contact(told: DesiredContact | None) -> Contact | None:
    if told is None or told.deleted:
        return None
    person = told.personal
    if person is None:
        return Contact(None, None, None, told.subscribed)
    return Contact(person.email, person.first_name, person.last_name, told.subscribed)
