"""Time on real Kafka: thousands of timers due at once, live events meanwhile, and a worker killed in the middle.

What the worker must have left in Kafka is computed by the eager oracle from the log itself.
"""

import asyncio
import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Final

from aiokafka import TopicPartition

from headrace.contracts.topics import (
    ACTIONS_ATTRIBUTES,
    ACTIONS_CONTACT,
    ACTIONS_EMAIL_TAGS,
    ACTIONS_GROUP,
    EVENTS,
    PARTITION_WIDE_KEY,
    changelog,
)
from headrace.rules.load import Source, load_texts
from headrace.rules.model import RuleSet
from headrace.runtime.kafka import make_consumer, read_to_end, topic
from headrace.runtime.settings import ServiceSettings
from headrace.segmentation.compiled import compile_rules
from services.evaluator.engine.state import encode_record
from tests.services.evaluator.oracle import Oracle
from tests.services.evaluator.service import (
    BEGIN,
    PARTITIONS,
    STORE,
    activation,
    clock,
    committed_lag,
    customer,
    evaluator,
    order,
    publish,
    publish_rules,
    until,
)

CUSTOMERS: Final = 6_000
LIVE: Final = 600
ACTIONS: Final = (ACTIONS_GROUP, ACTIONS_ATTRIBUTES, ACTIONS_EMAIL_TAGS, ACTIONS_CONTACT)
RULES: Final = """
store: {timezone: Europe/London, currency: GBP}
segments:
  - {id: lapsed, who: {customer.last_order_at: {older_than: 90 days}}, tags: {mailchimp: Lapsed}}
  - {id: lately, who: {customer.last_order_at: {within_last: 36 hours}}, attributes: {mood: keen}}
"""
Records = dict[bytes, bytes]


def rule_set() -> RuleSet:
    result = load_texts([Source("rules.yaml", RULES)])
    assert result.rule_set is not None
    return result.rule_set


def test_evaluator__timers_live_events_and_a_kill__states_and_actions_of_the_oracle(
    topics_created: ServiceSettings, tmp_path: Path
) -> None:
    asyncio.run(scenario(topics_created, tmp_path))


async def scenario(settings: ServiceSettings, folder: Path) -> None:
    rules = rule_set()
    await publish_rules(settings, rules, 1)
    await publish(settings, [*activation(rules, 1), *clock(BEGIN)])
    await publish(settings, [customer(number) for number in range(CUSTOMERS)])
    await publish(settings, [order(number, number, 5_000) for number in range(CUSTOMERS)])
    async with evaluator(settings, folder) as running:
        await until("the past decided", lambda: caught_up(settings), within_s=120)
        await publish(settings, [*clock(BEGIN + timedelta(days=92)), *live_orders(0)])
        told = await first_told(settings)
        running.process.kill()
        assert told < CUSTOMERS, "the worker was to be killed in the middle"
    await publish(settings, live_orders(LIVE))
    async with evaluator(settings, folder):
        expected = await expectation(settings)

        async def as_expected() -> bool:
            return await states(settings) == expected.states and await caught_up(settings)

        await until("every customer as the oracle has it", as_expected, within_s=120)
    assert await actions(settings) == expected.actions
    lapsed = [value for values in expected.actions.values() for value in values if b"Lapsed" in value]
    assert len(lapsed) >= CUSTOMERS - 2 * LIVE


def live_orders(first: int) -> list[tuple[int, bytes, bytes]]:
    """Of every ninth customer, and of some that nobody knew."""
    return [order((first + n) * 9, CUSTOMERS + first + n, 7_000, day=91) for n in range(LIVE)]


async def caught_up(settings: ServiceSettings) -> bool:
    return await committed_lag(settings) == 0


async def first_told(settings: ServiceSettings) -> int:
    """How many customers were told to have lapsed when the first of them are seen to be."""
    consumer = make_consumer(settings)
    await consumer.start()
    try:
        consumer.assign([TopicPartition(topic(settings, ACTIONS_EMAIL_TAGS), n) for n in range(PARTITIONS)])
        await consumer.seek_to_beginning()
        async with asyncio.timeout(60):
            while not (found := await consumer.getmany(timeout_ms=50)):
                pass
        return sum(map(len, found.values()))
    finally:
        await consumer.stop()


class Expected:
    """What the oracle makes of the log, partition by partition."""

    def __init__(self) -> None:
        self.states: Records = {}
        self.actions: dict[tuple[str, bytes], list[bytes]] = {}


async def expectation(settings: ServiceSettings) -> Expected:
    oracles = {number: Oracle({(STORE, 1): compile_rules(rule_set())}) for number in range(PARTITIONS)}
    for record in await read_to_end(settings, topic(settings, EVENTS), range(PARTITIONS)):
        oracles[record.partition].apply(record.offset, record.key, record.value)
    expected = Expected()
    for number, oracle in oracles.items():
        expected.states |= {key: encode_record(*stored) for key, stored in oracle.records().items()}
        for key, outputs in oracle.outputs(partition=number, prefix=settings.topic_prefix).items():
            for output in outputs:
                expected.actions.setdefault((output.topic, key), []).append(output.value or b"")
    return expected


async def states(settings: ServiceSettings) -> Records:
    """The newest committed record of each customer and page."""
    newest: dict[bytes, bytes | None] = {}
    for record in await read_to_end(settings, topic(settings, changelog(1)), range(PARTITIONS)):
        newest[record.key or b""] = record.value
    return {key: value for key, value in newest.items() if value is not None and key != PARTITION_WIDE_KEY}


async def actions(settings: ServiceSettings) -> Mapping[tuple[str, bytes], list[bytes]]:
    """Everything that was told, each customer's in order."""
    found: dict[tuple[str, bytes], list[bytes]] = {}
    for name in ACTIONS:
        for record in await read_to_end(settings, topic(settings, name), range(PARTITIONS)):
            assert json.loads(record.value or b"")
            found.setdefault((topic(settings, name), record.key or b""), []).append(record.value or b"")
    return found
