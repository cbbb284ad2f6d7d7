"""Drift end to end: people and other apps move customers in a simulated store while all of Headrace runs on it.

What is drift is said in decision 18; here is that the whole chain, webhooks to written groups, does it.
"""

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from headrace.runtime.settings import KafkaSettings
from services.evaluator.replay.explaining import explain_customer, history_of
from services.evaluator.replay.pool import rule_sets_of
from tests.scenario.test_dev import ROOT, Dev, developing, until

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(600)]
SPEED: Final = 60
"""Seconds of the store a second."""
WRITE_TAKES_S: Final = 3.0
"""Of a slow store: three minutes of its time."""
WITHIN_S: Final = 60.0
RULES: Final = """
store: {{timezone: Europe/London, currency: GBP}}
drift: {drift}
default_group: Retail
groups: [{{name: VIP}}, {{name: Gold}}, {{name: Silver}}, {{name: Bronze}}, {{name: Retail}}]
group_order: [VIP, Gold, Silver, Bronze]
ladders:
  - id: loyalty
    by: customer.spend
    rungs: [{{group: Bronze}}, {{group: Silver, from: 100}}, {{group: Gold, from: 1000}}]
"""
GROUPS: Final = ("VIP", "Gold", "Silver", "Bronze", "Press")
"""And Retail, which the store gives to a new customer; Press is not ours."""


