"""Consumers of one's own, run as `headrace consume` runs them, on real Kafka."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pydantic import BaseModel

from headrace.consumer import ConsumerSettings, DesiredState, Letter, TryAgain, effect
from headrace.consumer.run_own import run_own
from headrace.consumer.sdk import EffectOfYourOwn, Own, Start
from headrace.consumer.testing import a_letter
from headrace.contracts import topics
from headrace.contracts.actions import Cause, DesiredGroup, OutcomeRecord, encode
from headrace.contracts.effects import Effect, encode_effect
from headrace.contracts.events import CLOCK, Clock, encode_event
from headrace.runtime.kafka import make_producer, read_to_end, topic
from headrace.runtime.process import Running
from headrace.runtime.settings import ServiceSettings, settings_of
from headrace.runtime.stores import StoreEntry
from tests.services.consumer_harness import eventually

pytestmark = pytest.mark.kafka
STORES = ("one", "two")
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


class Points(BaseModel):
    points: int


def granting(name: str, start: Start) -> tuple[EffectOfYourOwn[Any, Any, Any], list[str]]:
    """An effect that keeps the causes it was asked for."""
    done: list[str] = []

    @effect(name, given=Points, start=start)
    async def grant(letter: Letter, given: Points, _: None) -> None:
        done.append(f"{letter.effect.customer}/{letter.effect.cause_id}")

    return grant, done


def keeping(named: str, starting: Start) -> tuple[type[DesiredState[ConsumerSettings]], list[tuple[str, str | None]]]:
    """A desired state that keeps what it was told, in order; the first call of all fails."""
    told: list[tuple[str, str | None]] = []

    class Kept(DesiredState[ConsumerSettings]):
        name = named
        about = "group"
        settings = ConsumerSettings
        start = starting
        failed = False

        async def apply(self, wanted: Sequence[DesiredGroup]) -> None:
            if not Kept.failed:
                Kept.failed = True
                raise TryAgain("not yet", delay_s=0.01)
            told.extend((one.customer, one.value) for one in wanted)

    return Kept, told


def settings_in(kafka: ServiceSettings, database_url: str, *stores: str) -> list[ConsumerSettings]:
    """A settings object a store, as with HEADRACE_STORES."""
    return [
        settings_of(
            StoreEntry(store, {}, stores),
            ConsumerSettings,
            kafka_bootstrap_servers=kafka.kafka_bootstrap_servers,
            topic_prefix=kafka.topic_prefix,
            database_url=database_url,
        )
        for store in stores
    ]


async def publish(settings: ServiceSettings, *records: DesiredGroup | Effect) -> None:
    async with make_producer(settings) as producer:
        for one in records:
            name = topics.ACTIONS_EFFECTS if isinstance(one, Effect) else topics.ACTIONS_GROUP
            value = encode_effect(one) if isinstance(one, Effect) else encode(one)
            await producer.send_and_wait(topic(settings, name), value, key=one.customer.encode())


async def tick(settings: ServiceSettings) -> None:
    """Every store's clock, in every partition."""
    async with make_producer(settings) as producer:
        for store in STORES:
            clock = Clock(store=store, now=NOW)
            event = encode_event(clock, type=CLOCK, id="c", store=store, subject="~", time=NOW, origin="live")
            for number in range(3):
                name = topic(settings, topics.EVENTS)
                await producer.send_and_wait(name, event, key=topics.PARTITION_WIDE_KEY, partition=number)


def wanted(customer: str, value: str, step: int) -> DesiredGroup:
    return DesiredGroup(
        customer=customer, version=(1, step, 0), value=value, cause=Cause(event=f"e{step}"), rules_version=1
    )


def asked(name: str, customer: str, cause: str, said: dict[str, Any] | None = None) -> Effect:
    return a_letter(name, said or {"points": 5}, customer=customer, cause_id=cause, now=NOW).effect


@asynccontextmanager
async def running(stores: Sequence[ConsumerSettings], *owns: Own) -> AsyncIterator[list[Running]]:
    """All of them side by side; in the end each stops by itself, soon, without a cause."""
    processes = [Running() for _ in owns]
    tasks = [asyncio.ensure_future(run_own(own, stores, one)) for own, one in zip(owns, processes, strict=True)]
    try:
        await asyncio.gather(*(ready(one) for one in processes))
        yield processes
    finally:
        for one in processes:
            one.stopping.set()
        async with asyncio.timeout(8):
            await asyncio.gather(*tasks)
    assert [one.cause for one in processes] == [None] * len(owns)


async def ready(one: Running) -> None:
    async def holds() -> bool:
        return one.health.ready

    await eventually(holds, what="readiness")


