"""Customers and orders by POST /v1/events: what is taken, under which revision, and what is refused and where."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from headrace.contracts.events import decode_event
from services.ingest.own_events import OwnEvent, Refused, read_event

NOW = datetime(2026, 8, 11, 12, tzinfo=UTC)
CUSTOMER = {"customer_id": "42", "created_at": "2026-01-01T00:00:00Z", "modified_at": "2026-08-01T00:00:00Z"}
ORDER = {
    "order_id": "A-1",
    "status": "completed",
    "created_at": "2026-08-01T00:00:00Z",
    "modified_at": "2026-08-02T00:00:00Z",
    "currency": "GBP",
    "total": 510,
    "subtotal": 510,
    "total_excluding_tax": 425,
}


def posted(kind: str, payload: dict[str, Any], *, snapshots: bool = True, **fields: Any) -> OwnEvent:
    body = json.dumps({"type": kind, "customer": "42", "payload": payload, **fields}).encode()
    return read_event(body, stores={"s": snapshots}, idempotency_key=None, now=NOW)


@pytest.mark.parametrize(
    ("kind", "payload", "at", "revision"),
    [
        (
            "customer.snapshot",
            CUSTOMER,
            "2026-08-01T00:00:00+00:00",
            "2026-08-01T00:00:00.000Z/2026-08-11T12:00:00.000Z",
        ),
        ("order.snapshot", ORDER, "2026-08-02T00:00:00+00:00", "2026-08-02T00:00:00.000Z/2026-08-11T12:00:00.000Z"),
        ("order.removed", {"order_id": "1"}, NOW.isoformat(), "2026-08-11T12:00:00.000Z/2026-08-11T12:00:00.000Z"),
        (
            "customer.deleted",
            {"customer_id": "42"},
            NOW.isoformat(),
            "2026-08-11T12:00:00.000Z/2026-08-11T12:00:00.000Z",
        ),
        ("attribute.set", {"name": "tier", "values": ["A"]}, NOW.isoformat(), None),
        ("cart.abandoned", {"cart_id": "c", "currency": "GBP", "total": 5}, NOW.isoformat(), None),
    ],
)
def test_read_event__of_a_store_that_is_not_read__taken_with_its_revision(
    kind: str, payload: dict[str, Any], at: str, revision: str | None
) -> None:
    event = posted(kind, payload)
    decoded = decode_event(event.record.value)
    assert (decoded.envelope.type, event.record.type, event.record.key) == (kind, kind, b"s:42")
    assert (decoded.envelope.time.isoformat(), decoded.envelope.headracerevision) == (at, revision)


@pytest.mark.parametrize(
    ("kind", "payload", "field"),
    [
        ("customer.snapshot", {**CUSTOMER, "customer_id": "43"}, "payload.customer_id"),
        ("customer.snapshot", {"customer_id": "42"}, "payload"),
        ("customer.snapshot", {**CUSTOMER, "addresses": [{"city": 5}]}, "payload.addresses[0].city"),
        ("customer.snapshot", {**CUSTOMER, "modified_at": "2026-08-11T12:06:00Z"}, "payload.modified_at"),
        ("order.snapshot", {**ORDER, "total": "5.10"}, "payload.total"),
        ("order.snapshot", {**ORDER, "status": "jo@example.com"}, "payload.status"),
        ("order.snapshot", {**ORDER, "created_at": "2026-08-01T00:00:00"}, "payload.created_at"),
        ("ruleset.activated", {}, "type"),
        ("customer.pinned", {"group": "Gold", "reason": "x"}, "type"),
    ],
)
def test_read_event__misshapen__refused_there_without_the_value(kind: str, payload: dict[str, Any], field: str) -> None:
    with pytest.raises(Refused) as caught:
        posted(kind, payload)
    assert caught.value.field == field
    assert "jo@" not in str(caught.value)


@pytest.mark.parametrize("kind", ["customer.snapshot", "order.snapshot", "attribute.set"])
def test_read_event__of_a_store_that_is_read__refused(kind: str) -> None:
    with pytest.raises(Refused) as caught:
        posted(kind, {}, snapshots=False)
    assert caught.value.field == "type"
