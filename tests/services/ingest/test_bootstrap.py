"""The processes as wholes: an outage of Kafka is outlived, and the order to end is obeyed in time."""

import asyncio

import pytest
from aiokafka.errors import KafkaTimeoutError

from headrace.runtime.health import STARTING
from headrace.runtime.process import Running
from headrace.runtime.settings import ServiceSettings
from services.ingest.kafka_writer import KAFKA
from services.ingest.lasting import through_outages
from services.ingest.vendor_troubles import unless_stopped
from tests.services.ingest.shop import customer, newest_customers, open_shop, ready

pytestmark = pytest.mark.timeout(120)


async def test_through_outages__kafka_away_too_long__begins_anew_and_says_so_meanwhile() -> None:
    running, runs = Running(), list[list[str]]()
    running.health.clear(STARTING)

    async def run() -> None:
        runs.append(running.health.reasons)
        if len(runs) == 1:
            raise KafkaTimeoutError

    await through_outages(run, running)
    assert runs == [[], [KAFKA]]


async def test_through_outages__told_to_stop_meanwhile__ends() -> None:
    running = Running()

    async def run() -> None:
        running.stopping.set()
        raise KafkaTimeoutError

    async with asyncio.timeout(5):
        await through_outages(run, running)


async def test_unless_stopped__work_that_fails__its_error() -> None:
    async def work() -> int:
        raise KeyError

    with pytest.raises(KeyError):
        await unless_stopped(work(), asyncio.Event())


@pytest.mark.parametrize("process", ["feed", "hydrate"])
async def test_process__waits_for_its_window_of_the_quota__still_ends_in_time(
    topics_created: ServiceSettings, process: str
) -> None:
    """A window lasts 30 s, and one call in it is all that is ours."""
    async with open_shop(topics_created, speed=1) as shop:
        await ready(shop.receive())
        await shop.operate(*(customer(number) for number in range(1, 9)))
        start = {"feed": shop.feed, "hydrate": shop.hydrate}[process]
        running = start(quota_weight=0.001)
        calls = 0
        async with asyncio.timeout(20):
            while not calls:
                calls = (await shop.calls())["total"]
        async with asyncio.timeout(8):
            await shop.stop(running)
        assert newest_customers(await shop.events()) == {}
