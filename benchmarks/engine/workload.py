"""The workload "long": order events of about 207 bytes; per customer their count, sum and last 20 orders as JSON.

Every system folds the same bytes into the same state; how it does so is its worker's business.
"""

import random
from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec

PARTITIONS: Final = 12
ORDERS_KEPT: Final = 20
TIMED_EVERY: Final = 10
"""One paced event in so many carries the time at which it was meant to be sent."""
_SEED: Final = 1
_FIRST_MS: Final = 1_700_000_000_000


class Record(NamedTuple):
    """A record of the topic."""

    partition: int
    key: bytes
    value: bytes
    timestamp_ms: int


class Order(msgspec.Struct, gc=False):
    """What the fold reads of an event. `t`: when it was meant to be sent, ns since the epoch; 0 when not timed."""

    order_id: str
    amount: float
    ts: int
    t: int = 0


class State(msgspec.Struct, gc=False):
    """A customer: count, sum, time of the last order, the last orders with their amounts."""

    n: int = 0
    sum: float = 0.0
    last: int = 0
    o: list[tuple[str, float]] = []


decode_order = msgspec.json.Decoder(Order).decode
decode_state = msgspec.json.Decoder(State).decode
encode_state = msgspec.json.Encoder().encode


def fold(state: State, order: Order) -> None:
    """Takes an order into a customer's state."""
    state.n += 1
    state.sum += order.amount
    state.last = order.ts
    state.o.append((order.order_id, order.amount))
    if len(state.o) > ORDERS_KEPT:
        del state.o[0]


def records(events: int, customers: int, *, every_customer: bool = False) -> Iterator[Record]:
    """The topic's records, the same ones each time.

    `every_customer`: the first events go to one customer after the other, so that all of them are there.
    """
    chance = random.Random(_SEED)
    for number in range(events):
        drawn = chance.randrange(customers)
        customer = number if every_customer and number < customers else drawn
        yield _record(number, customer, chance.randrange(100, 99999), _FIRST_MS + number * 10)


def paced_records(events: int, customers: int, *, rate: float, begin_ns: int) -> Iterator[Record]:
    """Records meant to be sent at `rate` a second from `begin_ns` on; every tenth carries its own time."""
    chance = random.Random(begin_ns)
    for number in range(events):
        at_ns = begin_ns + int(number / rate * 1e9)
        timed = f', "t": {at_ns}' if number % TIMED_EVERY == 0 else ""
        yield _record(number, chance.randrange(customers), chance.randrange(100, 99999), at_ns // 1_000_000, timed)


def _record(number: int, customer: int, cents: int, at_ms: int, more: str = "") -> Record:
    key = f"c{customer:08d}"
    value = (
        f'{{"event_id": "e{number:012d}", "type": "order_completed", "customer_id": "{key}", '
        f'"order_id": "o{number:010d}", "amount": {cents / 100}, "currency": "EUR", '
        f'"ts": {at_ms}, "city": "Berlin", "items": [1, 2, 3]{more}}}'
    )
    return Record(customer % PARTITIONS, key.encode(), value.encode(), at_ms)
