"""The two loops of hydrate: notices out of Kafka into the backlog, batches out of the backlog into the log.

What a batch does is in `hydrate`; here is when, and what is committed.
"""

import asyncio
import time
from collections.abc import Iterable
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import KafkaError

from headrace.platforms.errors import VendorError
from headrace.platforms.http import VendorClient
from headrace.runtime.kafka import part_of
from headrace.runtime.logs import log
from services.ingest.hydrate import Hydrator
from services.ingest.vendor_troubles import Troubles, pause

_LARGE_BATCH: Final = 200
"""From so many waiting resources on, waiting longer makes no better batch."""
_LAST_WORDS_S: Final = 4.0


class HydrateLoop(ConsumerRebalanceListener):  # type: ignore[misc]  # untyped base
    """Runs until `stopping`; what is under way then is finished, or read again by whoever comes next."""

    def __init__(
        self,
        hydrator: Hydrator,
        consumer: AIOKafkaConsumer,
        client: VendorClient,
        troubles: Troubles,
        stopping: asyncio.Event,
        pending_limit: int,
    ) -> None:
        self._hydrator = hydrator
        self._consumer = consumer
        self._client = client
        self._troubles = troubles
        self._stopping = stopping
        self._ending = asyncio.Event()
        self._pending_limit = pending_limit
        self._topic = ""
        self._arrived = asyncio.Event()

    async def run(self) -> None:
        """Raises Kafka's errors that waiting does not mend."""
        intake, work = asyncio.create_task(self._intake()), asyncio.create_task(self._work())
        stop = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({intake, work, stop}, return_when=asyncio.FIRST_COMPLETED)
            self._ending.set()
            await asyncio.wait({intake, work}, timeout=_LAST_WORDS_S)
        finally:
            for task in (intake, work, stop):
                task.cancel()
        for result in await asyncio.gather(intake, work, return_exceptions=True):
            if isinstance(result, Exception):
                raise result
        await self._commit()

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Another process takes these over, from what we have committed."""
        partitions = [each.partition for each in revoked]
        if partitions:
            await self._commit()
            self._hydrator.lose(partitions)

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Reading begins at the committed offset, and so does the account of what is done."""
        partitions = [each.partition for each in assigned]
        self._hydrator.lose(partitions)
        self._client.weigh(part_of(self._consumer, len(partitions)))

    async def _intake(self) -> None:
        while not self._ending.is_set():
            self._hold_back()
            batches = await self._consumer.getmany(timeout_ms=200, max_records=2000)
            if batches:
                self._topic = next(iter(batches)).topic
                await self._hydrator.take_in([record for records in batches.values() for record in records])
                self._arrived.set()
            await self._commit()  # what was set aside at once, or could not be committed before

    def _hold_back(self) -> None:
        """While too much waits nothing more is taken; the consumer is asked all the same, to stay in its group."""
        if self._hydrator.waiting >= self._pending_limit:
            self._consumer.pause(*self._consumer.assignment())
        elif paused := self._consumer.paused():
            self._consumer.resume(*paused)

    async def _work(self) -> None:
        while not self._ending.is_set():
            await self._until_due()
            try:
                worked = await self._hydrator.work()
            except VendorError as error:
                await self._troubles.wait(error, self._ending)
                continue
            if worked:
                self._troubles.over()
                await self._commit()

    async def _until_due(self) -> None:
        """Until something is due, and, when the quota is running ahead of its window, a little longer."""
        self._arrived.clear()
        due = self._hydrator.backlog.next_due()
        wait = 0.5 if due is None else due - time.monotonic()
        if wait > 0:
            try:
                async with asyncio.timeout(wait):
                    await self._arrived.wait()
            except TimeoutError:
                pass
        elif self._client.gate is not None and len(self._hydrator.backlog) < _LARGE_BATCH:
            await pause(self._client.gate.pace(), self._ending)

    async def _commit(self) -> None:
        ours = {each.partition for each in self._consumer.assignment()}
        offsets = {number: at for number, at in self._hydrator.backlog.committable().items() if number in ours}
        if not offsets:
            return
        try:
            await self._consumer.commit({TopicPartition(self._topic, number): at for number, at in offsets.items()})
        except KafkaError as error:  # a rebalance, or Kafka away: comes again, or is read again, harmlessly
            log.warning("kafka.unavailable", problem=type(error).__name__)
        else:
            self._hydrator.backlog.committed(offsets)
