"""`headrace backfill`: what it says of a record, and of none, from a real Kafka."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from headrace.cli.backfill import status_of
from headrace.cli.main import execute
from headrace.contracts.progress import Phase, Progress, eta_s, feed_key
from headrace.contracts.topics import OWNERS
from headrace.runtime.kafka import make_producer, topic
from headrace.runtime.settings import ServiceSettings

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def progress(phase: Phase, **fields: Any) -> Progress:
    return Progress(phase, NOW, **{"customers_total": 1000, "orders_total": 5000, **fields})


@pytest.mark.parametrize(
    ("known", "left_s"),
    [
        (progress("customers", customers=500, customer_seconds=5.0), 5.0 + 50.0),
        (progress("orders", customers=1000, customer_seconds=10.0, orders=1000, order_seconds=20.0), 80.0),
        (progress("orders", customers=1000, customer_seconds=10.0), 50.0),
        (progress("orders", orders=5100, order_seconds=20.0), 0.0),
        (progress("changes", backfilled=True), 0.0),
        (progress("customers"), None),
        (progress("customers", customers=500, customer_seconds=5.0, orders_total=0), None),
    ],
)
def test_eta_s__pace_so_far__what_is_left(known: Progress, left_s: float | None) -> None:
    assert eta_s(known) == (None if left_s is None else pytest.approx(left_s))


@pytest.mark.parametrize(
    ("known", "state", "eta"),
    [
        (progress("orders", orders=1000, order_seconds=20.0), "running", 80),
        (progress("changes", backfilled=True), "done", None),
        (progress("changes"), "not_started", None),
    ],
)
def test_status_of__state(known: Progress, state: str, eta: int | None) -> None:
    found = status_of("s", known)
    assert (found["state"], found["eta_seconds"]) == (state, eta)


def test_backfill__record_and_none__told(
    topics_created: ServiceSettings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HEADRACE_KAFKA_BOOTSTRAP_SERVERS", topics_created.kafka_bootstrap_servers)
    monkeypatch.setenv("HEADRACE_TOPIC_PREFIX", topics_created.topic_prefix)
    monkeypatch.setenv("HEADRACE_STORE", topics_created.store)
    assert execute(["backfill", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "no_feed"
    asyncio.run(_save(topics_created, progress("orders", customers=1000, orders=1000, order_seconds=20.0)))
    assert execute(["backfill"]) == 0
    assert capsys.readouterr().out == "customers: 1000 of 1000 (100 %)\norders: 1000 of 5000 (20 %)\n1 min 20 s left\n"


async def _save(settings: ServiceSettings, known: Progress) -> None:
    producer = make_producer(settings)
    await producer.start()
    await producer.send_and_wait(topic(settings, OWNERS), msgspec.json.encode(known), key=feed_key(settings.store))
    await producer.stop()
