"""Which customers two folds of one log want told other things: counted by kind.

Pure: both sides are states; how they came about is not asked.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from headrace.segmentation.codec import StateUnreadable, decode_state
from headrace.segmentation.state import Emitted
from services.evaluator.engine.state import PAGE_SIGN


@dataclass(frozen=True, slots=True)
class Differences:
    """How many customers have another group, other attributes, other e-mail tags."""

    groups: int = 0
    attributes: int = 0
    tags: int = 0

    def __add__(self, other: "Differences") -> "Differences":
        return Differences(self.groups + other.groups, self.attributes + other.attributes, self.tags + other.tags)


_NOTHING = Emitted()


def differences(ours: Mapping[bytes, bytes], live: Mapping[bytes, bytes]) -> Differences:
    """Of two sides' canonical bodies by key; a customer whom one side does not have wants nothing there."""
    found = Differences()
    for key in ours.keys() | live.keys():
        if PAGE_SIGN not in key and ours.get(key) != live.get(key):
            found += _between(_wanted(ours.get(key)), _wanted(live.get(key)))
    return found


def _between(one: Emitted, other: Emitted) -> Differences:
    return Differences(_group(one) != _group(other), one.attributes != other.attributes, one.tags != other.tags)


def _group(emitted: Emitted) -> str | None:
    return emitted.group if emitted.group_known else None


def _wanted(body: bytes | None) -> Emitted:
    if body is None:
        return _NOTHING
    try:
        return decode_state(body).emitted
    except StateUnreadable:
        return _NOTHING
