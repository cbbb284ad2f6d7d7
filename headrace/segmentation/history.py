"""The membership history of a customer: every change with its time and cause, the newest in the state, older on pages.

Changes are appended as bytes and opened only by who asks for them, so a long history costs an event nothing.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from headrace.segmentation import pages as paging
from headrace.segmentation.codec import StateUnreadable, encode_page, page_content
from headrace.segmentation.compiled import Renames
from headrace.segmentation.pages import NOTHING_WRITTEN, Pages, Written, history_page
from headrace.segmentation.state import Claims, Part, Standing, State

Kind = Literal["segment", "rung", "group", "claim", "drift"]
Alike = tuple[Kind, bool, Sequence[str]]
"""Whether they were entered, and the names of some."""


class Change(Part, frozen=True, array_like=True):
    """One change: `at` on the store's clock, None before its first; `cause`: the event's id, activation or due time.

    `name`: a segment, `ladder:rung` (rungs count from 1), a group ("" = no group), a rule that claims something.
    Of rungs and groups only the new one is told: a customer has exactly one. A group that is left means that the
    customer is no longer ours to move. A drift names the group that somebody else put the customer into. `offset`: of
    the record it happened at.
    """

    at: datetime | None
    kind: Kind
    name: str
    entered: bool
    cause: str
    offset: int


class Memberships(Struct, frozen=True):
    """What the history tells the changes of."""

    standing: Standing
    claims: Claims
    group: str | None


def memberships(state: State) -> Memberships:
    """Of a customer as it is."""
    return Memberships(state.standing, state.claims, state.emitted.group)


def memberships_before(state: State, renames: Renames) -> Memberships:
    """Of a customer that did not know these rules yet, by the names they have in them: a new name is no change."""
    segments = tuple(renames.segments.get(name, name) for name in state.standing.segments)
    rungs = {renames.ladders.get(name, name): rung for name, rung in state.standing.rungs.items()}
    latched = {renames.rules.get(name, name): latch for name, latch in state.claims.latched.items()}
    standing = replace(state.standing, segments=segments, rungs=rungs)
    return Memberships(standing, replace(state.claims, latched=latched), state.emitted.group)


def changes(before: Memberships, after: Memberships, at: datetime | None, cause: str, offset: int) -> list[Change]:
    """What differs; of each kind, what is left comes first."""
    was, now = before.standing, after.standing
    found: list[Alike] = []
    if was.segments is not now.segments:
        found += _differing("segment", was.segments, now.segments)
    if was.rungs is not now.rungs:
        found += _rungs(was.rungs, now.rungs)
    if before.claims is not after.claims and before.claims.latched.keys() != after.claims.latched.keys():
        found += _differing("claim", before.claims.latched, after.claims.latched)
    if before.group != after.group:
        left = after.group is None
        found.append(("group", not left, ((before.group if left else after.group) or "",)))
    return [Change(at, kind, name, entered, cause, offset) for kind, entered, names in found for name in names]


def remember(state: State, new: Sequence[Change]) -> tuple[State, Written]:
    """The state with these changes at the end of its history, and the pages this fills."""
    if not new:
        return state, NOTHING_WRITTEN
    known = state.history
    count = int.from_bytes(known[:_COUNT_BYTES]) + len(new)
    history = count.to_bytes(_COUNT_BYTES) + known[_COUNT_BYTES:] + _elements(new)
    if count < paging.LIMITS.changes:
        return replace(state, history=history), NOTHING_WRITTEN
    return _turn_pages(state, _decode(history))


def read_history(state: State, pages: Pages) -> Iterator[Change]:
    """Every change, the oldest first. Raises `StateUnreadable`."""
    for number in range(state.history_pages):
        yield from _page(number, pages)
    yield from _decode(state.history)


def newest_first(state: State, pages: Pages) -> Iterator[Change]:
    """Every change, the newest first; a page is read when it is come to. Raises `StateUnreadable`."""
    yield from reversed(_decode(state.history))
    for number in reversed(range(state.history_pages)):
        yield from reversed(_page(number, pages))


_COUNT_BYTES: Final = 2
_ARRAY: Final = b"\xdc"
"""The msgpack header of an array whose length follows in two bytes, as it stands before the encoded changes."""
_SHORT: Final = 15
"""So many elements, and their number is in the one byte of the header."""
_encode: Final = msgspec.msgpack.Encoder().encode
_DECODER: Final = msgspec.msgpack.Decoder(tuple[Change, ...])


def _page(number: int, pages: Pages) -> tuple[Change, ...]:
    page = pages.read(history_page(number))
    if page is None:
        raise StateUnreadable("a page of the history is missing")
    return _decode(page_content(page))


def _decode(history: bytes) -> tuple[Change, ...]:
    try:
        return _DECODER.decode(_ARRAY + history) if history else ()
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise StateUnreadable(f"history: {error}") from error


def _run(known: Sequence[Change]) -> bytes:
    return len(known).to_bytes(_COUNT_BYTES) + _elements(known)


def _elements(known: Sequence[Change]) -> bytes:
    """Encoded, without the header of the array they are in."""
    return _encode(known)[1 if len(known) <= _SHORT else len(_ARRAY) + _COUNT_BYTES :]


def _turn_pages(state: State, known: tuple[Change, ...]) -> tuple[State, Written]:
    limits, written, number = paging.LIMITS, dict[str, bytes | None](), state.history_pages
    while len(known) >= limits.changes:
        oldest, known = known[: limits.changes_a_page], known[limits.changes_a_page :]
        written[history_page(number)] = encode_page(_run(oldest))
        number += 1
    return replace(state, history=_run(known), history_pages=number), written


def _differing(kind: Kind, before: Iterable[str], after: Iterable[str]) -> tuple[Alike, Alike]:
    left, entered = set(before).difference(after), set(after).difference(before)
    return (kind, False, sorted(left)), (kind, True, sorted(entered))


def _rungs(before: dict[str, int], after: dict[str, int]) -> tuple[Alike, Alike]:
    left = [f"{name}:{before[name] + 1}" for name in sorted(before.keys() - after.keys())] if before else []
    entered = sorted([name for name, rung in after.items() if before.get(name) != rung] if before else after)
    return ("rung", False, left), ("rung", True, [f"{name}:{after[name] + 1}" for name in entered])
