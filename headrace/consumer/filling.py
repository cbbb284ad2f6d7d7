"""A desired state filled in one go from the compacted topics: the newest of each customer, partition by partition.

For kinds that need no quota and no read-back. What is done is in the ledger; what fails is left to the ordinary way.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Final, cast

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from sqlalchemy import Connection

from headrace.consumer.judge import judge
from headrace.consumer.kind import Applied, Arrival, Finished, Kind, PauseConsumer, Source, Target, Task, TryAgain
from headrace.consumer.ledger import load_applied, store_applied
from headrace.consumer.patience import Stopping, Store
from headrace.runtime.kafka import is_ours, make_consumer
from headrace.runtime.logs import log
from headrace.runtime.process import Running
from headrace.runtime.settings import ServiceSettings

_POLL_MS: Final = 200
_POLL_RECORDS: Final = 10_000
_AT_ONCE: Final = 5_000
"""Customers between two transactions of the ledger."""
_NO_TIME: Final = datetime.fromtimestamp(0, UTC)
"""Nobody asks when such a record was written."""


class Filling:
    """One kind's."""

    def __init__(self, kind: Kind, settings: ServiceSettings, store: Store, running: Running) -> None:
        self._kind = kind
        self._settings = settings
        self._store = store
        self._running = running

    async def fill(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int] | None:
        """Applies what these partitions hold. Returns where to go on in each; None when some of it failed.

        Raises Kafka's errors, Stopping.
        """
        reader = make_consumer(self._settings)
        await reader.start()
        try:
            ends: dict[TopicPartition, int] = {}
            for at in partitions:
                newest, ends[at] = await self._newest(reader, at)
                if not await self._apply(newest):
                    return None
            return ends
        finally:
            await reader.stop()

    async def _newest(self, reader: AIOKafkaConsumer, at: TopicPartition) -> tuple[dict[bytes, Source], int]:
        """By key; later records take the place of earlier ones."""
        name = at.topic.removeprefix(self._settings.topic_prefix)
        newest: dict[bytes, tuple[int, bytes | None]] = {}
        reader.assign([at])
        end = cast("int", (await reader.end_offsets([at]))[at])
        await reader.seek_to_beginning(at)
        while await reader.position(at) < end:
            if self._running.stopping.is_set():
                raise Stopping
            for records in (await reader.getmany(timeout_ms=_POLL_MS, max_records=_POLL_RECORDS)).values():
                for record in records:
                    if record.offset < end and record.key is not None and is_ours(self._settings, record.key):
                        newest[record.key] = (record.offset, record.value)
        return {
            key: _source(name, at.partition, offset, key, value)
            for key, (offset, value) in newest.items()
            if value is not None
        }, end

    async def _apply(self, newest: dict[bytes, Source]) -> bool:
        sources = list(newest.values())
        for start in range(0, len(sources), _AT_ONCE):
            if self._running.stopping.is_set():
                raise Stopping
            arrivals = self._decoded(sources[start : start + _AT_ONCE])
            if arrivals is None or not await self._apply_some(arrivals):
                return False
        return True

    async def _apply_some(self, arrivals: Sequence[Arrival]) -> bool:
        answers, known = await self._store.write(partial(_look, kind=self._kind, arrivals=arrivals))
        tasks = []
        for arrival, answer in zip(arrivals, answers, strict=True):
            applied = known.get(arrival.customer, Applied())
            if isinstance(answer, Target) and judge(answer, applied, fresh=True, reads_back=False) == "write":
                tasks.append(Task(arrival.customer, answer, applied))
        rows: dict[str, Applied] = {}
        whole = True
        size = self._kind.limits.batch
        for start in range(0, len(tasks), size):
            part = tasks[start : start + size]
            try:
                results = await self._kind.perform(part)
            except (TryAgain, PauseConsumer) as error:
                log.warning("consumer.waiting", reason=error.reason, problem=type(error).__name__)
                whole = False
                break
            for task in part:
                if results[task.customer].result == "applied":
                    rows[task.customer] = Applied(task.target.version, task.target.value)
                else:
                    whole = False  # the ordinary way sets it aside
        await self._store.write(partial(store_applied, kind=self._kind.name, applied=rows))
        return whole

    def _decoded(self, sources: Sequence[Source]) -> list[Arrival] | None:
        """None when some cannot be read: the ordinary way sets those aside."""
        found = []
        for source in sources:
            try:
                desired = self._kind.decoders[source.topic](source.value or b"")
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                return None
            if (source.key or b"").decode(errors="replace") != desired.customer:
                return None
            found.append(Arrival(desired.customer, desired, source))
        return found


def _look(
    connection: Connection, kind: Kind, arrivals: Sequence[Arrival]
) -> tuple[Sequence[Target | Finished], dict[str, Applied]]:
    answers = kind.prepare(connection, arrivals)
    return answers, load_applied(connection, kind.name, [arrival.customer for arrival in arrivals])


def _source(name: str, partition: int, offset: int, key: bytes, value: bytes) -> Source:
    return Source(name, partition, offset, key, value, _NO_TIME)
