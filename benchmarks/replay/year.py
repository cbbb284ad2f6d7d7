"""A year of the real shop as the events of `headrace.events`, its customers multiplied; a clock every so often.

The shop and its people are the demo's (`headrace.demo.scenario`); how the events are measured is in `run.py`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from msgspec.structs import replace as with_fields

from benchmarks.path.snapshots import customer_of, order_of, refund_of
from headrace.contracts.events import (
    CLOCK,
    CUSTOMER_SNAPSHOT,
    ORDER_SNAPSHOT,
    Clock,
    EventData,
    OrderSnapshot,
    encode_event,
    revision,
)
from headrace.contracts.topics import PARTITION_WIDE_KEY, partition_of
from headrace.demo.scenario import Scenario, load_scenario
from headrace.demo.shop import Refund as TakenBack

STORE: Final = "year"
_SHIPS_AFTER: Final = timedelta(hours=20)
_CLOCK_EVERY: Final = timedelta(days=1)
Record = tuple[int, bytes, bytes]
"""Partition, key, value."""


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that happened to a buyer of the shop, before it is multiplied."""

    at: datetime
    kind: str
    resource: str
    buyer: str
    data: EventData


def load_year(path: Path, orders: int | None = None) -> list[Fact]:
    """Every customer, order, shipment and refund of the file, in order."""
    scenario = load_scenario(path, seed=1, orders=orders)
    return sorted(_facts(scenario), key=lambda fact: fact.at)


def multiply(facts: list[Fact], times: int, partitions: int) -> Iterator[Record]:
    """The records of `times` such shops in one store, in the order of time, with a clock for each day."""
    clock = facts[0].at + _CLOCK_EVERY
    for fact in facts:
        while fact.at > clock:
            yield from _clocks(clock, partitions)
            clock += _CLOCK_EVERY
        for copy in range(times):
            yield _record(fact, copy, partitions)
    yield from _clocks(clock, partitions)


def _facts(scenario: Scenario) -> Iterator[Fact]:
    known: set[int] = set()
    snapshots: dict[int, tuple[str, OrderSnapshot]] = {}
    for event in scenario.shop.events:
        if isinstance(event, TakenBack):
            buyer, order = snapshots[event.order_id]
            order = _refunded(order, event)
            snapshots[event.order_id] = buyer, order
            yield Fact(event.at, ORDER_SNAPSHOT, f"o{event.order_id}", buyer, order)
            continue
        person = scenario.buyer(event)
        buyer = str(person.customer) if person.customer else f"guest-{event.id}"
        if person.customer and person.customer not in known:
            known.add(person.customer)
            yield Fact(event.at, CUSTOMER_SNAPSHOT, f"c{buyer}", buyer, customer_of(person, buyer, event.at))
        order = order_of(scenario, event, str(event.id))
        yield Fact(event.at, ORDER_SNAPSHOT, f"o{event.id}", buyer, order)
        shipped = event.at + _SHIPS_AFTER
        order = with_fields(order, status="shipped", modified_at=shipped)
        snapshots[event.id] = buyer, order
        yield Fact(shipped, ORDER_SNAPSHOT, f"o{event.id}", buyer, order)


def _record(fact: Fact, copy: int, partitions: int) -> Record:
    subject = f"{STORE}:{fact.buyer if fact.buyer.startswith('guest-') else f'{copy}{fact.buyer}'}"
    if fact.buyer.startswith("guest-"):
        subject = f"{STORE}:{fact.buyer}-{copy}"
    stamp = revision(fact.at, fact.at)
    data: Any = fact.data
    if isinstance(data, OrderSnapshot):
        data = with_fields(data, order_id=f"{data.order_id}{copy:03d}")
    value = encode_event(
        data,
        type=fact.kind,
        id=f"{fact.kind}:{fact.resource}{copy:03d}:{stamp}",
        store=STORE,
        subject=subject,
        time=fact.at,
        origin="live",
        revision=stamp,
    )
    return partition_of(subject.encode(), partitions), subject.encode(), value


def _clocks(now: datetime, partitions: int) -> Iterator[Record]:
    value = encode_event(
        Clock(store=STORE, now=now),
        type=CLOCK,
        id=f"clock:{now.isoformat()}",
        store=STORE,
        subject=PARTITION_WIDE_KEY.decode(),
        time=now,
        origin="live",
    )
    for number in range(partitions):
        yield number, PARTITION_WIDE_KEY, value


def _refunded(order: OrderSnapshot, taken: TakenBack) -> OrderSnapshot:
    refunds = (*order.refunds, refund_of(taken, taken.invoice))
    status = "refunded" if taken.whole else "partially_refunded"
    return with_fields(order, refunds=refunds, status=status, modified_at=taken.at)