async def outcomes(settings: ServiceSettings, name: str) -> list[OutcomeRecord]:
    records = await read_to_end(settings, topic(settings, topics.OUTCOMES))
    found = [msgspec.json.decode(record.value, type=OutcomeRecord) for record in records if record.value]
    return [one for one in found if one.platform == name]


async def test_run_own__two_stores__each_start_position_and_a_graceful_stop(
    topics_created: ServiceSettings, tmp_path: Path
) -> None:
    kafka = topics_created
    stores = settings_in(kafka, f"sqlite:///{tmp_path / 'own.db'}", *STORES)
    grant_now, since_now = granting("points.now", "now")
    grant_all, since_ever = granting("points.all", "all history")
    states = {start: keeping(start.replace(" ", "-"), start) for start in ("now", "current state", "all history")}
    before = [wanted("one:1", "Silver", 1), wanted("one:1", "Gold", 2), wanted("two:1", "Silver", 3)]
    await publish(kafka, *before, asked("points.now", "one:1", "old"), asked("points.all", "one:1", "old"))
    await tick(kafka)
    owns: list[Own] = [grant_now, grant_all, *(own for own, _ in states.values())]
    async with running(stores, *owns):

        async def begun() -> bool:
            told = {start: sorted(kept) for start, (_, kept) in states.items()}
            newest = [("one:1", "Gold"), ("two:1", "Silver")]
            every = sorted([("one:1", "Silver"), *newest])
            return told == {"now": [], "current state": newest, "all history": every} and since_ever == ["one:1/old"]

        await eventually(begun, what="what was there before")
        after = [wanted("one:1", "Platinum", 4), wanted("two:2", "Gold", 5)]
        new = [asked(name, f"{store}:2", "new") for store in STORES for name in ("points.now", "points.all")]
        await publish(kafka, *after, *new, asked("points.now", "two:2", "nonsense", {"points": "many"}))

        expected = [("one:1", "Platinum"), ("two:2", "Gold")]

        async def done() -> bool:
            said = await outcomes(kafka, "points.now")
            all_told = all(
                len([each for _, kept in states.values() for each in kept if each == one]) == 3 for one in expected
            )
            return (
                all_told and sorted(since_now) == ["one:2/new", "two:2/new"] and len(since_ever) == 3 and len(said) == 3
            )

        expected = [("one:1", "Platinum"), ("two:2", "Gold")]
        await eventually(done, what="what came after")
    history = [value for customer, value in states["all history"][1] if customer == "one:1"]
    assert history == ["Silver", "Gold", "Platinum"]
    results = {(one.customer, one.result) for one in await outcomes(kafka, "points.now")}
    assert results == {("one:2", "applied"), ("two:2", "applied"), ("two:2", "refused")}

    seen = {start: len(kept) for start, (_, kept) in states.items()}
    await publish(kafka, wanted("two:3", "Gold", 6))
    async with running(stores, *owns):  # again: where it was, and nothing twice

        async def went_on() -> bool:
            return all(("two:3", "Gold") in kept for _, kept in states.values())

        await eventually(went_on, what="what came while it was away")
    assert {start: len(kept) for start, (_, kept) in states.items()} == {start: n + 1 for start, n in seen.items()}
    assert (len(since_now), len(since_ever)) == (2, 3)


@pytest.mark.slow
async def test_run_own__another_process_on_the_same_file__is_told_so(
    topics_created: ServiceSettings, tmp_path: Path
) -> None:
    stores = settings_in(topics_created, f"sqlite:///{tmp_path / 'own.db'}", "one")
    own, _ = keeping("alone", "now")
    async with running(stores, own):
        with pytest.raises(Exception, match="another process runs consumer.alone"):
            await run_own(own, stores, Running())


@pytest.mark.slow
async def test_run_own__replicas__share_the_partitions_and_take_them_over(
    topics_created: ServiceSettings, postgres_url: str
) -> None:
    stores = settings_in(topics_created, postgres_url.replace("postgresql+psycopg", "postgresql"), "one")
    (one, told), (other, told_other) = keeping("replicated", "current state"), keeping("replicated", "current state")
    await publish(topics_created, *(wanted(f"one:{number}", "Gold", number + 1) for number in range(30)))

    async def all_told() -> bool:
        return len(set(told + told_other)) == count

    count = 30
    async with running(stores, one):
        async with running(stores, other):
            await eventually(all_told, what="everybody once")
            await publish(topics_created, *(wanted(f"one:{number}", "Silver", number + 50) for number in range(30)))
            count = 60
            await eventually(all_told, what="everybody again")
            assert told
            assert told_other
        await publish(topics_created, *(wanted(f"one:{number}", "Bronze", number + 100) for number in range(30)))
        count = 90
        await eventually(all_told, what="the other one's too")
