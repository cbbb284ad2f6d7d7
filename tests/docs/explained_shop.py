"""The little shop whose customer 42 `docs/explain.md` is about: her orders, one given back, folded live once."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from headrace.contracts.actions import RuleSetRecord, encode
from headrace.contracts.events import (
    CLOCK,
    CUSTOMER_SNAPSHOT,
    ORDER_SNAPSHOT,
    RULESET_ACTIVATED,
    Clock,
    CustomerPersonal,
    CustomerSnapshot,
    OrderLine,
    OrderSnapshot,
    Refund,
    RefundLine,
    RulesetActivated,
    encode_event,
    revision,
)
from headrace.contracts.topics import PARTITION_WIDE_KEY, RULES, partition_of
from headrace.rules.load import load_rule_set, rule_set_hash
from headrace.rules.model import RuleSet, encode_rule_set
from headrace.runtime.kafka import make_producer, topic
from headrace.runtime.settings import ServiceSettings
from tests.services.evaluator.service import PARTITIONS, Record, committed_lag, evaluator, publish, until

STORE: Final = "demo"
KEY: Final = b"demo:42"
_ORDERS: Final = ((101, "03-02", 20_00), (117, "08-24", 400_00), (130, "10-10", 411_80), (142, "10-25", 130_00))


def open_shop(settings: ServiceSettings, folder: Path) -> None:
    """With the rule file of the page in force; returns when the evaluator has seen everything."""
    loaded = load_rule_set([folder / "rules/shop.yaml"])
    assert loaded.rule_set is not None, loaded.findings
    asyncio.run(_open(settings, folder, loaded.rule_set))


async def _open(settings: ServiceSettings, folder: Path, rules: RuleSet) -> None:
    await _put_rules(settings, rules)
    await publish(settings, _records(rules))
    async with evaluator(settings, folder):

        async def done() -> bool:
            return await committed_lag(settings) == 0

        await until("the evaluator to see the shop's log", done)


async def _put_rules(settings: ServiceSettings, rules: RuleSet) -> None:
    document = msgspec.Raw(encode_rule_set(rules))
    record = RuleSetRecord(store=STORE, version=1, hash=rule_set_hash(rules), document=document)
    producer = make_producer(settings)
    await producer.start()
    try:
        await producer.send_and_wait(topic(settings, RULES), encode(record), b"demo:1", 0)
    finally:
        await producer.stop()


def _records(rules: RuleSet) -> list[Record]:
    active = RulesetActivated(store=STORE, version=1, hash=rule_set_hash(rules), activation="a1")
    customer = CustomerSnapshot(
        customer_id="42",
        created_at=_day("03-01"),
        modified_at=_day("03-01"),
        email_domain="post.example",
        subscribed=True,
        personal=CustomerPersonal(email="ann@post.example", first_name="Ann"),
    )
    records = [*_clock("03-01"), _about(customer, CUSTOMER_SNAPSHOT, "42", "03-01")]
    records += _everywhere(active, RULESET_ACTIVATED, "03-01")
    for number, day, total in (*_ORDERS, (150, "11-01", 250_00)):
        records += [*_clock(day), _order(number, day, total)]
    given_back = Refund(
        id="7",
        created_at=_day("11-05"),
        amount=250_00,
        lines=(RefundLine(line_id="1", quantity=1, amount=250_00),),
    )
    records += [*_clock("11-05"), _order(150, "11-01", 250_00, told="11-05", refunds=(given_back,))]
    return [*records, *_clock("11-20")]


def _order(number: int, day: str, total: int, *, told: str | None = None, refunds: tuple[Refund, ...] = ()) -> Record:
    line = OrderLine(id="1", product_id="7", quantity=1, price=total, total=total, name="Hamper")
    order = OrderSnapshot(
        order_id=str(number),
        status="completed",
        created_at=_day(day),
        modified_at=_day(told or day),
        currency="GBP",
        total=total,
        subtotal=total,
        total_excluding_tax=total,
        lines=(line,),
        refunds=refunds,
    )
    return _about(order, ORDER_SNAPSHOT, str(number), told or day)


def _about(data: Any, kind: str, number: str, day: str) -> Record:
    at = _day(day)
    value = encode_event(
        data,
        type=kind,
        id=f"{kind}:{number}:{revision(at, at)}",
        store=STORE,
        subject=KEY.decode(),
        time=at,
        origin="live",
        revision=revision(at, at),
    )
    return partition_of(KEY, PARTITIONS), KEY, value


def _clock(day: str) -> list[Record]:
    return _everywhere(Clock(store=STORE, now=_day(day)), CLOCK, day)


def _everywhere(data: Any, kind: str, day: str) -> list[Record]:
    value = encode_event(data, type=kind, id=f"{kind}:{day}", store=STORE, subject="~", time=_day(day), origin="live")
    return [(number, PARTITION_WIDE_KEY, value) for number in range(PARTITIONS)]


def _day(day: str) -> datetime:
    return datetime.fromisoformat(f"2026-{day}T12:00:00").replace(tzinfo=UTC)
