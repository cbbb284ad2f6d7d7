"""Events: what flows wait for, since there is no call that sends a mail. Taken in (202) is not yet processed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from headrace.platforms.http import Request

EVENTS_PER_CALL: Final = 1000
PROPERTIES_PER_EVENT: Final = 400
METRIC_LENGTH: Final = 127
Value = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Event:
    """One event of one person. `id` tells repeats apart: of several with one id, person and metric the first counts.

    `at` is later than 1990 and at most a year ahead; the vendor cuts it to seconds. `backfill`: recorded, and no flow
    starts. `value` is an amount in whole units of `currency` (ISO 4217). Raises ValueError for what it would refuse.
    """

    metric: str
    email: str
    id: str
    at: datetime
    properties: Mapping[str, Value | Sequence[Value]] = field(default_factory=dict)
    value: Decimal | None = None
    currency: str | None = None
    backfill: bool = False

    def __post_init__(self) -> None:
        if not 1 <= len(self.metric) <= METRIC_LENGTH:
            raise ValueError(f"a metric's name has 1 to {METRIC_LENGTH} characters")
        if not self.id:
            raise ValueError("an event without an id is the only one of its second")
        if len(self.properties) > PROPERTIES_PER_EVENT:
            raise ValueError(f"at most {PROPERTIES_PER_EVENT} properties")

    @property
    def attributes(self) -> dict[str, Any]:
        """Its own, as they stand in a request."""
        found: dict[str, Any] = {
            "properties": dict(self.properties),
            "time": self.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "unique_id": self.id,
            "metric": {"data": {"type": "metric", "attributes": {"name": self.metric}}},
        }
        if self.value is not None:
            found |= {"value": float(self.value)} | ({"value_currency": self.currency} if self.currency else {})
        return found

    @property
    def profile(self) -> dict[str, Any]:
        """Whose it is; the vendor makes the profile if it is missing."""
        return {"data": {"type": "profile", "attributes": {"email": self.email.strip()}}}


def send_event(event: Event) -> Request:
    """One event; sent twice it is recorded once."""
    attributes = event.attributes | {"profile": event.profile} | ({"backfill": True} if event.backfill else {})
    body = {"data": {"type": "event", "attributes": attributes}}
    return Request("POST", "/api/events", json=body, repeatable=True)


def send_events(events: Sequence[Event]) -> Request:
    """Up to 1000 events in one call. One that the vendor has already makes the whole call fail: not to be repeated."""
    if not 1 <= len(events) <= EVENTS_PER_CALL:
        raise ValueError(f"1 to {EVENTS_PER_CALL} events in one call")
    people: dict[tuple[str, bool], list[Event]] = {}
    for event in events:
        people.setdefault((event.email.strip().lower(), event.backfill), []).append(event)
    data = [_of_one(of_one, backfill=backfill) for (_, backfill), of_one in people.items()]
    body = {"data": {"type": "event-bulk-create-job", "attributes": {"events-bulk-create": {"data": data}}}}
    return Request("POST", "/api/event-bulk-create-jobs", json=body, repeatable=False)


def _of_one(events: Sequence[Event], *, backfill: bool) -> dict[str, Any]:
    listed = [{"type": "event", "attributes": event.attributes} for event in events]
    attributes: dict[str, Any] = {"profile": events[0].profile, "events": {"data": listed}}
    return {"type": "event-bulk-create", "attributes": attributes | ({"backfill": True} if backfill else {})}
