"""Orders that change their owner, from the store to the evaluator's answer: counted once, before and after."""

from pathlib import Path
from typing import Any

import pytest

from headrace.contracts.topics import ACTIONS_ATTRIBUTES
from headrace.rules.load import Source, load_texts
from headrace.runtime.settings import ServiceSettings
from services.ingest.identity import guest_key
from tests.services.evaluator.service import activation, evaluator, publish, publish_rules, read, until
from tests.services.ingest.shop import Shop, customer, open_shop, order, ready

pytestmark = pytest.mark.timeout(180)
EMAIL = "jo@example.com"
GUEST = guest_key("teststore", EMAIL, b"hk")
_HAS = "  - {{id: has-{n}, who: {{customer.orders: {{is: {n}}}}}, attributes: {{orders: '{n}'}}}}\n"
_SPENT = "  - {{id: spent-{n}, who: {{customer.spend: {{is: {sum:.2f}}}}}, attributes: {{spent: '{n}'}}}}\n"
RULES = "store: {timezone: UTC, currency: GBP}\nsegments:\n" + "".join(
    line.format(n=count, sum=count * 5.10) for count in range(1, 6) for line in (_HAS, _SPENT)
)
GUESTS_ORDERS = [order(number, 0, email=EMAIL) for number in (100, 101, 102)]
ACCOUNT = customer(7, email="Jo@Example.com")


async def _counted(settings: ServiceSettings) -> dict[str, tuple[str, str]]:
    """How many orders each customer has, and how much was spent as a count of such orders; without those of none."""
    found = {}
    for key, value in await read(settings, ACTIONS_ATTRIBUTES):
        present = value["present"]
        found[(key or b"").decode()] = tuple("".join(present.get(name, ())) for name in ("orders", "spent"))
    return {key: (orders, spent) for key, (orders, spent) in found.items() if orders or spent}


async def _until_counted(shop: Shop, **wanted: int) -> None:
    """`c7=3, guest=1`."""
    keys = {"guest": GUEST}
    expected = {keys.get(name, f"teststore:{name[1:]}"): (str(count),) * 2 for name, count in wanted.items() if count}

    async def holds() -> bool:
        return await _counted(shop.kafka) == expected

    await until(f"{expected}", holds)


async def _rules(settings: ServiceSettings) -> None:
    rule_set = load_texts([Source("rules.yaml", RULES)]).rule_set
    assert rule_set is not None
    await publish_rules(settings, rule_set, 1)
    await publish(settings, activation(rule_set, 1))


@pytest.mark.parametrize(
    "script",
    [
        pytest.param([*GUESTS_ORDERS, "counted", ACCOUNT], id="orders-then-account"),
        pytest.param([ACCOUNT, "counted", *GUESTS_ORDERS], id="account-then-orders"),
        pytest.param([GUESTS_ORDERS[0], ACCOUNT, *GUESTS_ORDERS[1:]], id="at-once"),
        pytest.param([*GUESTS_ORDERS, "counted", "crash", ACCOUNT], id="after-a-crash"),
    ],
)
async def test_moves__guest_with_three_orders_creates_an_account__counted_once_in_any_order(
    topics_created: ServiceSettings, tmp_path: Path, script: list[Any]
) -> None:
    await _rules(topics_created)
    async with (
        open_shop(topics_created, speed=20, duplicates=0.2, reorders=0.5) as shop,
        evaluator(topics_created, tmp_path),
    ):
        await ready(shop.receive())
        hydrate = shop.hydrate()
        await ready(hydrate)
        for step in script:
            if step == "counted":
                await _until_counted(shop, guest=0 if script[0] is ACCOUNT else 3)
            elif step == "crash":
                await shop.kill(hydrate)
                hydrate = shop.hydrate()
            else:
                await shop.operate(step)
        await _until_counted(shop, c7=3)
        await shop.operate(
            {"op": "order.status", "order_id": 101, "status_id": 2}, order(103, 7), order(104, 0, email=EMAIL)
        )
        await _until_counted(shop, c7=5)


async def test_moves__staff_moves_an_order__counted_once_with_feed_and_hydrate_at_work(
    topics_created: ServiceSettings, tmp_path: Path
) -> None:
    await _rules(topics_created)
    async with (
        open_shop(topics_created, speed=60, duplicates=0.2, reorders=0.5) as shop,
        evaluator(topics_created, tmp_path),
    ):
        await shop.operate(customer(7), customer(8), order(100, 7), order(101, 7), order(102, 0, email=EMAIL))
        await ready(shop.receive(), shop.hydrate(), shop.feed(backfill=True, settle_s=2))
        await _until_counted(shop, c7=2, guest=1)
        await shop.operate({"op": "order.move", "order_id": 101, "customer_id": 8})
        await _until_counted(shop, c7=1, c8=1, guest=1)
        await shop.operate(
            {"op": "order.move", "order_id": 102, "customer_id": 8},
            {"op": "order.move", "order_id": 101, "customer_id": 7},
        )
        await _until_counted(shop, c7=2, c8=1)
