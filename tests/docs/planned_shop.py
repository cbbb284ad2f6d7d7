"""The shop that `docs/plan.md` plans for: forty customers with an order each, settled under its first rules."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from headrace.cli.apply import put_in_force
from headrace.contracts.events import (
    CLOCK,
    CUSTOMER_SNAPSHOT,
    ORDER_SNAPSHOT,
    Clock,
    CustomerSnapshot,
    OrderLine,
    OrderSnapshot,
    encode_event,
    revision,
)
from headrace.contracts.topics import PARTITION_WIDE_KEY, partition_of
from headrace.rules.load import load_rule_set
from headrace.runtime.settings import ServiceSettings
from tests.services.evaluator.service import PARTITIONS, Record, committed_lag, evaluator, publish, until

STORE: Final = "demo"
CUSTOMERS: Final = 40
BEGIN: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)


def open_planned_shop(settings: ServiceSettings, folder: Path) -> None:
    """With the page's first rules in force; returns when the evaluator has seen everything."""
    asyncio.run(_open(settings.model_copy(update={"store": STORE}), folder))


async def _open(settings: ServiceSettings, folder: Path) -> None:
    loaded = load_rule_set([folder / "rules/shop.yaml"])
    assert loaded.rule_set is not None, loaded.findings
    await publish(settings, records())
    await put_in_force(settings, loaded, prune=False)
    async with evaluator(settings, folder):

        async def done() -> bool:
            return await committed_lag(settings) == 0

        await until("the evaluator to see the shop's log", done)


def records() -> list[Record]:
    """Of the log. Customer n has spent n times 50.00; every fifth one works for Acme, the others name no company."""
    records: list[Record] = []
    for number in range(1, CUSTOMERS + 1):
        customer = CustomerSnapshot(
            customer_id=str(number), created_at=BEGIN, modified_at=BEGIN, company="Acme" if number % 5 == 0 else ""
        )
        records += [_about(number, customer, CUSTOMER_SNAPSHOT, str(number)), _order(number, number * 50_00)]
    now = Clock(store=STORE, now=BEGIN + timedelta(days=1))
    value = encode_event(
        now, type=CLOCK, id="clock", store=STORE, subject="~", time=BEGIN + timedelta(days=1), origin="live"
    )
    return [*records, *((partition, PARTITION_WIDE_KEY, value) for partition in range(PARTITIONS))]


def _order(number: int, total: int) -> Record:
    line = OrderLine(id="1", product_id="7", quantity=1, price=total, total=total, name="Hamper")
    order = OrderSnapshot(
        order_id=str(number),
        status="completed",
        created_at=BEGIN,
        modified_at=BEGIN,
        currency="GBP",
        total=total,
        subtotal=total,
        total_excluding_tax=total,
        lines=(line,),
    )
    return _about(number, order, ORDER_SNAPSHOT, f"o{number}")


def _about(number: int, data: Any, kind: str, name: str) -> Record:
    key = f"{STORE}:{number}"
    value = encode_event(
        data,
        type=kind,
        id=f"{kind}:{name}",
        store=STORE,
        subject=key,
        time=BEGIN,
        origin="live",
        revision=revision(BEGIN, BEGIN),
    )
    return partition_of(key.encode(), PARTITIONS), key.encode(), value
