"""Whether a partition has to be settled before it is looked at: told by marks and headers, nobody is decoded."""

import struct
from typing import Final

from headrace.contracts.topics import PARTITION_WIDE_KEY
from headrace.segmentation.codec import SCHEMA, microseconds
from services.evaluator.engine.state import PAGE_SIGN, Partition
from services.evaluator.marker import Marker

_HEAD: Final = struct.Struct(">qBq")
"""A state record begins with its mark, its schema and when to wake the customer (0: never)."""


def is_pending(partition: Partition, marker: Marker) -> bool:
    """False when no customer misses an activation or has a timer that is due by the largest clock of any store.

    True where it cannot be told so: a state of an older schema, or a record that is none.
    """
    activated = max((activation.offset for activation in marker.activations), default=-1)
    now = max(map(microseconds, marker.clocks.values()), default=None)
    head, size = _HEAD.unpack_from, _HEAD.size
    for key, value in partition.records.items():
        if PAGE_SIGN in key or key == PARTITION_WIDE_KEY:
            continue
        if len(value) < size:
            return True
        mark, schema, wake_at = head(value)
        if mark < activated or schema != SCHEMA or (wake_at and now is not None and wake_at <= now):
            return True
    return False
