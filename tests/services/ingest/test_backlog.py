"""Notices coalesce, and no offset is committed before everything up to it is done."""

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.contracts.actions import Notice
from headrace.contracts.events import StatusChange
from services.ingest.backlog import Backlog, BadNotice, Pending, Place, read_record


def _record(scope: str, data: dict[str, Any], created_at: int = 1000, resource: str = "order") -> bytes:
    body = json.dumps({"scope": scope, "created_at": created_at, "data": data})
    fields = {"store": "s", "scope": scope, "resource": resource, "resource_id": "7", "received_at": "", "body": body}
    return msgspec.json.encode(msgspec.convert(fields, Notice))


def _status(previous: int, new: int, created_at: int) -> bytes:
    data = {"id": 7, "status": {"previous_status_id": previous, "new_status_id": new}}
    return _record("store/order/statusUpdated", data, created_at)


def _at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def test_read_record__status_updated__tells_the_change() -> None:
    pending = read_record(_status(0, 11, 1000), Place(0, 5))
    assert pending.key == ("order", 7)
    assert pending.told_at == _at(1000)
    assert pending.status_change == StatusChange(previous="incomplete", new="awaiting_fulfillment")


def test_read_record__refund__cannot_be_compared_by_date() -> None:
    pending = read_record(_record("store/order/refund/created", {"id": 7, "refund": {"refund_id": 3}}), Place(0, 5))
    assert (pending.told_at, pending.refund_ids) == (None, {3})


def test_read_record__customer_deleted__is_no_change() -> None:
    pending = read_record(_record("store/customer/deleted", {"id": 7}, resource="customer"), Place(0, 5))
    assert (pending.told_at, pending.deleted_at) == (None, _at(1000))


@pytest.mark.parametrize("value", [None, b"", b"x", b"{}", _record("x", {}).replace(b'"7"', b'"seven"')])
def test_read_record__not_a_notice__bad(value: bytes | None) -> None:
    with pytest.raises(BadNotice):
        read_record(value, Place(0, 0))


def test_backlog__several_notices_of_one_resource__one_read_with_the_latest_of_each() -> None:
    backlog = Backlog()
    for offset, value in enumerate([_status(11, 2, 1010), _status(0, 11, 1000), _record("store/order/created", {})]):
        backlog.see(Place(0, offset))
        backlog.add(read_record(value, Place(0, offset)))
    (pending,) = backlog.take(0.0, 10)
    assert pending.told_at == _at(1010)
    assert pending.status_change == StatusChange(previous="awaiting_fulfillment", new="shipped")
    assert [place.offset for place in pending.places] == [0, 1, 2]
    assert backlog.committable() == {}
    backlog.finish(pending.places)
    assert backlog.committable() == {0: 3}
    assert backlog.committable() == {0: 3}  # the commit may have failed
    backlog.committed({0: 3})
    assert backlog.committable() == {}


def test_backlog__not_due_yet__stays() -> None:
    backlog = Backlog()
    backlog.add(Pending(("order", 1), [Place(0, 0)], due=5.0))
    assert backlog.take(4.9, 10) == []
    assert backlog.next_due() == 5.0
    assert len(backlog.take(5.0, 10)) == 1


def test_backlog__partition_lost__its_notices_are_dropped_and_never_committed() -> None:
    backlog = Backlog()
    for partition in (0, 1):
        backlog.see(Place(partition, 9))
        backlog.add(Pending(("order", partition), [Place(partition, 9)]))
    backlog.lose([0])
    (pending,) = backlog.take(0.0, 10)
    assert pending.key == ("order", 1)
    backlog.finish([Place(0, 9), Place(1, 9)])
    assert backlog.committable() == {1: 10}


@given(st.permutations(range(12)), st.integers(0, 12))
def test_backlog__done_in_any_order__commits_the_contiguous_prefix(order: list[int], count: int) -> None:
    backlog = Backlog()
    for offset in range(12):
        backlog.see(Place(3, offset + 100))
    backlog.finish(Place(3, offset + 100) for offset in order[:count])
    done = set(order[:count])
    prefix = next(number for number in range(13) if number not in done)
    assert backlog.committable() == ({3: 100 + prefix} if prefix else {})
