"""Which topic an action goes to, by its type, and an effect.

What they say was decided by `headrace.segmentation`.
"""

from collections.abc import Mapping
from typing import Final

from headrace.contracts.actions import (
    Desired,
    DesiredAttributes,
    DesiredContact,
    DesiredEmailTags,
    DesiredGroup,
    encode,
)
from headrace.contracts.effects import Effect, encode_effect
from headrace.contracts.topics import (
    ACTIONS_ATTRIBUTES,
    ACTIONS_CONTACT,
    ACTIONS_EFFECTS,
    ACTIONS_EMAIL_TAGS,
    ACTIONS_GROUP,
)
from services.evaluator.engine.fold import Output

TOPICS: Final[Mapping[type[Desired], str]] = {
    DesiredGroup: ACTIONS_GROUP,
    DesiredAttributes: ACTIONS_ATTRIBUTES,
    DesiredEmailTags: ACTIONS_EMAIL_TAGS,
    DesiredContact: ACTIONS_CONTACT,
}


def output_of(action: Desired, *, key: bytes, partition: int, prefix: str) -> Output:
    """The record of an action; its partition is that of the event it came from."""
    return Output(prefix + TOPICS[type(action)], partition, key, encode(action))


def effect_output(effect: Effect, *, key: bytes, partition: int, prefix: str) -> Output:
    """The record of an effect, which goes beside the actions of the same decision."""
    return Output(prefix + ACTIONS_EFFECTS, partition, key, encode_effect(effect))
