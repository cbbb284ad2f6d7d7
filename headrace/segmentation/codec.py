"""State to bytes and back: a byte of schema version, when to wake the customer, then msgpack by position.

An older schema is lifted step by step to today's. What the fields mean is in `state.py`.
"""

import struct
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from headrace.segmentation.state import Entry, Line, State, first_due

SCHEMA: Final = 2
"""Raise it when a field changes its meaning or place, and add the step to `UPGRADES`; a new last field needs none."""

RawState = list[Any]

_HEADER: Final = struct.Struct(">Bq")
_SCHEMAS_WITHOUT_WAKE_AT: Final = (0, 1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
PAGE_SCHEMA: Final = 1
_PAGE_PREFIX: Final = bytes([PAGE_SCHEMA])
_encode: Final = msgspec.msgpack.Encoder().encode
_DECODER: Final = msgspec.msgpack.Decoder(State)
_ENTRY: Final = msgspec.msgpack.Decoder(Entry)
_LINES: Final = msgspec.msgpack.Decoder(tuple[Line, ...])


class StateUnreadable(Exception):  # reads as the fact it states
    """The bytes are no state this release can read: damaged, or written by a newer one."""


def encode_state(state: State) -> bytes:
    """The state record without its mark."""
    due = first_due(state)
    wake_at = 0 if due is None else microseconds(due)
    return _HEADER.pack(SCHEMA, wake_at) + _encode(state)


def microseconds(moment: datetime) -> int:
    """Since the epoch, as the header of a record tells when to wake the customer; never 0, which stands for none."""
    return (moment - _EPOCH) // _MICROSECOND or 1


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
    except (msgspec.DecodeError, msgspec.ValidationError, *_NOT_LIFTED) as error:
        raise StateUnreadable(f"schema {data[0]}: {error}") from error


def encode_entry(entry: Entry) -> bytes:
    """One order, as the ledger keeps it."""
    return _encode(entry)


def decode_entry(data: bytes) -> Entry:
    """One order. Raises `StateUnreadable`."""
    try:
        return _ENTRY.decode(data)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise StateUnreadable(f"order: {error}") from error


def encode_page(content: bytes) -> bytes:
    """A page: a byte of schema version, then what it holds as the state would hold it."""
    return _PAGE_PREFIX + content


def page_content(page: bytes) -> bytes:
    """What a page holds. Raises `StateUnreadable`."""
    if page[:1] != _PAGE_PREFIX:
        raise StateUnreadable(f"page of schema {page[0] if page else 'none'}, this release reads {PAGE_SCHEMA}")
    return page[1:]


def encode_lines(lines: tuple[Line, ...]) -> bytes:
    """The lines of one order, as `Entry.lines` keeps them."""
    return _encode(lines)


def decode_lines(data: bytes) -> tuple[Line, ...]:
    """The lines of one entry."""
    return _LINES.decode(data)


_NOT_LIFTED: Final = (TypeError, ValueError, AttributeError)
"""What a step upwards raises on fields that are not those of its schema."""


def _from_schema_1(raw: RawState) -> RawState:
    """Entries become bytes that are opened one by one, and the accumulators must be added up anew: they grew."""
    *first, ledger, totals, claims, standing, emitted, folded, recent = raw
    entries = {order: _encode(entry) for order, entry in ledger.items()}
    return [*first, entries, totals, claims, standing, emitted, folded, recent, 0, (), (), b"", 0, "schema 1"]


UPGRADES: Final[dict[int, Callable[[RawState], RawState]]] = {1: _from_schema_1}
"""From schema n to n + 1, on the fields by position."""


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
