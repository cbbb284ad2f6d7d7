"""What the tests of the whole evaluator share: its process, events to feed it, rule sets to put in force.

What is expected of it is in the tests.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec
from aiokafka import TopicPartition

from headrace.contracts.actions import RuleSetRecord, encode
from headrace.contracts.events import (
    CLOCK,
    CUSTOMER_SNAPSHOT,
    ORDER_SNAPSHOT,
    RULESET_ACTIVATED,
    Address,
    Clock,
    CustomerPersonal,
    CustomerSnapshot,
    OrderLine,
    OrderSnapshot,
    RulesetActivated,
    encode_event,
    revision,
)
from headrace.contracts.topics import EVENTS, PARTITION_WIDE_KEY, RULES, partition_of
from headrace.rules.load import rule_set_hash
from headrace.rules.model import RuleSet, encode_rule_set
from headrace.runtime.kafka import make_consumer, make_producer, read_to_end, topic
from headrace.runtime.settings import ServiceSettings

PARTITIONS: Final = 3
STORE: Final = "teststore"
BEGIN: Final = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
Record = tuple[int, bytes, bytes]
"""Partition, key, value."""


def customer(
    number: int, *, day: int = 0, group: str = "", domain: str = "post.example", country: str = "GB"
) -> Record:
    """A customer's snapshot as of a day."""
    at = BEGIN + timedelta(days=day)
    snapshot = CustomerSnapshot(
        customer_id=str(number),
        created_at=BEGIN,
        modified_at=at,
        group=group,
        email_domain=domain,
        addresses=(Address(country_code=country, country=country),),
        personal=CustomerPersonal(email=f"c{number}@{domain}"),
    )
    return _event(number, snapshot, CUSTOMER_SNAPSHOT, f"c{number}", at)


def order(number: int, order_id: int, total: int, *, day: int = 1, brand: str = "Own label", units: int = 1) -> Record:
    """A shipped order's snapshot of one line; `total` in pence."""
    at = BEGIN + timedelta(days=day)
    line = OrderLine(id="1", product_id="7", quantity=units, price=total // units, total=total, brand=brand)
    snapshot = OrderSnapshot(
        order_id=str(order_id),
        status="shipped",
        created_at=at,
        modified_at=at,
        currency="GBP",
        total=total,
        subtotal=total,
        total_excluding_tax=total,
        lines=(line,),
    )
    return _event(number, snapshot, ORDER_SNAPSHOT, f"o{order_id}", at)


def _event(number: int, data: Any, kind: str, resource: str, at: datetime) -> Record:
    key = f"{STORE}:{number}"
    stamp = revision(at, at)
    value = encode_event(
        data,
        type=kind,
        id=f"{kind}:{resource}:{stamp}",
        store=STORE,
        subject=key,
        time=at,
        origin="live",
        revision=stamp,
    )
    return partition_of(key.encode(), PARTITIONS), key.encode(), value


def clock(now: datetime) -> list[Record]:
    """The store's time, in every partition."""
    data = Clock(store=STORE, now=now)
    return _everywhere(data, CLOCK, f"clock:{STORE}:{now.isoformat()}", now)


def activation(
    rule_set: RuleSet, version: int, *, send_effects: tuple[str, ...] = (), take_over: bool = False
) -> list[Record]:
    """The marker of a rule set, in every partition."""
    data = RulesetActivated(
        store=STORE,
        version=version,
        hash=rule_set_hash(rule_set),
        activation=f"a{version}",
        send_effects=send_effects,
        take_over=take_over,
    )
    return _everywhere(data, RULESET_ACTIVATED, f"activation:{STORE}:{version}", BEGIN)


def _everywhere(data: Any, kind: str, identity: str, at: datetime) -> list[Record]:
    value = encode_event(data, type=kind, id=identity, store=STORE, subject="~", time=at, origin="live")
    return [(number, PARTITION_WIDE_KEY, value) for number in range(PARTITIONS)]


async def publish(settings: ServiceSettings, records: Iterable[Record]) -> None:
    """Appends to the events."""
    producer = make_producer(settings)
    await producer.start()
    try:
        for partition, key, value in records:
            await producer.send(topic(settings, EVENTS), value, key, partition)
        await producer.flush()
    finally:
        await producer.stop()


def rules_record(rule_set: RuleSet, version: int) -> bytes:
    """The value that `headrace.rules` holds."""
    document = msgspec.Raw(encode_rule_set(rule_set))
    return encode(RuleSetRecord(store=STORE, version=version, hash=rule_set_hash(rule_set), document=document))


async def publish_rules(settings: ServiceSettings, rule_set: RuleSet, version: int) -> None:
    """Appends to the rules."""
    producer = make_producer(settings)
    await producer.start()
    try:
        value = rules_record(rule_set, version)
        await producer.send_and_wait(topic(settings, RULES), value, f"{STORE}:{version}".encode(), 0)
    finally:
        await producer.stop()


async def committed_lag(settings: ServiceSettings) -> int:
    """Events the evaluator's group has not committed."""
    at = [TopicPartition(topic(settings, EVENTS), number) for number in range(PARTITIONS)]
    consumer = make_consumer(settings, group=topic(settings, "evaluator-1"))
    await consumer.start()
    try:
        consumer.assign(at)
        ends = await consumer.end_offsets(at)
        return sum([ends[one] - (await consumer.committed(one) or 0) for one in at])
    finally:
        await consumer.stop()


async def until(what: str, condition: Callable[[], Awaitable[bool]], within_s: float = 40.0) -> None:
    """Looks again and again; fails with `what` at the deadline."""
    deadline = time.monotonic() + within_s
    while not await condition():
        assert time.monotonic() < deadline, f"waited {within_s:g} s for: {what}"
        await asyncio.sleep(0.1)


async def read(settings: ServiceSettings, name: str) -> list[tuple[bytes | None, dict[str, Any]]]:
    """Key and decoded value of every committed record of a topic."""
    records = await read_to_end(settings, topic(settings, name), range(PARTITIONS))
    return [(record.key, json.loads(record.value or b"null")) for record in records]


@dataclass
class Evaluator:
    """The running process and its log."""

    process: subprocess.Popen[bytes]
    log_path: Path

    def log(self) -> list[dict[str, Any]]:
        """Its JSON lines so far."""
        text = self.log_path.read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines() if line.startswith("{") and line.endswith("}")]


@asynccontextmanager
async def evaluator(
    settings: ServiceSettings,
    folder: Path,
    worker_id: str = "0",
    *,
    module: str = "services.evaluator",
    variables: Mapping[str, str] | None = None,
) -> AsyncIterator[Evaluator]:
    """`python -m services.evaluator` on these settings; killed at the end if it still runs."""
    environment = {
        **os.environ,
        "HEADRACE_KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "HEADRACE_TOPIC_PREFIX": settings.topic_prefix,
        "HEADRACE_STORE": settings.store,
        "HEADRACE_WORKER_ID": worker_id,
        "HEADRACE_PARENT_PID": str(os.getpid()),
        **(variables or {}),
    }
    log_path = folder / f"evaluator-{worker_id}.log"
    with log_path.open("ab") as sink:
        process = subprocess.Popen(  # noqa: ASYNC220  # a child that lives as long as the test
            [sys.executable, "-m", module], env=environment, stdout=sink, stderr=sink
        )
    try:
        yield Evaluator(process, log_path)
    finally:
        process.kill()
        process.wait()
