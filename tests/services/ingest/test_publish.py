"""Records: key, id and revision of each kind of event."""

from datetime import UTC, datetime

from headrace.contracts.events import Clock, CustomerSnapshot, OrderPersonal, OrderSnapshot, decode_event
from services.ingest.identity import guest_key
from services.ingest.publish import Events

MODIFIED = datetime(2026, 1, 1, 10, tzinfo=UTC)
FETCHED = datetime(2026, 1, 1, 10, 0, 5, tzinfo=UTC)
EVENTS = Events("s", b"hk")


def _order(email: str | None) -> OrderSnapshot:
    return OrderSnapshot(
        order_id="100",
        status="pending",
        created_at=MODIFIED,
        modified_at=MODIFIED,
        currency="GBP",
        total=1,
        subtotal=1,
        total_excluding_tax=1,
        personal=OrderPersonal(email=email),
    )


def test_customer__snapshot__revision_is_date_and_read() -> None:
    snapshot = CustomerSnapshot(customer_id="7", created_at=MODIFIED, modified_at=MODIFIED)
    record = EVENTS.customer(snapshot, FETCHED, "backfill")
    envelope = decode_event(record.value).envelope
    assert record.key == b"s:7"
    assert envelope.headracerevision == "2026-01-01T10:00:00.000Z/2026-01-01T10:00:05.000Z"
    assert envelope.id == f"customer.snapshot:7:{envelope.headracerevision}"
    assert (envelope.subject, envelope.time, envelope.headraceorigin) == ("s:7", MODIFIED, "backfill")


def test_order__customer_or_guest__under_the_owners_key() -> None:
    assert EVENTS.order(_order("a@b.example"), 7, FETCHED, "live").key == b"s:7"
    assert EVENTS.order(_order("A@b.example"), 0, FETCHED, "live").key.decode() == guest_key("s", "a@b.example", b"hk")


def test_order__guest_without_an_address__a_guest_of_its_own() -> None:
    assert EVENTS.order(_order(None), 0, FETCHED, "live").key.decode() == guest_key("s", "order-100", b"hk")


def test_clock__every_partition__under_the_partition_wide_key() -> None:
    record = EVENTS.clock(MODIFIED)
    event = decode_event(record.value)
    assert (record.key, event.envelope.subject, event.data) == (b"~", "~", Clock(store="s", now=MODIFIED))
