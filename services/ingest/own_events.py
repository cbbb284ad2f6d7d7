"""A store's own events, as its systems post them: checked and made into a record. Pure: the time is an argument.

The HTTP side is in `receive`.
"""

import json
import uuid
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from headrace.contracts.events import (
    CUSTOM_PREFIX,
    REFUND_REQUESTED,
    CustomEvent,
    EventData,
    RefundRequested,
    encode_event,
)
from services.ingest.own_snapshots import POSTED, Misshapen, moment_and_revision, read_posted, refuse_future
from services.ingest.publish import Record

AHEAD: Final = timedelta(minutes=5)
"""How far in the future an event's time may be: it would hold its customer's later facts back."""
_ID_LIMIT: Final = 200
_TYPE_LIMIT: Final = 100
_DEPTH_LIMIT: Final = 32
"""Of objects and lists within the payload."""


class Refused(ValueError):
    """The event is not one we take. `field` is where; the message never repeats what was sent."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class OwnEvent:
    """A checked event: its id, its store, and its record for `headrace.events`."""

    id: str
    store: str
    record: Record


def read_event(body: bytes, *, stores: Mapping[str, bool], idempotency_key: str | None, now: datetime) -> OwnEvent:
    """From `{"type": "custom.x", "customer", "time"?, "id"?, "payload"?}`. Raises `Refused`.

    `stores`: those that the sender may speak for; `customer` says for which, by "store:id" where there are several.
    `refund.requested` is taken too, for the store has no word of it: its payload is `{"order_id", "reason"?}`. For a
    store that is marked True, which nobody reads, `POSTED` are taken, whose payload is the event's data.
    """
    fields = _object(body)
    event_id = _event_id(fields.get("id"), idempotency_key)
    whose = _whose(fields.get("customer"), stores)
    snapshots = any(stores.values()) if whose is None else stores[whose.store]
    type_ = _type(fields.get("type"), (REFUND_REQUESTED, *(POSTED if snapshots else ())))
    if whose is None:
        raise Refused("customer", _how_to_name(fields.get("customer"), stores))
    store, customer = whose
    subject = f"{store}:{customer}"
    payload, time = _payload(fields.get("payload", {})), _time(fields.get("time"), now)
    data = _data(type_, payload, customer, now)
    time, rev = moment_and_revision(data, time, now)
    try:
        value = encode_event(
            data,
            type=type_,
            id=event_id,
            store=store,
            subject=subject,
            time=time,
            origin="live",
            revision=rev,
        )
    except ValueError as error:
        raise Refused("payload", "holds half a character (a lone surrogate)") from error
    kind = "custom" if type_.startswith(CUSTOM_PREFIX) else type_
    return OwnEvent(event_id, store, Record(subject.encode(), value, kind, "live"))


class RecentIds:
    """The events taken lately, so that a repeat can be named one. What makes repeats harmless is the evaluator.

    An id is one customer's: two customers' events may have the same.
    """

    def __init__(self, limit: int = 10_000) -> None:
        self._limit = limit
        self._ids: OrderedDict[tuple[bytes, str], None] = OrderedDict()

    def __contains__(self, event: OwnEvent) -> bool:
        return (event.record.key, event.id) in self._ids

    def add(self, event: OwnEvent) -> None:
        """Remembers it; the oldest is forgotten."""
        mark = event.record.key, event.id
        self._ids[mark] = None
        self._ids.move_to_end(mark)
        if len(self._ids) > self._limit:
            self._ids.popitem(last=False)


def _object(body: bytes) -> dict[str, Any]:
    try:
        # As text, for what JSON may be encoded in is more than what can be written again.
        fields = json.loads(body.decode(), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Refused("body", "is not JSON") from error
    if not isinstance(fields, dict):
        raise Refused("body", "must be an object")
    return fields


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _payload(given: Any) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise Refused("payload", "must be an object")
    if not _is_shallow(given, _DEPTH_LIMIT):
        raise Refused("payload", f"must be nested at most {_DEPTH_LIMIT} deep")
    return given


def _is_shallow(value: Any, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return True
    parts = value.values() if isinstance(value, dict) else value
    return levels > 0 and all(_is_shallow(each, levels - 1) for each in parts)


def _event_id(given: Any, idempotency_key: str | None) -> str:
    if given is not None and not isinstance(given, str):
        raise Refused("id", "must be text")
    if given and idempotency_key and given != idempotency_key:
        raise Refused("id", "differs from the Idempotency-Key header")
    event_id = idempotency_key or given or str(uuid.uuid4())
    if len(event_id) > _ID_LIMIT or not event_id.isprintable():
        raise Refused("id", f"must be at most {_ID_LIMIT} printable characters")
    return event_id


def _data(type_: str, payload: dict[str, Any], customer: str, now: datetime) -> EventData:
    if type_ == REFUND_REQUESTED:
        return _asked(payload)
    if type_ not in POSTED:
        return CustomEvent(payload=payload)
    try:
        data = read_posted(type_, payload, customer)
        refuse_future(data, now, AHEAD)
    except Misshapen as error:
        raise Refused(error.field, str(error)) from error
    return data


def _asked(payload: dict[str, Any]) -> RefundRequested:
    order_id, reason = payload.get("order_id"), payload.get("reason", "")
    if isinstance(order_id, int) and not isinstance(order_id, bool):
        order_id = str(order_id)
    if not isinstance(order_id, str) or not order_id or len(order_id) > _ID_LIMIT:
        raise Refused("payload.order_id", "must be the order's id")
    if not isinstance(reason, str):
        raise Refused("payload.reason", "must be text")
    return RefundRequested(order_id=order_id, reason=reason)


def _type(given: Any, named: tuple[str, ...]) -> str:
    if isinstance(given, str) and given in named:
        return given
    if not isinstance(given, str) or not given.startswith(CUSTOM_PREFIX) or given == CUSTOM_PREFIX:
        raise Refused("type", f"must begin with {CUSTOM_PREFIX}, or be one of {', '.join(named)}")
    if len(given) > _TYPE_LIMIT or not given.isprintable():
        raise Refused("type", f"must be at most {_TYPE_LIMIT} printable characters")
    return given


class _Whose(NamedTuple):
    store: str
    customer: str


def _whose(given: Any, stores: Mapping[str, bool]) -> _Whose | None:
    """None where it names no customer of these stores."""
    text = _customer_text(given)
    prefix, colon, rest = text.rpartition(":")
    store = prefix if colon else _only(stores)
    if store not in stores or not rest.isascii() or not rest.replace("-", "").isalnum():
        return None
    return _Whose(store, rest)


def _how_to_name(given: Any, stores: Mapping[str, bool]) -> str:
    if not _only(stores):
        return f"must be store:id, as {next(iter(stores))}:42, for this API key opens several stores"
    return f"must be a customer's id, or store:id{' of this store' if _customer_text(given) else ''}"


def _customer_text(given: Any) -> str:
    """ "" for what is none."""
    text = str(given) if isinstance(given, int) and not isinstance(given, bool) else given
    return text if isinstance(text, str) and len(text) <= 100 else ""


def _only(stores: Mapping[str, bool]) -> str:
    """The one there is; "" of several."""
    return next(iter(stores)) if len(stores) == 1 else ""


def _time(given: Any, now: datetime) -> datetime:
    if given is None:
        return now
    try:
        at = datetime.fromisoformat(given)
    except (TypeError, ValueError) as error:
        raise Refused("time", "must be an RFC 3339 time") from error
    if at.tzinfo is None:
        raise Refused("time", "must say its offset from UTC")
    if at > now + AHEAD:
        raise Refused("time", "is more than 5 minutes ahead")
    try:
        return at.astimezone(UTC)
    except OverflowError as error:
        raise Refused("time", "is no time in UTC") from error
