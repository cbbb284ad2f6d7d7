"""A customer's state as JSON for people: fields by name, lines opened, personal data left out unless it is asked for.

Pure; what the fields mean is said in `headrace.segmentation.state`.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import asdict, replace

from headrace.segmentation.codec import StateUnreadable, decode_entry, decode_lines, decode_state, wake_at_of
from headrace.segmentation.history import read_history
from headrace.segmentation.pages import NO_PAGES
from headrace.segmentation.state import Entry, State

_PERSONAL: Final = frozenset({"email", "first_name", "last_name", "phone"})
_HIDDEN: Final = "(personal: add --personal)"
_LAST_CHANGES: Final = 20
"""Of the history; what is older is read with the pages."""


def readable_state(body: bytes, pages: Mapping[bytes, bytes], *, personal: bool) -> dict[str, Any]:
    """`{"schema", "bytes", "pages", "state"}`; `pages` counts them by kind. `state` is None when it cannot be read."""
    shown: dict[str, Any] = {"schema": body[0] if body else None, "bytes": len(body), "pages": _count(pages)}
    try:
        state = decode_state(body)
    except StateUnreadable as error:
        return {**shown, "unreadable": str(error), "state": None}
    return {**shown, "wake_at_us": wake_at_of(body), "state": _state(state, personal=personal)}


def _state(state: State, *, personal: bool) -> dict[str, Any]:
    fields = {**asdict(state), "ledger": {order: decode_entry(body) for order, body in state.ledger.items()}}
    shown = {name: _plain(value, personal=personal) for name, value in fields.items()}
    newest = tuple(read_history(replace(state, history_pages=0), NO_PAGES))[-_LAST_CHANGES:]
    return {**shown, "history": _plain(newest, personal=personal)}


def _plain(value: Any, *, personal: bool) -> Any:
    if isinstance(value, Entry):
        return {**_fields(value, personal=personal), "lines": _plain(decode_lines(value.lines), personal=personal)}
    if isinstance(value, Struct):
        return _fields(value, personal=personal)
    if isinstance(value, dict):
        return {str(name): _plain(each, personal=personal) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each, personal=personal) for each in value]
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return f"{len(value)} bytes" if isinstance(value, bytes) else value


def _fields(value: Struct, *, personal: bool) -> dict[str, Any]:
    return {
        name: _HIDDEN if name in _PERSONAL and field and not personal else _plain(field, personal=personal)
        for name, field in asdict(value).items()
    }


def _count(pages: Mapping[bytes, bytes]) -> dict[str, int]:
    """How many of each kind: a page's name is `kind:what`."""
    found: dict[str, int] = {}
    for page in sorted(pages):
        kind = page.partition(b"#")[2].partition(b":")[0].decode(errors="replace")
        found[kind] = found.get(kind, 0) + 1
    return found
