"""What a record of the source says, or why it cannot be used.

What becomes of an event is `agent.py`'s, how a record is set aside `dead_letters.py`'s.
"""

from datetime import UTC, datetime

import msgspec

from headrace.contracts.events import Event, RulesetActivated, decode_event
from services.evaluator.dead_letters import Reason
from services.evaluator.engine.fold import SourceRecord


class SetAside(Exception):  # reads as the fact it states
    """This record becomes a dead letter."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason: Reason = reason
        self.detail = detail


def decode(record: SourceRecord) -> Event:
    """Its event. Raises `SetAside`."""
    if record.value is None:
        raise SetAside("undecodable", "no value")
    try:
        return decode_event(record.value)
    except msgspec.DecodeError as error:
        raise SetAside("undecodable", str(error)) from error
    except UnicodeDecodeError as error:
        raise SetAside("undecodable", error.reason) from error
    except RecursionError as error:
        raise SetAside("undecodable", "nested too deep") from error


def utc(now: datetime) -> datetime:
    """The moment in UTC, as states keep it. Raises `SetAside`."""
    try:
        return now.astimezone(UTC)
    except OverflowError as error:  # no state could hold it
        raise SetAside("not_applicable", "no such time") from error


def announced_in(record: SourceRecord) -> RulesetActivated | None:
    """The rule set that it puts in force, if it does."""
    try:
        data = decode(record).data
    except SetAside:
        return None
    return data if isinstance(data, RulesetActivated) else None
