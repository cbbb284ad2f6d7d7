"""A store's own events: what is taken, what is refused and where."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from headrace.contracts.events import CustomEvent, RefundRequested, decode_event
from services.ingest.own_events import OwnEvent, RecentIds, Refused, read_event

NOW = datetime(2026, 8, 11, 12, tzinfo=UTC)


def _read(fields: dict[str, Any], key: str | None = None) -> OwnEvent:
    return read_event(json.dumps(fields).encode(), stores={"s": False}, idempotency_key=key, now=NOW)


def test_read_event__whole__becomes_a_record_of_its_customer() -> None:
    fields = {
        "type": "custom.visit",
        "customer": "42",
        "time": "2026-08-11T13:04:59+01:00",
        "id": "v-1",
        "payload": {"page": "/a"},
    }
    event = _read(fields)
    decoded = decode_event(event.record.value)
    assert (event.id, event.record.key) == ("v-1", b"s:42")
    assert decoded.envelope.time == datetime(2026, 8, 11, 12, 4, 59, tzinfo=UTC)
    assert (decoded.envelope.subject, decoded.envelope.id) == ("s:42", "v-1")
    assert decoded.data == CustomEvent(payload={"page": "/a"})


def test_read_event__idempotency_key__is_the_id() -> None:
    assert _read({"type": "custom.x", "customer": 42}, "k").id == "k"


def test_read_event__no_id_no_time__gets_them() -> None:
    event = _read({"type": "custom.x", "customer": "s:guest-0a"})
    assert len(event.id) == 36
    assert decode_event(event.record.value).envelope.time == NOW


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"type": "order.snapshot"}, "type"),
        ({"type": "custom."}, "type"),
        ({"type": None}, "type"),
        ({"customer": "other:1"}, "customer"),
        ({"customer": "a:b:1"}, "customer"),
        ({"customer": ""}, "customer"),
        ({"customer": "~"}, "customer"),
        ({"customer": "7#order:1"}, "customer"),
        ({"customer": True}, "customer"),
        ({"customer": ["1"]}, "customer"),
        ({"time": "2026-08-11T12:06:00Z"}, "time"),
        ({"time": "2026-08-11T12:00:00"}, "time"),
        ({"time": "yesterday"}, "time"),
        ({"time": 5}, "time"),
        ({"payload": []}, "payload"),
        ({"id": 5}, "id"),
        ({"id": "x" * 201}, "id"),
        ({"id": "a\nb"}, "id"),
    ],
)
def test_read_event__unfit_field__refused_there(change: dict[str, Any], field: str) -> None:
    with pytest.raises(Refused) as caught:
        _read({"type": "custom.x", "customer": "1"} | change)
    assert caught.value.field == field


def test_read_event__two_different_ids__refused() -> None:
    with pytest.raises(Refused, match="differs"):
        _read({"type": "custom.x", "customer": "1", "id": "a"}, "b")


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff"])
def test_read_event__not_an_object__refused(body: bytes) -> None:
    with pytest.raises(Refused):
        read_event(body, stores={"s": False}, idempotency_key=None, now=NOW + timedelta())


def test_recent_ids__over_the_limit__forgets_the_oldest() -> None:
    recent = RecentIds(2)
    events = [_read({"type": "custom.x", "customer": "1", "id": each}) for each in ("a", "b", "c")]
    for event in events:
        recent.add(event)
    assert [event in recent for event in events] == [False, True, True]


def test_recent_ids__same_id_of_another_customer__is_another_event() -> None:
    recent = RecentIds()
    recent.add(_read({"type": "custom.x", "customer": "1", "id": "a"}))
    assert _read({"type": "custom.x", "customer": "2", "id": "a"}) not in recent


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"type":"custom.\\ud800","customer":"1"}', "type"),
        (b'{"type":"custom.x","customer":"1","payload":{"a":"\\ud83d"}}', "payload"),
        (b'{"type":"custom.x","customer":"1","payload":{"\\ud83d":1}}', "payload"),
        (b'{"type":"custom.x","customer":"1","payload":{"a":NaN}}', "body"),
        (b'{"type":"custom.x","customer":"1","time":"0001-01-01T00:00:00+23:00"}', "time"),
        (b'{"type":"custom.x","customer":"1"}'.decode().encode("utf-16"), "body"),
        (b'{"type":"custom.x","customer":"1","payload":{"a":' + b"[" * 990 + b"]" * 990 + b"}}", None),
    ],
)
def test_read_event__what_cannot_be_written_again__refused_never_a_crash(body: bytes, field: str | None) -> None:
    with pytest.raises(Refused) as refused:
        read_event(body, stores={"s": False}, idempotency_key="k", now=NOW)
    assert field in (None, refused.value.field)


def test_read_event__refund_requested__is_the_languages_own_event() -> None:
    event = _read({"type": "refund.requested", "customer": 42, "payload": {"order_id": 100, "reason": "broken"}})
    decoded = decode_event(event.record.value)
    assert (decoded.envelope.type, event.record.type) == ("refund.requested", "refund.requested")
    assert decoded.data == RefundRequested(order_id="100", reason="broken")


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({}, "payload.order_id"),
        ({"order_id": ""}, "payload.order_id"),
        ({"order_id": True}, "payload.order_id"),
        ({"order_id": "1", "reason": 5}, "payload.reason"),
    ],
)
def test_read_event__refund_of_no_order__refused(payload: dict[str, Any], field: str) -> None:
    with pytest.raises(Refused) as caught:
        _read({"type": "refund.requested", "customer": 42, "payload": payload})
    assert caught.value.field == field
