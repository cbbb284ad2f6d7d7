"""What a process shares ends the process; what is a store's own ends its lane."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiokafka.errors import OutOfOrderSequenceNumber

from headrace.consumer.database import SingleReplica, open_database
from headrace.consumer.ledger import migrate_ledger
from headrace.consumer.patience import Stopping
from headrace.consumer.shared import Shared, is_broken, open_shared, run_stores
from headrace.runtime.health import STARTING
from headrace.runtime.kafka import make_producer
from headrace.runtime.process import FatalError, Running
from headrace.runtime.settings import ServiceSettings, settings_of
from headrace.runtime.stores import StoreEntry

AMONG = ("a", "b")


def settings_in(*stores: str) -> list[ServiceSettings]:
    """Of a file of two stores; "" is a process for one."""
    servers = "127.0.0.1:1"
    return [
        settings_of(StoreEntry(store, {}, AMONG), ServiceSettings, kafka_bootstrap_servers=servers)
        if store
        else ServiceSettings(kafka_bootstrap_servers=servers, store="only")
        for store in stores
    ]


@pytest.fixture
async def shared(tmp_path: Path) -> AsyncIterator[Shared]:
    opened = Shared(open_database(f"sqlite:///{tmp_path / 'a.db'}"), make_producer(settings_in("a")[0]))
    yield opened
    await opened.producer.stop()
    await opened.database.close()


async def test_run_stores__one_lane_fails__the_other_goes_on(shared: Shared) -> None:
    running, began = Running(), list[str]()

    async def lane(settings: ServiceSettings, own: Running) -> None:
        began.append(settings.store)
        own.health.clear(STARTING)
        if settings.store == "a":
            raise FatalError("kafka_refused")
        while "a: kafka_refused" not in running.health.notes:
            await asyncio.sleep(0)
        assert running.health.ready
        running.stopping.set()

    async with asyncio.timeout(5):
        await run_stores(settings_in(*AMONG), lane, shared, running)
    assert (sorted(began), running.cause) == (["a", "b"], None)


async def test_run_stores__the_producer_is_broken__the_process_ends(shared: Shared) -> None:
    """A lane that began anew would have the same one."""
    running = Running()
    assert not is_broken(shared.producer)

    async def lane(settings: ServiceSettings, own: Running) -> None:
        if settings.store == "b":
            await own.stopping.wait()
            return
        shared.producer._message_accumulator.fail_all(OutOfOrderSequenceNumber())
        raise FatalError("consumer_crashed")

    async with asyncio.timeout(5):
        await run_stores(settings_in(*AMONG), lane, shared, running)
    assert running.cause is not None
    assert running.cause.reason == "producer_broken"


async def test_run_stores__one_store__is_the_process(shared: Shared) -> None:
    running = Running()

    async def lane(settings: ServiceSettings, own: Running) -> None:
        assert own is running
        assert own.health.reasons == [STARTING]
        raise FatalError("kafka_refused")

    with pytest.raises(FatalError, match="kafka_refused"):
        await run_stores(settings_in(""), lane, shared, running)


@pytest.mark.parametrize("url", ["mysql://x/y", "sqlite:////proc/none/a.db", "locked"])
async def test_open_shared__what_concerns_all__ends_the_process(tmp_path: Path, url: str) -> None:
    held = open_database(f"sqlite:///{tmp_path / 'a.db'}")
    lock = SingleReplica(held, "group")
    wrong = f"sqlite:///{tmp_path / 'a.db'}" if url == "locked" else url
    async with contextlib.AsyncExitStack() as stack:
        with pytest.raises(FatalError) as ended:
            await open_shared(
                settings_in("a")[0], wrong, locks=["group"], migrate=migrate_ledger, running=Running(), stack=stack
            )
    assert ended.value.reason == ("already_running" if url == "locked" else "database_url")
    lock.release()
    await held.close()


async def test_open_shared__kafka_is_away__waits_until_asked_to_stop(tmp_path: Path) -> None:
    running = Running()
    asyncio.get_running_loop().call_later(0.2, running.stopping.set)
    url = f"sqlite:///{tmp_path / 'a.db'}"
    async with asyncio.timeout(5), contextlib.AsyncExitStack() as stack:
        with pytest.raises(Stopping):
            await open_shared(
                settings_in("a")[0], url, locks=["group"], migrate=migrate_ledger, running=running, stack=stack
            )
