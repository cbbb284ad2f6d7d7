"""What changes memberships and must write to nobody: a backfill, an import, changed rules, a replay that takes over.

The mail server, the store's coupons and the receiver of webhooks count for themselves. Each step is one that moves
customers who would get something if it happened live, and is looked at when everything has come to rest.
"""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from dotenv import dotenv_values

from headrace.demo.control import SimulatorControl
from headrace.demo.observer import Observer
from headrace.demo.oracle import counted_amounts
from headrace.demo.scenario import Scenario, load_scenario
from headrace.demo.settle import settle
from headrace.runtime.settings import ServiceSettings

ROOT: Final = Path(__file__).resolve().parents[2]
EXTRACT: Final = ROOT / "examples" / "online_retail" / "online_retail.parquet"
ORDERS: Final = 800
SINKS: Final = ("smtp", "coupon", "webhook")
ENTRY: Final = """
  - id: {id}
    goal: Thank those who spend so much
    owner: crm@shop.example
    review_by: 2099-06-30
    who: {{customer.spend: {{above: {above}}}}}
    attributes: {{thanked_for: "{above}"}}
    on_enter:
      - {{send_email: {{template: thank-you, with: {{coupon: {{percent: 10}}}}}}, once: customer}}
      - {{issue_coupon: {{amount: 5, for: next_order}}, once: customer}}
      - {{webhook: {{url: "{receiver}/hooks/{id}"}}, once: customer}}
"""

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


