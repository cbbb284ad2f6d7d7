"""Where a replay `--until` a time ends: before the first record by which the store's clock has passed it.

Pure; who reads the records is `partition.py`.
"""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from headrace.contracts.events import Clock, decode_event
from headrace.contracts.topics import PARTITION_WIDE_KEY
from services.evaluator.engine.fold import SourceRecord


def before_passing(records: Sequence[SourceRecord], until: datetime, store: str | None) -> int | None:
    """How many of the records come before the clock passes `until`; None: it does not pass it here.

    `store` None: the first store whose clock does.
    """
    for number, record in enumerate(records):
        now = _clock(record, store)
        if now is not None and now > until:
            return number
    return None


def _clock(record: SourceRecord, store: str | None) -> datetime | None:
    if record.key != PARTITION_WIDE_KEY or record.value is None:
        return None
    try:
        data = decode_event(record.value).data
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # the fold passes over it too
        return None
    return data.now if isinstance(data, Clock) and store in (None, data.store) else None
