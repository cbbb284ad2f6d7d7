"""What is taken of the log: one store's events and clock, whoever else writes there."""

from datetime import UTC, datetime

import pytest

from headrace.contracts.events import CLOCK, Clock, encode_event
from headrace.demo.observer import EventLog
from headrace.runtime.settings import ServiceSettings, settings_of
from headrace.runtime.stores import StoreEntry

STORES = ("demo", "demo-2")


def log_of(store: str, *among: str) -> EventLog:
    entry = StoreEntry(store, among=among)
    return EventLog(settings_of(entry, ServiceSettings, store=store, kafka_bootstrap_servers="127.0.0.1:1"))


def clock(store: str, hour: int) -> bytes:
    data = Clock(store=store, now=at(hour))
    name = f"clock:{store}:{hour}"
    return encode_event(data, type=CLOCK, id=name, store=store, subject="~", time=at(hour), origin="live")


def at(hour: int) -> datetime:
    return datetime(2010, 1, 4, hour, tzinfo=UTC)


@pytest.mark.parametrize(("store", "hour", "values"), [("demo", 9, [b"{}"]), ("demo-2", 11, [b"[]", b"3"])])
def test_take__several_stores__own_events_under_own_clock(store: str, hour: int, values: list[bytes]) -> None:
    log = log_of(store, *STORES)
    log.take(0, b"~", clock("demo", 9))
    log.take(0, b"~", clock("demo-2", 11))
    log.take(0, b"demo:7", b"{}")
    log.take(0, b"demo-2:7", b"[]")
    log.take(0, b"demo-2:guest-a", b"3")
    assert log.partitions == {0: [(value, at(hour)) for value in values]}
    assert log.clock(1) == at(hour)
    assert log.clock(2) < at(hour)


def test_take__one_store__everything_is_its_own() -> None:
    log = log_of("demo")
    log.take(3, b"~", clock("demo", 9))
    log.take(3, b"~", clock("demo", 8))
    log.take(3, b"demo:7", b"{}")
    log.take(3, b"demo:7", None)
    assert log.partitions == {3: [(b"{}", at(9))]}
    assert log.events == 1
