"""State to bytes and back: a byte of schema version, when to wake the customer, then msgpack by position.

An older schema is lifted step by step to today's. What the fields mean is in `state.py`.
"""

import struct
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from headrace.segmentation.state import Line, State

SCHEMA: Final = 2
"""Raise it when a field changes its meaning or place, and add the step to `UPGRADES`; a new last field needs none."""

RawState = list[Any]
UPGRADES: Final[dict[int, Callable[[RawState], RawState]]] = {1: lambda raw: raw}
"""From schema n to n + 1, on the fields by position."""

_HEADER: Final = struct.Struct(">Bq")
_SCHEMAS_WITHOUT_WAKE_AT: Final = (0, 1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_encode: Final = msgspec.msgpack.Encoder().encode
_DECODER: Final = msgspec.msgpack.Decoder(State)
_LINES: Final = msgspec.msgpack.Decoder(tuple[Line, ...])


class StateUnreadable(Exception):  # reads as the fact it states
    """The bytes are no state this release can read: damaged, or written by a newer one."""


def encode_state(state: State) -> bytes:
    """The state record without its mark."""
    wake_at = microseconds(state.timers[0].due) if state.timers else 0
    return _HEADER.pack(SCHEMA, wake_at) + _encode(state)


def microseconds(moment: datetime) -> int:
    """Since the epoch, as the header of a record tells when to wake the customer."""
    return (moment - _EPOCH) // _MICROSECOND


def wake_at_of(data: bytes) -> int:
    """When the customer's first timer is due, in microseconds since the epoch; 0 for none. Reads the header only."""
    if len(data) < _HEADER.size or data[0] in _SCHEMAS_WITHOUT_WAKE_AT:
        return 0
    wake_at: int = _HEADER.unpack_from(data)[1]
    return wake_at


def decode_state(data: bytes) -> State:
    """Raises `StateUnreadable`."""
    if not data:
        raise StateUnreadable("empty record")
    body = memoryview(data)[1 if data[0] in _SCHEMAS_WITHOUT_WAKE_AT else _HEADER.size :]
    try:
        if data[0] == SCHEMA:
            return _DECODER.decode(body)
        return msgspec.convert(_lift(data[0], body), State)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise StateUnreadable(f"schema {data[0]}: {error}") from error


def encode_lines(lines: tuple[Line, ...]) -> bytes:
    """The lines of one order, as `Entry.lines` keeps them."""
    return _encode(lines)


def decode_lines(data: bytes) -> tuple[Line, ...]:
    """The lines of one entry."""
    return _LINES.decode(data)


def _lift(schema: int, body: memoryview) -> RawState:
    if schema > SCHEMA:
        raise StateUnreadable(f"schema {schema} is newer than this release's {SCHEMA}")
    raw = msgspec.msgpack.decode(body)
    while schema < SCHEMA:
        if schema not in UPGRADES:
            raise StateUnreadable(f"no way up from schema {schema}")
        raw = UPGRADES[schema](raw)
        schema += 1
    return raw  # type: ignore[no-any-return]  # fields by position