class Shop:
    """The stack of a demo that has ended and was left running: a store with its past, Headrace connected since."""

    def __init__(self, addresses: Mapping[str, Any], report: Mapping[str, Any], folder: Path) -> None:
        self.addresses, self.report, self.folder = addresses, report, folder
        self.scenario: Scenario = load_scenario(EXTRACT, seed=1, orders=ORDERS)
        self.rules = folder / "rules"
        shutil.copytree(ROOT / "examples" / "rules" / "demo", self.rules)
        (self.rules / "more.yaml").write_text("segments:")
        self.generation = 1
        config = dotenv_values(addresses["config"])
        self.settings = ServiceSettings(
            store="demo",
            kafka_bootstrap_servers=str(config["HEADRACE_KAFKA_BOOTSTRAP_SERVERS"]),
            topic_prefix=str(config["HEADRACE_TOPIC_PREFIX"]),
        )

    def add(self, id: str, above: int) -> Path:
        """One more segment whose members get a mail with a coupon, a coupon and a webhook. Gives the rule set."""
        with (self.rules / "more.yaml").open("a") as file:
            file.write(ENTRY.format(id=id, above=above, receiver=self.addresses["simulators"]["receiver"]))
        return self.rules

    def done(self) -> dict[str, int]:
        """What each sink took since the beginning, once nothing moves any more."""

        async def look() -> tuple[dict[str, Any], dict[str, Any]]:
            async with SimulatorControl(self.simulator) as control, Observer(self.settings) as observer:
                until = await control.now()
                await control.advance(until + timedelta(minutes=10))
                book = Path(self.addresses["config"]).parent / "effects.db"
                await settle(
                    observer, control, book, store="demo", generation=self.generation, until=until, partitions=12,
                    deadline_s=120,
                )  # fmt: skip
                return await control.calls(), await control.truth()

        calls, self.truth = asyncio.run(look())
        return {sink: calls["effects"][sink]["count"] for sink in SINKS}

    def operate(self, *operations: dict[str, Any]) -> None:
        async def post() -> None:
            async with SimulatorControl(self.simulator) as control:
                await control.operate([*operations])

        asyncio.run(post())

    @property
    def simulator(self) -> str:
        return str(self.addresses["simulators"]["bigcommerce"])

    def having(self, value: str) -> set[int]:
        """Customers with this in their mirrored attributes, as `done` saw the store last."""
        found = self.truth["customers"].items()
        return {int(number) for number, end in found if f";{value};" in "".join(end["attributes"].values())}

    def guests(self, above_minor: int) -> int:
        """Guests who spent more; they have no attributes at the store."""
        amounts = counted_amounts(self.scenario)
        return sum(amounts[order] > above_minor for order in self.scenario.guests)

    def willing(self, count: int) -> list[int]:
        """Customers who subscribed, and have not spent much."""
        spent: Counter[int] = Counter()
        for order in self.scenario.shop.orders:
            spent[order.customer] += order.total_minor
        people = self.scenario.customers.items()
        return sorted(number for number, person in people if person.subscribed and spent[number] < 100_00)[:count]

    def verb(self, *words: str, code: int = 0) -> dict[str, Any]:
        done = subprocess.run(
            [sys.executable, "-m", "headrace.cli.main", *words, "--json", "--config", self.addresses["config"]],
            cwd=ROOT,
            env={name: value for name, value in os.environ.items() if not name.startswith("HEADRACE_")},
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert done.returncode == code, (words, done.stdout[-2000:], done.stderr[-2000:])
        found: dict[str, Any] = json.loads(done.stdout)
        return found


@pytest.fixture(scope="module")
def shop(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("silent")
    ports, output = folder / "ports.json", folder / "output"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HEADRACE_")}
    words = ("--orders", str(ORDERS), "--backfill", "--keep", "--json", "--ports-file", str(ports))
    with output.open("w") as out, (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "headrace.cli.main", "demo", *words],
            cwd=ROOT,
            env=environment | {"HEADRACE_KAFKA_BOOTSTRAP_SERVERS": kafka, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=log,
        )
    try:
        end = time.monotonic() + 300
        while not output.read_text().endswith("\n"):
            assert process.poll() is None, (folder / "log").read_text()[-4000:]
            assert time.monotonic() < end, "the demo has not ended"
            time.sleep(0.2)
        yield Shop(json.loads(ports.read_text()), json.loads(output.read_text()), folder)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(30)
        finally:
            process.kill()


def test_backfill__the_shop_s_past__nothing_is_sent(shop: Shop) -> None:
    assert shop.report["verification"]["differences"] == []
    assert shop.done() == dict.fromkeys(SINKS, 0)
    consenting = [number for number in shop.having("tier=VIP") if shop.scenario.customers[number].subscribed]
    assert len(consenting) >= 3


def test_apply__changed_rules__nothing_is_sent(shop: Shop) -> None:
    before = shop.done()
    shop.verb("apply", "--from", str(shop.add("good", 1000)), "--wait")
    assert shop.done() == before
    assert len(shop.having("thanked_for=1000")) > 20


def test_import__orders_of_an_erp__nothing_is_sent(shop: Shop) -> None:
    before, chosen = shop.done(), shop.willing(20)
    file = shop.folder / "erp.csv"
    rows = [f"{number},X-{number},2009-12-05,9000.00\n" for number in chosen]
    file.write_text("customer,order,ordered_at,total\n" + "".join(rows))
    shop.verb("import", str(file))
    assert shop.done() == before
    assert shop.having("tier=VIP") & shop.having("thanked_for=1000") >= {*chosen}


def test_replay__takes_over__what_was_sent_live_is_not_sent_again_and_nothing_else(shop: Shop) -> None:
    """One customer orders live before, so that the log holds what would release effects again."""
    before, customer = shop.done(), shop.willing(21)[20]
    line = {"product_id": 1, "name": "Vase", "sku": "V-1", "quantity": 1, "price": "9000.00"}
    order = {"customer_id": customer, "email": shop.scenario.customers[customer].email, "status_id": 11}
    shop.operate({"op": "order.create", "order": {**order, "currency": "GBP", "lines": [line]}})
    live = shop.done()
    # Of vip a mail with a coupon; of good the same, a coupon alone and a webhook.
    assert {sink: live[sink] - before[sink] for sink in SINKS} == {"smtp": 2, "coupon": 3, "webhook": 1}

    found = shop.verb("replay", "--promote")
    shop.generation = 2
    assert shop.done() == live, found
    states = shop.verb("effects", "list", "--last", "10000")["states"]
    assert states == {"sent": 4}  # nothing waits; two of the coupons are the mails'


def test_apply__send_effects__the_planned_ones_once_however_often(shop: Shop) -> None:
    before, plan = shop.done(), str(shop.folder / "plan.json")
    planned = shop.verb("plan", str(shop.add("regular", 300)), "--out", plan)
    (effects,) = planned["effects"]
    shop.verb("apply", plan, "--send-effects", "regular", "--wait")
    after = shop.done()
    entered = shop.having("thanked_for=300")
    consenting = sum(shop.scenario.customers[number].subscribed for number in entered)
    everybody = len(entered) + shop.guests(above_minor=300_00)
    sent = {sink: after[sink] - before[sink] for sink in SINKS}
    assert sent == {"smtp": consenting, "coupon": 2 * consenting, "webhook": everybody}
    assert effects == {"rule": "regular", "count": 2 * consenting + everybody}  # each mail has its coupon
    assert consenting > 20

    shop.verb("apply", plan, "--send-effects", "regular", "--wait")
    shop.verb("apply", "--from", str(shop.rules), "--send-effects", "regular", "--wait", code=1)
    again = shop.verb("plan", str(shop.rules), "--out", plan)
    assert again["effects"] == []
    shop.verb("apply", plan, "--send-effects", "regular", "--wait")
    assert shop.done() == after
    states = shop.verb("effects", "list", "--last", "10000")["states"]
    assert set(states) == {"sent"}
