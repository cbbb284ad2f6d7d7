"""The workload "long": order events of about 207 bytes; per customer their count, sum and last 20 orders as JSON.

Every system folds the same bytes into the same state; how it does so is its worker's business.
"""

import random
from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec

PARTITIONS: Final = 12
ORDERS_KEPT: Final = 20
_SEED: Final = 1
_FIRST_MS: Final = 1_700_000_000_000


class Record(NamedTuple):
    """A record of the topic."""

    partition: int
    key: bytes
    value: bytes
    timestamp_ms: int


class Order(msgspec.Struct, gc=False):
    """What the fold reads of an event."""

    order_id: str
    amount: float
    ts: int


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


def records(events: int, customers: int) -> Iterator[Record]:
    """The topic's records, the same ones each time."""
    chance = random.Random(_SEED)
    for number in range(events):
        customer = chance.randrange(customers)
        key, at = f"c{customer:08d}", _FIRST_MS + number * 10
        value = (
            f'{{"event_id": "e{number:012d}", "type": "order_completed", "customer_id": "{key}", '
            f'"order_id": "o{number:010d}", "amount": {chance.randrange(100, 99999) / 100}, "currency": "EUR", '
            f'"ts": {at}, "city": "Berlin", "items": [1, 2, 3]}}'
        )
        yield Record(customer % PARTITIONS, key.encode(), value.encode(), at)
