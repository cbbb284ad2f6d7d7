"""`headrace explain` and `headrace history` on real Kafka: a customer as it is, as it was, and what is refused."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from headrace.contracts.topics import partition_of
from headrace.runtime.settings import ServiceSettings
from tests.services.evaluator.replay.scene import Said, caught_up, headrace, ladder
from tests.services.evaluator.service import (
    BEGIN,
    PARTITIONS,
    Record,
    activation,
    clock,
    customer,
    evaluator,
    order,
    publish,
    publish_rules,
)

pytestmark = pytest.mark.kafka
ANN = "teststore:1"


async def live_log(settings: ServiceSettings, folder: Path) -> None:
    """Ann orders on days 1, 4 and 7; a rule set is in force from the beginning, a stricter one from day 8."""
    await publish_rules(settings, ladder(100_00), 1)
    await publish_rules(settings, ladder(150_00), 2)
    records = [*clock(BEGIN), customer(1), *activation(ladder(100_00), 1)]
    records += [order(1, 11, 61_80, day=1), *clock(day(2)), order(1, 12, 50_00, day=4), *clock(day(5))]
    records += [order(1, 13, 10_00, day=7), *clock(day(8)), *activation(ladder(150_00), 2)]
    await publish(settings, [*records, elsewhere(customer(1))])
    async with evaluator(settings, folder):
        await caught_up(settings)


def elsewhere(record: Record) -> Record:
    """The same in a store without rules."""
    key, value = (part.replace(b"teststore", b"other") for part in record[1:])
    return partition_of(key, PARTITIONS), key, value


def day(number: int) -> datetime:
    return BEGIN + timedelta(days=number)


async def explained(settings: ServiceSettings, *words: str) -> dict[str, Any]:
    said = await headrace(settings, "explain", *words)
    assert said.code == 0, (said.json, said.stderr[-2000:])
    return said.json


async def test_explain__live_and_at_earlier_times__as_it_was_then(
    topics_created: ServiceSettings, tmp_path: Path
) -> None:
    settings = topics_created
    await live_log(settings, tmp_path)
    live = await explained(settings, ANN)
    end = await explained(settings, "1", "--at", day(99).isoformat())
    gold = await explained(settings, ANN, "--at", day(5).isoformat())
    early = await explained(settings, ANN, "--at", (day(2) + timedelta(hours=1)).isoformat(), "--rule", "loyalty")

    assert (live["group"], live["won_by"], live["at"]) == ("Silver", "ladder:loyalty", "2026-01-13T09:00:00Z")
    spend = {"value": {"amount_minor": 121_80, "currency": "GBP"}, "from": ["11", "12", "13"]}
    assert live["facts"] == {"customer.spend": spend}
    change = live["smallest_change"]
    assert (change["fact"], change["by"], change["until"]) == (
        "customer.spend",
        {"amount_minor": 28_20, "currency": "GBP"},
        None,
    )
    assert end == live, "the log folded is the live state"
    assert (gold["group"], gold["facts"]["customer.spend"]["from"]) == ("Gold", ["11", "12"])
    assert (early["group"], early["smallest_change"]["by"]["amount_minor"]) == ("Silver", 38_20)
    assert [rule["id"] for rule in early["rules"]] == ["loyalty"]
    history = await headrace(settings, "history", ANN)
    assert [(one["kind"], one["name"], one["entered"]) for one in history.json["entries"]] == [
        ("rung", "loyalty:1", True),
        ("group", "Silver", True),
        ("rung", "loyalty:2", True),
        ("group", "Gold", True),
        ("rung", "loyalty:1", True),
        ("group", "Silver", True),
    ]
    await refused(settings)


async def refused(settings: ServiceSettings) -> None:
    """What cannot be explained says why, and what to do."""
    found = {
        "stranger": await headrace(settings, "explain", "teststore:999"),
        "store": await headrace(settings, "history", "testsore:1"),
        "rule": await headrace(settings, "explain", ANN, "--rule", "loyalti"),
        "before": await headrace(settings, "explain", ANN, "--at", day(-1).isoformat()),
        "no rules": await headrace(settings, "explain", "other:1"),
        "no rules then": await headrace(settings, "explain", "other:1", "--at", day(8).isoformat()),
    }
    assert {name: error(said)[:2] for name, said in found.items()} == {
        "stranger": (1, "unknown_customer"),
        "store": (1, "unknown_customer"),
        "rule": (1, "unknown_rule"),
        "before": (1, "before_the_log"),
        "no rules": (1, "no_rules"),
        "no rules then": (1, "no_rules"),
    }
    assert error(found["store"])[2] == "did you mean teststore:1?"
    assert error(found["rule"])[2] == "did you mean loyalty?"


def error(said: Said) -> tuple[int, str, str]:
    return said.code, said.json["error"]["code"], said.json["error"]["hint"]
