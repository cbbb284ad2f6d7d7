"""Notices waiting to be read: coalesced by resource, and which offsets may be committed. Pure: times are arguments.

A notice is done when the events of its resource are acknowledged; offsets are committed up to the first undone one.
"""

import json
from collections import deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from headrace.contracts.actions import Notice
from headrace.contracts.events import StatusChange
from services.ingest.cart_news import NO_NEWS, CartNews, cart_news, resource_number
from services.ingest.consent_hooks import word_of
from services.ingest.normalise import Malformed, status_name
from services.ingest.words import Word

Key = tuple[str, int]
"""(resource, id); a cart's id is a UUID and that of a consent a hash, here as the numbers they are."""
_DECODER: Final = msgspec.json.Decoder(Notice)


class BadNotice(ValueError):
    """The record is no notice. The message says what is wrong and repeats nothing of it."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a notice stands."""

    partition: int
    offset: int


@dataclass(slots=True)
class Pending:
    """One resource to be read, and all its notices say about it."""

    key: Key
    places: list[Place] = field(default_factory=list)
    told_at: datetime | None = None
    """The newest change that a notice tells of; None when a read cannot be compared with it."""
    status_change: StatusChange | None = None
    status_told_at: datetime | None = None
    refund_ids: set[int] = field(default_factory=set)
    deleted_at: datetime | None = None
    cart: CartNews = NO_NEWS
    words: list[tuple[str, Word]] = field(default_factory=list)
    """What an address said, by source."""
    attempt: int = 0
    due: float = 0.0

    def absorb(self, other: "Pending") -> None:
        """Takes over what another one of the same resource says."""
        self.places += other.places
        self.told_at = _later(self.told_at, other.told_at)
        self.deleted_at = _later(self.deleted_at, other.deleted_at)
        self.refund_ids |= other.refund_ids
        self.cart = self.cart.and_then(other.cart)
        self.words += other.words
        if other.status_told_at and (not self.status_told_at or other.status_told_at >= self.status_told_at):
            self.status_change, self.status_told_at = other.status_change, other.status_told_at
        self.attempt = min(self.attempt, other.attempt)
        self.due = min(self.due, other.due)


def read_record(value: bytes | None, place: Place) -> Pending:
    """What one record of `headrace.notices` asks for. Raises `BadNotice`."""
    try:
        notice = _DECODER.decode(value or b"")
        body = json.loads(notice.body)
        pending = Pending((notice.resource, resource_number(notice.resource, notice.resource_id)), [place])
        data = body.get("data") or {}
        told_at = datetime.fromtimestamp(int(body["created_at"]), UTC) if "created_at" in body else None
        _tell(pending, notice.scope, data, told_at)
    except (msgspec.MsgspecError, ValueError, TypeError, AttributeError, KeyError, OverflowError, OSError) as error:
        raise BadNotice(f"not a notice: {type(error).__name__}") from error
    return pending


def _tell(pending: Pending, scope: str, data: dict[str, Any], told_at: datetime | None) -> None:
    if scope.endswith("/deleted") and not scope.startswith("store/customer/address/"):
        pending.deleted_at = told_at or datetime.fromtimestamp(0, UTC)
    elif scope in _DATED_SCOPES:
        pending.told_at = told_at
    if scope.startswith("store/cart/"):
        pending.cart = cart_news(scope, data, told_at)
    if scope.startswith("consent/"):
        pending.words = [word_of(data)]
    if scope == "store/order/refund/created":
        pending.refund_ids.add(int(data["refund"]["refund_id"]))
    if scope == "store/order/statusUpdated" and isinstance(data.get("status"), dict):
        pending.status_change = _status_change(data["status"])
        pending.status_told_at = told_at


_DATED_SCOPES: Final = frozenset(
    {
        "store/order/created",
        "store/order/updated",
        "store/order/archived",
        "store/order/statusUpdated",
        "store/customer/created",
        "store/customer/updated",
    }
)
"""Changes that `date_modified` of the resource tells of; of the others (addresses) that is not established."""


def _status_change(status: dict[str, Any]) -> StatusChange | None:
    try:
        return StatusChange(
            previous=status_name(status["previous_status_id"]), new=status_name(status["new_status_id"])
        )
    except (Malformed, KeyError):
        return None


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max((each for each in (one, other) if each is not None), default=None)


class Backlog:
    """Everything read from the notices topic and not yet done."""

    def __init__(self) -> None:
        self._waiting: dict[Key, Pending] = {}
        self._offsets: dict[int, _Offsets] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def see(self, place: Place) -> None:
        """A record was taken from the topic: it must be done before later offsets are committed."""
        self._offsets.setdefault(place.partition, _Offsets()).see(place.offset)

    def add(self, pending: Pending) -> None:
        """Waits, together with what waits for the same resource already."""
        waiting = self._waiting.get(pending.key)
        if waiting is None:
            self._waiting[pending.key] = pending
        else:
            waiting.absorb(pending)

    def take(self, now: float, limit: int) -> list[Pending]:
        """Up to `limit` due resources, the longest waiting first; they are out of the backlog until added again."""
        found = []
        for pending in self._waiting.values():
            if pending.due <= now:
                found.append(pending)
                if len(found) >= limit:
                    break
        for pending in found:
            del self._waiting[pending.key]
        return found

    def next_due(self) -> float | None:
        """When the first waiting one is due."""
        return min((pending.due for pending in self._waiting.values()), default=None)

    def finish(self, places: Iterable[Place]) -> None:
        """These notices are done. Those of partitions we have lost are somebody else's."""
        for place in places:
            offsets = self._offsets.get(place.partition)
            if offsets is not None:
                offsets.finish(place.offset)

    def committable(self) -> dict[int, int]:
        """Partition -> next offset to read, where it is another than Kafka was last told."""
        moved = {partition: offsets.moved() for partition, offsets in self._offsets.items()}
        return {partition: offset for partition, offset in moved.items() if offset is not None}

    def committed(self, committed: Mapping[int, int]) -> None:
        """Kafka has these offsets. Until then a failed commit comes again with the next."""
        for partition, offset in committed.items():
            if partition in self._offsets:
                self._offsets[partition].committed = offset

    def lose(self, partitions: Collection[int]) -> None:
        """These partitions are no longer ours; what waits from them is dropped."""
        for partition in partitions:
            self._offsets.pop(partition, None)
        for key, pending in list(self._waiting.items()):
            pending.places = [place for place in pending.places if place.partition not in partitions]
            if not pending.places:
                del self._waiting[key]


class _Offsets:
    """Offsets of one partition in the order they were read, and which are done."""

    def __init__(self) -> None:
        self._open: deque[int] = deque()
        self._done: set[int] = set()
        self._next: int | None = None
        self.committed: int | None = None

    def see(self, offset: int) -> None:
        self._open.append(offset)

    def finish(self, offset: int) -> None:
        self._done.add(offset)
        while self._open and self._open[0] in self._done:
            first = self._open.popleft()
            self._done.discard(first)
            self._next = first + 1

    def moved(self) -> int | None:
        return None if self._next == self.committed else self._next
