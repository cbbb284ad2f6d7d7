"""One test per private hook: what is not as expected in a new version fails here first, with its name."""

import inspect
import struct
from typing import Any

import pytest
from aiokafka.client import AIOKafkaClient
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.protocol.group import LeaveGroupRequest
from faust import App
from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery
from faust.tables.table import Table
from faust.transport.consumer import Consumer as AnyConsumer
from faust.transport.drivers.aiokafka import Consumer
from mode import Service

from services.evaluator.engine.membership import Member, current_member, group_metadata, watch_membership
from services.evaluator.engine.pins import PINS, wrong_versions


def arguments(function: Any) -> list[str]:
    return list(inspect.signature(function).parameters)


def test_wrong_versions__installed_as_locked__none() -> None:
    assert wrong_versions() == ()


def test_wrong_versions__another_version__named() -> None:
    wrong = wrong_versions(installed=lambda package: "9.9" if package == "aiokafka" else PINS[package])
    assert wrong == (f"aiokafka is 9.9, {PINS['aiokafka']} is needed",)


@pytest.mark.parametrize(
    ("owner", "name", "expected"),
    [
        (App, "_new_transport", ["self"]),
        (App, "_on_partitions_revoked", ["self", "revoked"]),
        (App, "on_first_start", ["self"]),
        (AnyConsumer, "getmany", ["self", "timeout"]),
        (Consumer, "_getmany", ["self", "active_partitions", "timeout"]),
        (AnyConsumer, "_wait_next_records", ["self", "timeout"]),
        (AnyConsumer, "perform_seek", ["self"]),
        (AnyConsumer, "_add_gap", ["self", "tp", "offset_from", "offset_to"]),
        (AnyConsumer, "_commit_offsets", ["self", "offsets", "start_new_transaction"]),
        (AnyConsumer, "verify_all_partitions_active", ["self"]),
        (Recovery, "_build_highwaters", ["self", "consumer", "tps", "destination", "title"]),
        (Recovery, "_build_offsets", ["self", "consumer", "tps", "destination", "title"]),
        (Recovery, "_seek_offsets", ["self", "consumer", "tps", "offsets", "title"]),
        (Recovery, "_wait", ["self", "coro", "timeout"]),
        (Table, "_new_store", ["self"]),
        (TableManager, "on_start", ["self"]),
        (TableManager, "_update_channels", ["self"]),
        (AIOKafkaClient, "send", ["self", "node_id", "request", "group"]),
        (AIOKafkaClient, "coordinator_lookup", ["self", "coordinator_type", "coordinator_key"]),
        (LeaveGroupRequest, "__init__", ["self", "group", "member_id"]),
        (GroupCoordinator, "_on_join_complete", None),
    ],
)
def test_hook__as_pinned__has_the_arguments_we_override(owner: type, name: str, expected: list[str] | None) -> None:
    found = arguments(getattr(owner, name))
    assert found == expected if expected is not None else len(found) >= 3


def test_hook__table_manager__builds_its_recovery_lazily() -> None:
    assert isinstance(inspect.getattr_static(TableManager, "recovery"), property)
    assert "_recovery" in inspect.getsource(TableManager)


def test_hook__group_coordinator__keeps_what_the_group_refused() -> None:
    assert "self._pending_exception = exc" in inspect.getsource(GroupCoordinator._push_error_to_user)


def test_hook__fetcher__asks_as_it_is_told_at_each_request() -> None:
    source = "".join(inspect.getsource(inspect.getmodule(Fetcher) or Fetcher).split())
    assert "req=FetchRequest(self._fetch_max_wait_ms,self._fetch_min_bytes," in source


def test_hook__service__sets_crashed() -> None:
    assert "_crashed" in inspect.getsource(Service.crash)


def test_hook__drain__compares_with_read_offset() -> None:
    """A rewind resets it through `seek_wait`; if Faust forgot, it would drop the records read again."""
    assert "_read_offset" in inspect.getsource(AnyConsumer._drain_messages)
    assert "_read_offset" in inspect.getsource(Consumer._new_consumer_thread.__globals__["AIOKafkaConsumerThread"])


async def test_membership__join_completed__told_by_group(monkeypatch: pytest.MonkeyPatch) -> None:
    joined: list[tuple[int, str]] = []

    async def original(self: Any, generation: int, member_id: str, *rest: Any) -> None:
        joined.append((generation, member_id))

    monkeypatch.setattr("services.evaluator.engine.membership._joined", original)
    monkeypatch.setattr(GroupCoordinator, "_on_join_complete", GroupCoordinator._on_join_complete)
    watch_membership()

    class Coordinator:
        group_id = "a-group"

    await GroupCoordinator._on_join_complete(Coordinator(), 3, "me", "faust", b"")
    assert joined == [(3, "me")]
    assert current_member("a-group") == Member(3, "me")
    assert current_member("another") is None


def test_group_metadata__generation_and_member__as_librdkafka_serialises_it() -> None:
    found = group_metadata("g", Member(7, "m"))
    assert found == b"CGMDv2:" + struct.pack("=i", 7) + b"g\0m\0\x01"


@pytest.mark.parametrize("member", [Member(-1, "m"), Member(0, "m"), Member(3, "")])
def test_group_metadata__that_would_not_fence__refused(member: Member) -> None:
    with pytest.raises(ValueError, match="does not fence"):
        group_metadata("g", member)
