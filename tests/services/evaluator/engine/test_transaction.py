"""What happens to a thread that librdkafka does not give back; real transactions are in test_worker and test_outage."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from headrace.runtime.process import FatalError
from services.evaluator.engine import transaction
from services.evaluator.engine.epoch import Batch
from services.evaluator.engine.membership import Member
from services.evaluator.engine.producer import Aborted, TransactionalProducer, Written
from services.evaluator.engine.transaction import Transactions

BATCH = Batch(Member(1, "me"), {}, (), {0: 1}, 1)


@pytest.fixture
def wakes(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """The first producer's call does not come back before this is set; later ones answer at once."""
    wakes = threading.Event()
    stuck: list[TransactionalProducer] = []

    def write(self: TransactionalProducer, batch: Batch) -> Written | Aborted:
        if not stuck:
            stuck.append(self)
            wakes.wait(30)
        return Written(0.0)

    monkeypatch.setattr(TransactionalProducer, "write", write)
    monkeypatch.setattr(TransactionalProducer, "start", lambda self, kept=(): None)
    monkeypatch.setattr(TransactionalProducer, "is_overdue", lambda self: self in stuck)
    monkeypatch.setattr(transaction, "_LOOK_EVERY_S", 0.01)
    yield wakes
    wakes.set()


async def test_start__a_write_that_nobody_waits_for_goes_on__the_next_producer_starts_at_once(
    wakes: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rebalance gave the write up; the restore that follows takes the transactional id over without it."""
    monkeypatch.setattr(TransactionalProducer, "is_overdue", lambda self: False)
    writer = Transactions({}, transactional_id="t", group="g", source="s", changelog="c")
    given_up = asyncio.ensure_future(writer.write(BATCH))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await asyncio.shield(given_up)
    async with asyncio.timeout(5):
        await writer.start()
        assert await writer.write(BATCH) == Written(0.0)
        assert isinstance(await given_up, Aborted)
    assert not wakes.is_set()
    writer.stop()


async def test_write__call_that_does_not_come_back__aborted_and_the_next_producer_works(
    wakes: threading.Event,
) -> None:
    writer = Transactions({}, transactional_id="t", group="g", source="s", changelog="c")
    aborted = await writer.write(BATCH)
    assert isinstance(aborted, Aborted)
    assert not aborted.fenced
    await writer.start()
    assert await writer.write(BATCH) == Written(0.0)
    assert not wakes.is_set()
    writer.stop()


async def test_start__a_write_that_nobody_waits_for_fails_meanwhile__the_worker_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As after a minute of silence: its producer is ended by the next one, and says so before anybody looks again."""
    ended, called = threading.Event(), threading.Event()

    def write(self: TransactionalProducer, batch: Batch) -> Written | Aborted:
        if called.is_set():
            return Written(0.0)
        called.set()
        ended.wait(30)
        raise FatalError("stopped_within_transaction", "_TIMED_OUT")

    monkeypatch.setattr(TransactionalProducer, "write", write)
    monkeypatch.setattr(TransactionalProducer, "start", lambda self, kept=(): None)
    monkeypatch.setattr(TransactionalProducer, "end", lambda self: ended.set())
    writer = Transactions({}, transactional_id="t", group="g", source="s", changelog="c")
    given_up = asyncio.ensure_future(writer.write(BATCH))
    async with asyncio.timeout(5):
        while not called.is_set():
            await asyncio.sleep(0.001)
        await writer.start()
        assert isinstance(await given_up, Aborted)
        assert await writer.write(BATCH) == Written(0.0)
    writer.stop()
