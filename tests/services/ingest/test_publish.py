"""Records: key, id and revision of each kind of event."""

from datetime import UTC, datetime

from headrace.contracts.events import Clock, CustomerSnapshot, OrderPersonal, OrderRemoved, OrderSnapshot, decode_event
from services.ingest.publish import Events

MODIFIED = datetime(2026, 1, 1, 10, tzinfo=UTC)
FETCHED = datetime(2026, 1, 1, 10, 0, 5, tzinfo=UTC)
EVENTS = Events("s")


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


def test_removed__order__of_the_snapshots_revision_and_without_effects() -> None:
    order = decode_event(EVENTS.order(_order("a@b.example"), "s:8", FETCHED, "live").value)
    record = EVENTS.removed(_order("a@b.example"), "s:7", "s:8", FETCHED)
    removed = decode_event(record.value)
    assert (record.key, removed.envelope.subject, removed.data) == (
        b"s:7",
        "s:7",
        OrderRemoved(order_id="100", to="s:8"),
    )
    assert removed.envelope.headracerevision == order.envelope.headracerevision
    assert removed.envelope.headraceorigin == "backfill"


def test_clock__every_partition__under_the_partition_wide_key() -> None:
    record = EVENTS.clock(MODIFIED)
    event = decode_event(record.value)
    assert (record.key, event.envelope.subject, event.data) == (b"~", "~", Clock(store="s", now=MODIFIED))
