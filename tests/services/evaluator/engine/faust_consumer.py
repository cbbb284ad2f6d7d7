"""Our Faust consumer without Faust's thread, over whatever aiokafka's consumer a test gives it.

What it is given to fetch, and what is concluded, is the tests'.
"""

import time
from typing import Any, cast

import faust
from aiokafka import AIOKafkaConsumer
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread
from faust.types import TP

from services.evaluator.engine.batches import BatchConsumer, transport_for

PLACE = TP("t.events", 0)


class Thread:
    """Faust's consumer thread as far as it is used here, in this loop, over aiokafka's own consumer."""

    beacon = None

    def __init__(self, fetched: AIOKafkaConsumer | None = None) -> None:
        self._fetched = fetched
        self.consumer: Any = None
        self.time_started = time.monotonic()
        self.commits: list[dict[TP, int]] = []

    async def getmany(self, active: set[TP], timeout: float) -> Any:
        return await self._ensure_consumer()._fetcher.fetched_records(active, timeout=timeout, max_records=100)

    def assignment(self) -> set[TP]:
        return {PLACE}

    async def commit(self, offsets: dict[TP, int]) -> bool:
        self.commits.append(offsets)
        return True

    def verify_event_path(self, now: float, tp: TP) -> None:
        AIOKafkaConsumerThread.verify_event_path(cast("AIOKafkaConsumerThread", self), now, tp)

    def _verify_aiokafka_event_path(self, now: float, tp: TP) -> bool:
        return False  # aiokafka has nothing to complain of

    def _ensure_consumer(self) -> AIOKafkaConsumer:
        assert self._fetched is not None
        return self._fetched


def consumer_of(source: str, thread: Thread) -> BatchConsumer:
    app = faust.App("t", broker="kafka://nowhere")
    transport = transport_for(source, 100)(["kafka://nowhere"], app)

    async def nothing(*_: Any, **__: Any) -> None: ...

    class WithoutThread(transport.Consumer):  # type: ignore[name-defined,misc]  # a class made for this source
        def _new_consumer_thread(self) -> Any:
            thread.consumer = self
            return thread

    consumer = WithoutThread(transport, nothing, nothing, nothing)
    return cast("BatchConsumer", consumer)