@dataclass
class Shop:
    """The store as people see it, Headrace as its command tells."""

    dev: Dev
    folder: Path
    customers: int = 0
    orders: int = 0
    rules: int = 0

    def customer(self) -> int:
        """A new one; Headrace puts it into Bronze, and has seen that."""
        self.customers += 1
        number = self.customers
        person = {"id": number, "email": f"c{number}@example.com", "first_name": "A", "last_name": "B"}
        self.operate({"op": "customer.create", "customer": person})
        self.is_in(number, "Bronze")
        return number

    def buys(self, customer: int, pounds: int) -> int:
        """An order; its number."""
        self.orders += 1
        line = {"product_id": 5, "sku": "MUG", "name": "Mug", "quantity": 1, "price": str(pounds)}
        order = {"id": self.orders, "customer_id": customer, "email": f"c{customer}@example.com", "lines": [line]}
        self.operate({"op": "order.create", "order": order})
        return self.orders

    def cancels(self, order: int) -> None:
        self.operate({"op": "order.status", "order_id": order, "status_id": 5})

    def person_moves(self, customer: int, group: str) -> None:
        """By hand, or by another app."""
        self.operate({"op": "customer.update", "customer": {"id": customer, "group": group}})

    def group_of(self, customer: int) -> str:
        return str(self.sim("/truth")["customers"][str(customer)]["group"])

    def is_in(self, customer: int, group: str) -> None:
        """Waits until the store has the customer there, and Headrace has seen that."""
        until(lambda: self.group_of(customer) == group, WITHIN_S, f"{customer} in {group}")
        self.passes(minutes=2)

    def slow_writes(self, times: int = 1) -> None:
        """The next writes of customers are carried out late."""
        match = {"vendor": "bigcommerce", "method": "PUT", "path": "/v3/customers"}
        self.sim("/faults", [{"match": match, "reply": {"delay_s": WRITE_TAKES_S}, "times": times}])

    def write_is_open(self) -> None:
        """Waits until the slow write has begun."""
        until(lambda: self.sim("/faults")["waiting"] == 0, WITHIN_S, "a write under way")

    def passes(self, *, minutes: float) -> None:
        """Waits for so much of the store's time, and until the feed has told all of it."""
        end = self.now() + timedelta(minutes=minutes)
        until(lambda: self.now() >= end, WITHIN_S, f"{minutes:g} minutes of the store's")

    def now(self) -> datetime:
        return datetime.fromisoformat(self.sim("/clock")["now"])

    def writes(self) -> int:
        """How many customers' groups were written."""
        return int(self.sim("/calls")["group_writes"]["customers"])

    def apply(self, drift: str) -> None:
        self.rules += 1
        path = self.folder / f"rules-{self.rules}.yaml"
        path.write_text(RULES.format(drift=drift))
        self.verb("apply", "--from", str(path), "--wait", "--confirm")
        rule_sets_of.cache_clear()  # else they are read once in a process

    def drifts(self, customer: int) -> list[str]:
        """The groups that others have put it into, as `headrace history` tells; without the start of a process."""
        found = history_of(self.kafka(), f"demo:{customer}")["entries"]
        return [entry["name"] for entry in found if entry["kind"] == "drift"]

    def explain(self, customer: int) -> Mapping[str, Any]:
        return explain_customer(self.kafka(), f"demo:{customer}", rule=None, at=None)

    def kafka(self) -> KafkaSettings:
        config = self.dev.config()
        return KafkaSettings(
            kafka_bootstrap_servers=str(config["HEADRACE_KAFKA_BOOTSTRAP_SERVERS"]),
            topic_prefix=str(config["HEADRACE_TOPIC_PREFIX"]),
        )

    def is_drift(self, customer: int, *groups: str) -> None:
        """Waits until Headrace says so."""
        until(lambda: self.drifts(customer) == list(groups), WITHIN_S, f"drift of {customer} to {groups}")

    def operate(self, *operations: Mapping[str, Any]) -> None:
        self.sim("/orders", {"operations": list(operations)})

    def sim(self, path: str, body: Any = None) -> Any:
        url = f"{self.dev.addresses['simulators']['bigcommerce']}/_sim{path}"
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(url, data=data), timeout=10) as reply:  # noqa: S310
            return json.load(reply)

    def verb(self, *words: str) -> Any:
        done = subprocess.run(
            [sys.executable, "-m", "headrace.cli.main", *words, "--json", "--config", self.dev.addresses["config"]],
            cwd=ROOT,
            env={name: value for name, value in os.environ.items() if not name.startswith("HEADRACE_")},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, (words, done.stdout[-2000:], done.stderr[-2000:])
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """One store and one Headrace for all of them; each has customers of its own."""
    folder = tmp_path_factory.mktemp("drift")
    with developing(folder, "--speed", str(SPEED)) as dev:
        dev.wait_ready()
        made = Shop(dev, folder)
        made.operate(
            {"op": "group.create", "group": {"name": "Retail", "is_default": True}},
            *({"op": "group.create", "group": {"name": name}} for name in GROUPS),
        )
        yield made


@pytest.fixture(scope="module", params=["report", "overwrite", "pin"])
def drift(shop: Shop, request: pytest.FixtureRequest) -> str:
    """What the rule set in force says to it."""
    shop.apply(request.param)
    return str(request.param)


PINNING: Final = pytest.mark.parametrize("drift", ["pin"], indirect=True)
"""Where a false drift would do most harm."""


def test_drift__a_person_moves_a_customer__as_the_rule_set_says(shop: Shop, drift: str) -> None:
    """`report`: it stays, until another group is desired; `overwrite`: back; `pin`: it stays through later orders."""
    customer = shop.customer()
    before = shop.writes()
    shop.person_moves(customer, "VIP")
    shop.is_drift(customer, "VIP")
    if drift == "overwrite":
        shop.is_in(customer, "Bronze")
    shop.passes(minutes=5)
    found = shop.explain(customer)
    assert (shop.group_of(customer), found["group"], found["moved_to"], shop.writes() - before) == {
        "report": ("VIP", "Bronze", "VIP", 0),
        "overwrite": ("Bronze", "Bronze", None, 1),
        "pin": ("VIP", "VIP", None, 0),
    }[drift]
    shop.buys(customer, 200)
    if drift == "pin":
        shop.passes(minutes=5)
        assert (shop.group_of(customer), shop.explain(customer)["won_by"]) == ("VIP", "pin")
        shop.verb("unpin", f"demo:{customer}")
    shop.is_in(customer, "Silver")
    assert shop.drifts(customer) == ["VIP"]


def test_drift__to_a_group_that_is_not_ours__hands_off(shop: Shop, drift: str) -> None:
    customer = shop.customer()
    shop.person_moves(customer, "Press")
    shop.is_drift(customer, "Press")
    shop.buys(customer, 200)
    shop.passes(minutes=5)
    assert (shop.group_of(customer), shop.explain(customer)["group"]) == ("Press", None)


@PINNING
def test_no_drift__a_person_was_faster_than_our_write(shop: Shop, drift: str) -> None:
    """The group we want next: it is there when our write comes, and later."""
    customer = shop.customer()
    shop.slow_writes()
    shop.buys(customer, 200)
    shop.write_is_open()
    shop.person_moves(customer, "Silver")
    goes_on(shop, customer, "Silver")


@PINNING
def test_no_drift__moved_while_our_call_is_open__ours_is_the_last_word(shop: Shop, drift: str) -> None:
    customer = shop.customer()
    shop.slow_writes()
    shop.buys(customer, 200)
    shop.write_is_open()
    shop.person_moves(customer, "VIP")
    shop.is_in(customer, "Silver")
    goes_on(shop, customer, "Silver")


@PINNING
def test_no_drift__write_of_a_group_that_is_not_wanted_any_more_lands_late(shop: Shop, drift: str) -> None:
    """Bronze, Silver, Bronze: while the store shows the Bronze that we want again, it is put into Silver, by us."""
    customer = shop.customer()
    shop.slow_writes()
    order = shop.buys(customer, 200)
    shop.write_is_open()
    shop.slow_writes()
    shop.cancels(order)
    until(lambda: shop.group_of(customer) == "Silver", WITHIN_S, "the late write")
    shop.is_in(customer, "Bronze")
    goes_on(shop, customer, "Bronze")


@PINNING
def test_no_drift__put_back_within_a_minute_of_our_write(shop: Shop, drift: str) -> None:
    """It might be the end of an older write of ours: it is left there until another group is wanted."""
    customer = shop.customer()
    shop.sim("/clock", {"speed": SPEED / 10})  # a minute is long enough for us
    shop.buys(customer, 200)
    until(lambda: shop.group_of(customer) == "Silver", WITHIN_S, "Silver")
    shop.passes(minutes=0.4)
    shop.person_moves(customer, "Bronze")
    shop.sim("/clock", {"speed": SPEED})
    shop.passes(minutes=5)
    assert shop.group_of(customer) == "Bronze"
    goes_on(shop, customer, "Bronze")


@PINNING
def test_no_drift__the_store_gives_its_default_group_late(shop: Shop, drift: str) -> None:
    """In the first hour of the customer's life; the next wanted group is written over it."""
    customer = shop.customer()
    shop.person_moves(customer, "Retail")
    shop.passes(minutes=5)
    goes_on(shop, customer, "Retail")


def goes_on(shop: Shop, customer: int, group: str) -> None:
    """It stays there, nobody speaks of drift, and the next group that is wanted is written."""
    shop.passes(minutes=5)
    assert shop.group_of(customer) == group
    shop.buys(customer, 2000)
    shop.is_in(customer, "Gold")
    shop.passes(minutes=2)
    found = shop.explain(customer)
    assert (shop.drifts(customer), found["group"], found["moved_to"]) == ([], "Gold", None)
