"""The log of a run of the real evaluator: customers, orders many and large, refunds, deletions, clocks, activations.

What becomes of them is the evaluator's business, and the oracle's (`customers_oracle.py`).
"""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final, get_args

from confluent_kafka import Producer

from headrace.contracts.events import (
    ATTRIBUTE_SET,
    CLOCK,
    CUSTOMER_DELETED,
    CUSTOMER_SNAPSHOT,
    ORDER_SNAPSHOT,
    RULESET_ACTIVATED,
    Address,
    AttributeSet,
    Clock,
    CustomerDeleted,
    CustomerPersonal,
    CustomerSnapshot,
    OrderLine,
    OrderSnapshot,
    OrderStatus,
    Refund,
    RulesetActivated,
    encode_event,
    revision,
)
from headrace.contracts.topics import PARTITION_WIDE_KEY, RULES, partition_of
from headrace.rules.load import rule_set_hash
from headrace.runtime.kafka import confluent_config, topic
from headrace.runtime.settings import ServiceSettings
from tests.kill.cluster import PARTITIONS, STORE
from tests.kill.customers_rules import rule_set_of
from tests.kill.load import Event
from tests.services.evaluator.service import rules_record

_BEGIN: Final = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
_CUSTOMERS: Final = 600
_BUSY: Final = 20
"""Every so-manieth customer has hundreds of orders: most of them are on pages."""
_PAID: Final[tuple[OrderStatus, ...]] = ("shipped", "completed", "awaiting_fulfillment")
_OUTAGE_S: Final = 120.0


class CustomersSource:
    """Records in every partition. `settings`: where the rule sets are published before they are announced."""

    wave = 3_000

    def __init__(self, seed: int, settings: ServiceSettings) -> None:
        self._chance = random.Random(seed)
        self._rules = Producer({**confluent_config(settings), "enable.idempotence": True, "log_level": 0})
        self._rules_topic = topic(settings, RULES)
        self._now = _BEGIN
        self._version = self._count = 0

    def events(self, count: int) -> Iterator[Event]:
        for _ in range(count):
            number = self._chance.randrange(_CUSTOMERS)
            if self._chance.random() < 0.2:
                number -= number % _BUSY
            yield self._event(number)

    def clock(self) -> Iterator[Event]:
        self._now += timedelta(hours=self._chance.randrange(2, 30))
        return self._everywhere(Clock(store=STORE, now=self._now), CLOCK)

    def activation(self) -> Iterator[Event]:
        """Published first; all that the topic holds is read before a marker is judged."""
        self._version += 1
        rules = rule_set_of(self._version)
        key = f"{STORE}:{self._version}"
        self._rules.produce(self._rules_topic, rules_record(rules, self._version), key, 0)
        if self._rules.flush(_OUTAGE_S):
            raise RuntimeError("the rules could not be published")
        name = f"a{self._version}"
        marker = RulesetActivated(store=STORE, version=self._version, hash=rule_set_hash(rules), activation=name)
        return self._everywhere(marker, RULESET_ACTIVATED)

    def _event(self, number: int) -> Event:
        draw = self._chance.random()
        if draw < 0.15:
            return self._record(number, self._customer(number), CUSTOMER_SNAPSHOT)
        if draw < 0.18:
            mood = self._chance.choice(("hot", "calm"))
            return self._record(number, AttributeSet(name="mood", values=(mood,)), ATTRIBUTE_SET)
        if draw < 0.183 and number % _BUSY:
            return self._record(number, CustomerDeleted(customer_id=str(number)), CUSTOMER_DELETED)
        return self._record(number, self._order(number), ORDER_SNAPSHOT)

    def _customer(self, number: int) -> CustomerSnapshot:
        chance = self._chance
        return CustomerSnapshot(
            customer_id=str(number),
            created_at=self._now - timedelta(days=chance.randrange(30)),
            modified_at=self._now,
            email_domain="post.example",
            group=chance.choice(("", "", "", "Gold", "Other")),
            addresses=(Address(country_code="GB", country="United Kingdom"),),
            personal=CustomerPersonal(email=f"c{number}@post.example"),
        )

    def _order(self, number: int) -> OrderSnapshot:
        """A new one, or the newest state of an old one: other status, other total, a refund."""
        chance = self._chance
        order = chance.randrange(400 if number % _BUSY == 0 else 8)
        lines = tuple(self._line(order, nth) for nth in range(1 + order % 4))
        total = sum(line.total for line in lines)
        status = chance.choice(get_args(OrderStatus)) if chance.random() < 0.3 else chance.choice(_PAID)
        refunds = (Refund(id="r1", created_at=self._now, amount=total // 2),) if chance.random() < 0.1 else ()
        return OrderSnapshot(
            order_id=str(order + 1),
            status=status,
            created_at=_BEGIN - timedelta(days=10) + timedelta(hours=13 * order),
            modified_at=self._now,
            currency="GBP",
            total=total,
            subtotal=total,
            total_excluding_tax=total,
            lines=lines,
            refunds=refunds,
        )

    def _line(self, order: int, nth: int) -> OrderLine:
        quantity, price = self._chance.randint(1, 5), 500 + 100 * (order % 37)
        brand = "Apple" if (order + nth) % 11 == 0 else "Own label"
        # Every ninth order is too large to stay beside the others.
        name = "n" * 2_500 if order % 9 == 8 and nth == 0 else f"Mug {order}"
        total = quantity * price
        return OrderLine(
            id=str(nth), product_id=str(order), quantity=quantity, price=price, total=total, name=name, brand=brand
        )

    def _record(self, number: int, data: Any, kind: str) -> Event:
        key = f"{STORE}:{number}"
        return Event(partition_of(key.encode(), PARTITIONS), key.encode(), self._encoded(data, kind, key))

    def _everywhere(self, data: Any, kind: str) -> Iterator[Event]:
        value = self._encoded(data, kind, PARTITION_WIDE_KEY.decode())
        return (Event(number, PARTITION_WIDE_KEY, value) for number in range(PARTITIONS))

    def _encoded(self, data: Any, kind: str, subject: str) -> bytes:
        self._count += 1
        # One in thirty comes late: an older revision than one that was seen.
        late = 500 if self._chance.random() < 0.03 else 0
        return encode_event(
            data,
            type=kind,
            id=f"{kind}:{self._count}",
            store=STORE,
            subject=subject,
            time=self._now,
            origin="live",
            revision=revision(_BEGIN + timedelta(seconds=max(0, self._count - late)), _BEGIN),
        )
