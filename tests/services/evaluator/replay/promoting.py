"""What the tests of a promotion share: a log that goes on meanwhile, sinks that know something wrong, what was told.

Who is promoted, and what has to hold then, is in the tests.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import msgspec
from aiokafka import TopicPartition

from headrace.contracts.actions import Cause, DesiredGroup, encode
from headrace.contracts.events import GenerationPromoted, decode_event
from headrace.contracts.topics import ACTIONS_GROUP, EVENTS, partition_of
from headrace.runtime.kafka import make_consumer, make_producer, read_to_end, topic
from headrace.runtime.settings import ServiceSettings
from services.evaluator.replay.generations import Generations
from tests.services.evaluator.replay.scene import CUSTOMERS, ladder, people, traffic
from tests.services.evaluator.service import PARTITIONS, activation, customer, publish, publish_rules, until


async def begin(settings: ServiceSettings) -> None:
    """A log of customers and orders under a rule set."""
    await publish_rules(settings, ladder(20_000), 1)
    await publish(settings, [*activation(ladder(20_000), 1), *people(), *traffic(1, 200)])


@asynccontextmanager
async def changing_addresses(settings: ServiceSettings, since: int = 0) -> AsyncIterator[None]:
    """Every customer's e-mail changes again and again, one of them each 20 ms: each change is one contact action.

    `since`: how many changes there were before; an older snapshot would change nothing.
    """
    ended = asyncio.Event()

    async def run() -> None:
        producer = make_producer(settings)
        await producer.start()
        try:
            for number in count(since):
                day = 100 + number // CUSTOMERS
                partition, key, value = customer(number % CUSTOMERS, day=day, domain=f"d{number}.example")
                await producer.send_and_wait(topic(settings, EVENTS), value, key, partition)
                await asyncio.sleep(0.02)
                if ended.is_set():
                    return
        finally:
            await producer.stop()

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
    """Returns when the generation has committed what the log holds now."""
    generations = Generations(settings)
    consumer = make_consumer(settings)
    await consumer.start()
    try:
        places = [TopicPartition(topic(settings, EVENTS), number) for number in range(PARTITIONS)]
        ends = await consumer.end_offsets(places)
    finally:
        await consumer.stop()

    async def done() -> bool:
        positions = await asyncio.to_thread(generations.positions, generation)
        return all(positions.get(at.partition, 0) >= end for at, end in ends.items())

    await until(f"generation {generation} to catch up", done)


async def addresses_of_the_log(settings: ServiceSettings) -> dict[str, str]:
    """The last e-mail address of each customer."""
    found: dict[str, str] = {}
    for record in await read_to_end(settings, topic(settings, EVENTS), range(PARTITIONS)):
        event = decode_event(record.value or b"") if record.value != b"no event" else None
        if event is not None and event.envelope.type == "customer.snapshot":
            found[event.envelope.subject] = msgspec.to_builtins(event.data)["personal"]["email"]
    return found
