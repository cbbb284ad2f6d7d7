"""Which topic an action goes to, by its type.

What the action says was decided by `headrace.segmentation`.
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
from headrace.contracts.topics import ACTIONS_ATTRIBUTES, ACTIONS_CONTACT, ACTIONS_EMAIL_TAGS, ACTIONS_GROUP
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
