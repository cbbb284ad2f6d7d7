"""The whole evaluator on real Kafka: events in, committed actions and dead letters out."""

import asyncio
import signal
import time
from datetime import timedelta
from pathlib import Path

import pytest

from headrace.contracts.topics import ACTIONS_ATTRIBUTES, ACTIONS_GROUP, DEAD_LETTERS
from headrace.rules.load import load_rule_set
from headrace.rules.model import RuleSet
from headrace.runtime.settings import ServiceSettings
from tests.services.evaluator.service import (
    BEGIN,
    activation,
    clock,
    committed_lag,
    customer,
    evaluator,
    order,
    publish,
    publish_rules,
    read,
    until,
)

DEMO = Path(__file__).parents[3] / "examples" / "rules" / "demo"


@pytest.fixture(scope="module")
def demo_rules() -> RuleSet:
    loaded = load_rule_set([DEMO])
    assert loaded.rule_set is not None, loaded.findings
    return loaded.rule_set


async def groups(settings: ServiceSettings) -> dict[str, str | None]:
    """The newest desired group of each customer."""
    return {value["customer"]: value["value"] for _, value in await read(settings, ACTIONS_GROUP)}


async def caught_up(settings: ServiceSettings) -> bool:
    return await committed_lag(settings) == 0


def test_evaluator__demo_rules__groups_attributes_and_dead_letters(
    topics_created: ServiceSettings, demo_rules: RuleSet, tmp_path: Path
) -> None:
    """Rules first, then events; bad records are set aside and their neighbours are not touched."""

    async def scenario() -> None:
        settings = topics_created
        await publish_rules(settings, demo_rules, 1)
        await publish(settings, [*activation(demo_rules, 1), *clock(BEGIN)])
        await publish(settings, [customer(n) for n in range(1, 7)])
        place, key, _ = customer(1)
        bad = [
            (place, key, b"{not json"),
            (place, b"teststore:other", customer(1)[2]),
            (place, b"~", customer(1)[2]),
        ]
        spent = [
            order(1, 101, 50_000),
            order(2, 102, 150_000),
            order(3, 103, 600_000),
            order(4, 104, 1_000, brand="Bijou"),
        ]
        await publish(settings, [*bad, *spent])
        async with evaluator(settings, tmp_path) as running:
            await until("everything committed", lambda: caught_up(settings))
            found = await groups(settings)
            running.process.send_signal(signal.SIGTERM)
            started = time.monotonic()
            assert running.process.wait(10) == 0
            assert time.monotonic() - started < 5
        assert found == {
            "teststore:1": "Silver",
            "teststore:2": "Gold",
            "teststore:3": "Platinum",
            "teststore:4": "Bijou",
            "teststore:5": "Silver",
            "teststore:6": "Silver",
        }
        attributes = {value["customer"]: value["present"] for _, value in await read(settings, ACTIONS_ATTRIBUTES)}
        assert attributes["teststore:3"]["tier"] == ["VIP"]
        letters = [value["reason"] for _, value in await read(settings, DEAD_LETTERS)]
        assert sorted(letters) == ["not_applicable", "not_applicable", "undecodable"]

    asyncio.run(scenario())


def test_evaluator__rules_after_events__sweep_reaches_silent_customers(
    topics_created: ServiceSettings, demo_rules: RuleSet, tmp_path: Path
) -> None:
    """Customers that no event touches are re-segmented by the sweep; a restart in between changes nothing."""

    async def scenario() -> None:
        settings = topics_created
        events = [customer(n) for n in range(1, 41)] + [order(n, 100 + n, 200_000) for n in range(1, 11)]
        await publish(settings, events)
        async with evaluator(settings, tmp_path):
            await until("everything committed", lambda: caught_up(settings))
            assert await groups(settings) == {}
        await publish_rules(settings, demo_rules, 1)
        await publish(settings, [*clock(BEGIN + timedelta(days=2)), *activation(demo_rules, 1)])
        async with evaluator(settings, tmp_path):
            expected = {f"teststore:{n}": "Gold" if n <= 10 else "Silver" for n in range(1, 41)}

            async def swept() -> bool:
                return await groups(settings) == expected

            await until("all swept", swept)
        versions = [(value["customer"], *value["version"]) for _, value in await read(settings, ACTIONS_GROUP)]
        assert len(versions) == len(set(versions)) == 40

    asyncio.run(scenario())
