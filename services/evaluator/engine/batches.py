"""Faust's consumer in our hands: one Faust message carries a list of records of one partition, positions are explicit.

What a chunk may do to the state is decided in `core.py`; nothing here commits or restores.
"""

import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any, Final, NamedTuple

from aiokafka.errors import IllegalStateError, KafkaError
from faust.transport.drivers.aiokafka import Consumer, Transport
from faust.types import TP, ConsumerMessage
from faust.types.tuples import Message

from headrace.runtime.logs import log
from services.evaluator.engine import cures
from services.evaluator.engine.fold import SourceRecord

_BACKLOG_RECORDS: Final = 2_000
"""A fetch that brings so many is followed by the next one at once."""
_REST_S: Final = 0.01
"""Between two fetches that bring less; an epoch takes five times that."""


class Chunk(NamedTuple):
    """Consecutive records of one partition, and the era of its position: a rewind begins a new one."""

    records: list[SourceRecord]
    era: int


class BatchConsumer(Consumer):
    """Faust's consumer, but for how records are fetched and where it stands.

    `source` (the full topic name) and `chunk_records` are set by `transport_for`.
    """

    source: str
    chunk_records: int

    def __init__(self, *args: Any, **options: Any) -> None:
        self._eras: Counter[int] = Counter()
        self._rewinds: dict[int, int] = {}
        self._polled_at = 0.0
        self._backlog = False
        super().__init__(*args, **options)

    # -- what the engine uses ----------------------------------------------------------------------------------------
    def rewind(self, partition: int, offset: int) -> None:
        """The next record of the partition will be that of `offset`; what was fetched before belongs to an old era."""
        self._eras[partition] += 1
        self._rewinds[partition] = offset

    def era(self, partition: int) -> int:
        """The era that chunks of the partition must have."""
        return self._eras[partition]

    def assigned(self) -> set[int]:
        """The source partitions that are ours now."""
        return {tp.partition for tp in self.assignment() if tp.topic == self.source}

    def refused(self) -> Exception | None:
        """What the group's coordinator has against us: it waits until somebody asks, and Faust never does."""
        coordinator = self._thread._consumer and self._thread._consumer._coordinator
        error: Exception | None = getattr(coordinator, "_pending_exception", None)
        return error

    # -- private hooks (pins.py) -------------------------------------------------------------------------------------
    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Message]]:
        """Chunks of the fetched records, round robin over the partitions."""
        if not self.flow_active:
            await self.wait(self.can_resume_flow)  # type: ignore[arg-type]  # mode's own annotation gap
        await self._rest()
        await self._seek_where_asked()
        eras = self._eras.copy()
        records, _ = await self._wait_next_records(timeout)
        self._polled_at = time.monotonic()
        self._backlog = sum(map(len, records.values())) >= _BACKLOG_RECORDS if records else False
        if not records or self.should_stop:
            return
        for tp, chunk in _round_robin(self.source, records, self.chunk_records):
            if not self.flow_active:
                return  # a rebalance: a restore and its rewind follow
            if self._eras[tp.partition] == eras[tp.partition]:
                yield tp, _message(tp, Chunk(chunk, eras[tp.partition]), self.app.consumer_generation_id)

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> Any:
        # A copy, and never an empty one: aiokafka takes that for "all", and moves their positions.
        active = {tp for tp in active_partitions or () if tp.topic == self.source}
        if not active and not cures.off("active_partitions"):
            await self.sleep(0.05)
            return {}
        return await super()._getmany(active, timeout)

    async def perform_seek(self) -> None:
        """Nothing: the restore asked for a rewind of each partition; a committed offset is never trusted alone."""

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Nothing: offsets are committed by the transaction."""
        if cures.off("own_offsets"):
            await super()._add_gap(tp, offset_from, offset_to)

    async def _commit_offsets(self, offsets: Mapping[TP, int], start_new_transaction: bool = True) -> bool:  # noqa: FBT001, FBT002
        """Nothing: offsets are committed by the transaction."""
        return await super()._commit_offsets(offsets, start_new_transaction) if cures.off("own_offsets") else True

    async def verify_all_partitions_active(self) -> None:
        """Nothing: Faust's livelock detector dies with AssertionError while a position is unknown."""
        if cures.off("livelock_detector"):
            await super().verify_all_partitions_active()

    async def _rest(self) -> None:
        """A broker answers a fetch as soon as it has one record: without a rest, each costs a fetch of its own."""
        left = self._polled_at + _REST_S - time.monotonic()
        if left > 0 and not self._backlog:
            await self.sleep(left)

    async def _seek_where_asked(self) -> None:
        rewinds, self._rewinds = self._rewinds, {}
        for partition, offset in rewinds.items():
            try:
                await self._thread.seek_wait({TP(self.source, partition): offset})
            except IllegalStateError:
                continue  # no longer ours
            except (KafkaError, TimeoutError) as error:
                log.warning("kafka.unavailable", call="seek", partition=partition, error=repr(error))
                self._rewinds.setdefault(partition, offset)
                await self.sleep(0.5)


def _round_robin(
    source: str, records: Mapping[TP, list[SourceRecord]], size: int
) -> Iterable[tuple[TP, list[SourceRecord]]]:
    waiting = [(TP(*tp), fetched) for tp, fetched in records.items() if tp[0] == source]
    start = 0
    while waiting:
        for tp, fetched in waiting:
            yield tp, fetched[start : start + size]
        start += size
        waiting = [(tp, fetched) for tp, fetched in waiting if len(fetched) > start]


def _message(tp: TP, chunk: Chunk, generation_id: int) -> ConsumerMessage:
    last = chunk.records[-1]
    return ConsumerMessage(
        topic=tp.topic,
        partition=tp.partition,
        offset=last.offset,
        timestamp=last.timestamp / 1000.0,
        timestamp_type=0,
        headers=None,
        key=b"",
        value=chunk,  # type: ignore[arg-type]  # Faust hands it through untouched (worker.py: PassThrough)
        checksum=None,
        serialized_key_size=0,
        serialized_value_size=0,
        tp=tp,
        generation_id=generation_id,
    )


def transport_for(source: str, chunk_records: int) -> type[Transport]:
    """Faust's transport with our consumer for one source topic."""

    class _Consumer(BatchConsumer):
        pass

    _Consumer.source = source
    _Consumer.chunk_records = chunk_records

    class _Transport(Transport):
        Consumer = _Consumer

    return _Transport
