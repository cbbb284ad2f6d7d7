"""Effects on real Kafka: a worker killed in the midst of them, then a replay: each is there exactly once."""

from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest

from headrace.contracts.effects import Effect, decode_effect
from headrace.contracts.topics import ACTIONS_EFFECTS, EVENTS
from headrace.rules.load import Source, load_texts
from headrace.rules.model import RuleSet
from headrace.runtime.kafka import read_to_end, topic
from headrace.runtime.settings import ServiceSettings
from headrace.segmentation.compiled import compile_rules
from tests.services.evaluator.oracle import Oracle
from tests.services.evaluator.replay.promoting import caught_up_in
from tests.services.evaluator.replay.scene import headrace
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

pytestmark = pytest.mark.kafka
CUSTOMERS: Final = 900
RULES: Final = """
store: {timezone: Europe/London, currency: GBP}
rules:
  - {id: placed, when: order.placed, then: [{webhook: https://a.example/placed}]}
  - {id: review, when: order.placed, then: [{webhook: https://a.example/review, after: 36 hours}]}
segments:
  - {id: lapsed, who: {customer.last_order_at: {older_than: 36 hours}}, on_enter: [{webhook: https://a.example/lapsed}]}
"""


def rule_set() -> RuleSet:
    result = load_texts([Source("rules.yaml", RULES)])
    assert result.rule_set is not None
    return result.rule_set


async def effects(settings: ServiceSettings) -> list[Effect]:
    records = await read_to_end(settings, topic(settings, ACTIONS_EFFECTS), range(PARTITIONS))
    return [decode_effect(record.value or b"") for record in records]


async def expected(settings: ServiceSettings) -> list[str]:
    """What the eager oracle makes of the log."""
    oracles = {number: Oracle({(STORE, 1): compile_rules(rule_set())}) for number in range(PARTITIONS)}
    for record in await read_to_end(settings, topic(settings, EVENTS), range(PARTITIONS)):
        oracles[record.partition].apply(record.offset, record.key, record.value)
    found: list[str] = []
    for number, oracle in oracles.items():
        for outputs in oracle.outputs(partition=number, prefix=settings.topic_prefix).values():
            told = [output.value or b"" for output in outputs if output.topic == topic(settings, ACTIONS_EFFECTS)]
            found += [decode_effect(value).id for value in told]
    return sorted(found)


async def caught_up(settings: ServiceSettings) -> bool:
    return await committed_lag(settings) == 0


async def test_effects__killed_in_their_midst_then_replayed__each_exactly_once(
    topics_created: ServiceSettings, tmp_path: Path
) -> None:
    settings = topics_created
    await publish_rules(settings, rule_set(), 1)
    await publish(settings, [*activation(rule_set(), 1), *clock(BEGIN)])
    await publish(settings, [customer(number) for number in range(CUSTOMERS)])
    await publish(settings, [order(number, number, 5_000, day=0) for number in range(CUSTOMERS)])
    async with evaluator(settings, tmp_path) as running:
        await until("the orders seen", lambda: caught_up(settings))

        async def each_told() -> bool:
            return len(await effects(settings)) >= CUSTOMERS

        # A transaction's marker may come to its outputs a moment after it came to the group's offsets.
        await until("the effects of the orders", each_told)
        assert len(await effects(settings)) == CUSTOMERS
        await publish(settings, clock(BEGIN + timedelta(hours=37)))

        async def begun() -> bool:
            return len(await effects(settings)) > CUSTOMERS

        await until("what waited comes", begun)
        running.process.kill()
    await publish(settings, [order(number, CUSTOMERS + number, 100, day=1) for number in range(0, CUSTOMERS, 3)])
    async with evaluator(settings, tmp_path) as running:
        wanted = await expected(settings)

        async def all_there() -> bool:
            return len(await effects(settings)) >= len(wanted)

        await until("every effect", all_there)
        await until("nothing left to read", lambda: caught_up(settings))
        assert sorted(effect.id for effect in await effects(settings)) == wanted
        assert len(wanted) == CUSTOMERS * 3 + CUSTOMERS // 3

        said = await headrace(settings, "replay", "--promote")
        assert (said.code, said.json["promoted"], said.json["effects_released"]) == (0, True, 0)
        await caught_up_in(settings, 2)
        assert len(await effects(settings)) == len(wanted)
        await publish(settings, [order(1, 99_999, 100, day=1)])
        await caught_up_in(settings, 2)

        async def one_more() -> bool:
            return len(await effects(settings)) == len(wanted) + 1

        await until("the new generation's first", one_more)
        assert running.process.poll() is None
