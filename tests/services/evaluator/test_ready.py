"""When an evaluator says that it is ready, and why it is not, as a supervisor would read it."""

import asyncio
import time
import urllib.request
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from headrace.runtime.embedded_kafka import EmbeddedKafka
from headrace.runtime.ports import free_ports
from headrace.runtime.settings import ServiceSettings
from headrace.runtime.supervisor import ask_ready
from headrace.runtime.topics import create_topics
from services.evaluator.engine.watch import KAFKA, STALLED
from tests.conftest import settings_at
from tests.services.evaluator.service import PARTITIONS, STORE, Evaluator, customer, evaluator, publish, until


def changes(running: Evaluator) -> list[dict[str, Any]]:
    return [line for line in running.log() if line["event"] == "health.changed"]


async def is_ready(running: Evaluator) -> bool:
    return changes(running)[-1:] != [] and changes(running)[-1]["ready"]


def held(running: Evaluator) -> int:
    """How many partitions it has taken since it gave up all it had."""
    count = 0
    for line in running.log():
        if line["event"] == "partitions.released":
            count = 0
        elif line["event"] in ("partitions.restored", "partitions.kept"):
            count += len(line["partitions"])
    return count


def test_ready__more_workers_than_partitions__the_one_without_is_ready_and_takes_over(
    topics_created: ServiceSettings, tmp_path: Path
) -> None:
    """To have nothing to do is no reason; and when all the others end it has everything."""

    async def scenario() -> None:
        async with AsyncExitStack() as stack:
            crew = [
                await stack.enter_async_context(evaluator(topics_created, tmp_path, str(number)))
                for number in range(PARTITIONS + 1)
            ]

            async def settled() -> bool:
                ready = [await is_ready(worker) for worker in crew]
                return all(ready) and sorted(map(held, crew)) == [0, *[1] * PARTITIONS]

            await until("all are ready, one without partitions", settled, 90)
            spare = min(crew, key=held)
            for worker in crew:
                if worker is not spare:
                    worker.process.terminate()

            async def took_over() -> bool:
                return held(spare) == PARTITIONS and await is_ready(spare)

            await until("the spare one has all", took_over, 60)
            assert changes(spare)[-1]["reasons"] == []

    asyncio.run(scenario())


def test_ready__first_start__only_when_restored_and_records_flow(
    topics_created: ServiceSettings, tmp_path: Path
) -> None:
    async def scenario() -> None:
        (port,) = free_ports(1)
        variables = {"HEADRACE_HEALTH_PORT": str(port)}
        async with evaluator(topics_created, tmp_path, variables=variables) as running:
            await until("it is ready", lambda: is_ready(running))
            assert await asyncio.to_thread(ask_ready, f"http://127.0.0.1:{port}") == (True, "")
            assert [line["reasons"] for line in changes(running)] == [
                ["starting", "rebalancing"],
                ["starting", "rebalancing", "restoring"],
                ["starting", "rebalancing"],
                ["rebalancing"],
                [],
            ]

    asyncio.run(scenario())


@pytest.mark.slow
def test_ready__nothing_gets_on_although_there_is_work__shown_within_thirty_seconds(
    topics_created: ServiceSettings, tmp_path: Path
) -> None:
    """In readiness, in the log and in a metric; and the process lives: a restart would not help."""

    async def scenario() -> None:
        (port,) = free_ports(1)
        variables = {"HEADRACE_HEALTH_PORT": str(port), "BAD_RELEASE": "stuck"}
        module = "tests.services.evaluator.bad_release"
        async with evaluator(topics_created, tmp_path, module=module, variables=variables) as running:
            await until("it is ready", lambda: is_ready(running))
            await publish(topics_created, [customer(number) for number in range(1, 30)])
            began = time.monotonic()

            async def stalled() -> bool:
                return bool(changes(running)[-1]["reasons"] == [STALLED])

            await until("it says that it stands still", stalled, 30)
            assert time.monotonic() - began < 30
            assert any(line["event"] == "progress.stalled" for line in running.log())
            with await asyncio.to_thread(urllib.request.urlopen, f"http://127.0.0.1:{port}/metrics") as reply:
                assert f"headrace_evaluator_stalled_partitions {PARTITIONS}.0" in reply.read().decode()
            assert running.process.poll() is None

    asyncio.run(scenario())


@pytest.mark.slow
def test_ready__kafka_away__shown_within_thirty_seconds_and_over_by_itself(
    broker: EmbeddedKafka, tmp_path: Path
) -> None:
    async def scenario() -> None:
        settings = settings_at(broker, store=STORE)
        await create_topics(settings, partitions=PARTITIONS)
        async with evaluator(settings, tmp_path) as running:
            await until("it is ready", lambda: is_ready(running))
            broker.kill()

            async def told() -> bool:
                return KAFKA in changes(running)[-1]["reasons"]

            await until("it says that Kafka is away", told, 30)
            await asyncio.to_thread(broker.start)
            await until("it is ready again", lambda: is_ready(running), 60)
            assert running.process.poll() is None

    asyncio.run(scenario())
