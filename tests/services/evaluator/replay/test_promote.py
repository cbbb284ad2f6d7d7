"""Promotion on real Kafka, under live traffic: one generation ends where the next begins, and every sink converges."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from headrace.contracts.actions import Cause, DesiredGroup, encode
from headrace.contracts.events import GenerationPromoted, decode_event
from headrace.contracts.topics import ACTIONS_CONTACT, ACTIONS_GROUP, DESIRED_STATE_TOPICS, EVENTS, partition_of
from headrace.runtime.kafka import make_producer, read_to_end, topic
from headrace.runtime.settings import ServiceSettings
from services.evaluator.replay.generations import Generations
from tests.services.evaluator.replay.scene import CUSTOMERS, Said, headrace, ladder, people, traffic
from tests.services.evaluator.service import (
    PARTITIONS,
    activation,
    customer,
    evaluator,
    publish,
    publish_rules,
    until,
)

pytestmark = pytest.mark.kafka
PAUSE_S = 10.0


async def begin(settings: ServiceSettings) -> None:
    """A log of customers and orders under a rule set."""
    await publish_rules(settings, ladder(20_000), 1)
    await publish(settings, [*activation(ladder(20_000), 1), *people(), *traffic(1, 200)])


@asynccontextmanager
async def changing_addresses(settings: ServiceSettings) -> AsyncIterator[None]:
    """Every customer's e-mail changes again and again, one of them each 20 ms: each change is one contact action."""
    ended = asyncio.Event()

    async def run() -> None:
        for number in count():
            who = number % CUSTOMERS
            day = 100 + number // CUSTOMERS
            await publish(settings, [customer(who, day=day, domain=f"d{number}.example")])
            await asyncio.sleep(0.02)
            if ended.is_set():
                return

    task = asyncio.create_task(run())
    try:
        yield
    finally:
        ended.set()
        await task


async def tell_wrongly(settings: ServiceSettings, number: int, group: str) -> None:
    """The sinks were told something that the state knows nothing of."""
    key = f"teststore:{number}"
    wrong = DesiredGroup(customer=key, version=(1, 5, 9), value=group, cause=Cause(event="wrong"), rules_version=1)
    producer = make_producer(settings)
    await producer.start()
    try:
        place = partition_of(key.encode(), PARTITIONS)
        await producer.send_and_wait(topic(settings, ACTIONS_GROUP), encode(wrong), key.encode(), place)
    finally:
        await producer.stop()


async def lines(settings: ServiceSettings) -> dict[int, int]:
    """Offset of the promotion in each partition."""
    found = {}
    for record in await read_to_end(settings, topic(settings, EVENTS), range(PARTITIONS)):
        assert record.value is not None
        if record.key == b"~" and isinstance(decode_event(record.value).data, GenerationPromoted):
            found[record.partition] = record.offset
    return found


async def actions(settings: ServiceSettings, name: str) -> list[tuple[int, float, dict[str, Any]]]:
    """Partition, Kafka's time in seconds and value of each action of a topic, in order within a partition."""
    records = await read_to_end(settings, topic(settings, name), range(PARTITIONS))
    return [(record.partition, record.timestamp / 1000, json.loads(record.value or b"")) for record in records]


async def caught_up_in(settings: ServiceSettings, generation: int) -> None:
    generations = Generations(settings)

    async def done() -> bool:
        positions = await asyncio.to_thread(generations.positions, generation)
        ends: dict[int, int] = {}
        for record in await read_to_end(settings, topic(settings, EVENTS), range(PARTITIONS)):
            ends[record.partition] = record.offset + 1
        return all(positions.get(number, 0) >= end for number, end in ends.items())

    await until(f"generation {generation} to catch up", done)


async def promoted_under_traffic(settings: ServiceSettings, folder: Path) -> Said:
    """A worker that goes over from generation 1 to 2 in the midst of live events."""
    await begin(settings)
    async with evaluator(settings, folder) as worker:
        await caught_up_in(settings, 1)
        await tell_wrongly(settings, 1, "Gold")
        async with changing_addresses(settings):
            await asyncio.sleep(1.0)
            said = await headrace(settings, "replay", "--promote")
            await asyncio.sleep(1.0)
        await caught_up_in(settings, 2)
        assert worker.process.poll() is None
    return said


async def test_promote__under_live_traffic__hands_over_at_one_offset_and_all_converge(
    topics_created: ServiceSettings, tmp_path: Path
) -> None:
    settings = topics_created
    said = await promoted_under_traffic(settings, tmp_path)

    assert said.code == 0, said.json
    assert (said.json["generation"], said.json["promoted"], said.json["effects_released"]) == (2, True, 0)
    drawn = await lines(settings)
    assert drawn.keys() == set(range(PARTITIONS))
    for name in DESIRED_STATE_TOPICS:
        newest: dict[str, tuple[int, ...]] = {}
        for partition, _, action in await actions(settings, name):
            generation, offset, _ = version = tuple(action["version"])
            if action["cause"]["event"] == "wrong":
                continue
            # The older one is silent behind its line, the newer one before it.
            assert (offset < drawn[partition]) if generation == 1 else (offset >= drawn[partition])
            assert version > newest.get(action["customer"], (0,)), "no update is lost to an older one"
            newest[action["customer"]] = version
    groups = {action["customer"]: action["value"] for _, _, action in await actions(settings, ACTIONS_GROUP)}
    assert groups["teststore:1"] == "Silver"
    log_contacts: dict[str, str] = {}
    for record in await read_to_end(settings, topic(settings, EVENTS), range(PARTITIONS)):
        event = decode_event(record.value or b"") if record.value != b"no event" else None
        if event is not None and event.envelope.type == "customer.snapshot":
            log_contacts[event.envelope.subject] = msgspec.to_builtins(event.data)["personal"]["email"]
    contacts = await actions(settings, ACTIONS_CONTACT)
    assert {action["customer"]: action["personal"]["email"] for _, _, action in contacts} == log_contacts
    again = await headrace(settings, "replay")
    assert (again.code, again.json["generation"], again.json["equal"]) == (0, 3, True), again.json


async def test_promote__pause__is_short(topics_created: ServiceSettings, tmp_path: Path) -> None:
    settings = topics_created
    await promoted_under_traffic(settings, tmp_path)

    times: dict[int, list[float]] = {}
    for partition, at, action in await actions(settings, ACTIONS_CONTACT):
        if action["version"][1] > 100:
            times.setdefault(partition, []).append(at)
    pauses = [b - a for at in times.values() for a, b in pairwise(at)]
    assert max(pauses) < PAUSE_S
