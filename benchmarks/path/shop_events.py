"""A real shop's orders, refunds and customers as the records that ingest writes, in copies with people of their own.

The numbers are the shop's (`headrace.demo.shop`), the people are made up; nothing here is sent.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from typing import Final

from msgspec.structs import replace

from benchmarks.engine.workload import PARTITIONS, Record
from benchmarks.path.snapshots import customer_of, order_of, refund_of
from headrace.contracts.events import (
    CUSTOMER_SNAPSHOT,
    ORDER_SNAPSHOT,
    CustomerSnapshot,
    OrderSnapshot,
    OrderStatus,
    encode_event,
    revision,
)
from headrace.contracts.events import Refund as WireRefund
from headrace.contracts.topics import partition_of
from headrace.demo.scenario import Scenario
from headrace.demo.shop import Order, Refund

STORE: Final = "bench"


def shop_records(scenario: Scenario, copies: int) -> Iterator[Record]:
    """Everything that happened, in order; each moment comes once for every copy."""
    writers = [_Copy(scenario, number) for number in range(copies)]
    for event in scenario.shop.events:
        for writer in writers:
            yield from writer.refunded(event) if isinstance(event, Refund) else writer.ordered(event)


class _Copy:
    """One shop among the copies: its customers and orders have numbers of their own."""

    def __init__(self, scenario: Scenario, number: int) -> None:
        self._scenario = scenario
        self._number = number
        self._orders: dict[int, Order] = {}
        self._refunds: dict[int, list[WireRefund]] = {}
        self._known: set[int] = set()
        self._writes = 0

    def ordered(self, order: Order) -> Iterator[Record]:
        """A customer is written before the first order."""
        self._orders[order.id] = order
        if order.customer and order.customer not in self._known:
            self._known.add(order.customer)
            customer = customer_of(self._scenario.buyer(order), self._own(order.customer), order.at)
            yield self._record(customer, CUSTOMER_SNAPSHOT, order, order.at)
        yield self._order(order, "awaiting_fulfillment", order.at)

    def refunded(self, refund: Refund) -> Iterator[Record]:
        """The order again, with all of its refunds."""
        done = self._refunds.setdefault(refund.order_id, [])
        done.append(refund_of(refund, f"{self._own(refund.order_id)}-{len(done)}"))
        status: OrderStatus = "refunded" if refund.whole else "partially_refunded"
        yield self._order(self._orders[refund.order_id], status, refund.at)

    def _own(self, number: int) -> str:
        return f"{number}-{self._number}"

    def _order(self, order: Order, status: OrderStatus, at: datetime) -> Record:
        snapshot = order_of(self._scenario, order, self._own(order.id))
        snapshot = replace(snapshot, status=status, modified_at=at, refunds=tuple(self._refunds.get(order.id, ())))
        return self._record(snapshot, ORDER_SNAPSHOT, order, at)

    def _record(self, data: CustomerSnapshot | OrderSnapshot, kind: str, order: Order, at: datetime) -> Record:
        self._writes += 1
        owner = self._own(order.customer) if order.customer else f"guest-{self._own(order.id)}"
        subject = f"{STORE}:{owner}"
        value = encode_event(
            data,
            type=kind,
            id=f"{kind}:{self._number}:{self._writes}",
            store=STORE,
            subject=subject,
            time=at,
            origin="live",
            revision=revision(at, at + timedelta(milliseconds=self._writes)),
        )
        key = subject.encode()
        return Record(_partition(key), key, value, int(at.timestamp() * 1000))


@cache
def _partition(key: bytes) -> int:
    return partition_of(key, PARTITIONS)
