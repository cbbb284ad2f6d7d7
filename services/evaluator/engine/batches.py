"""Faust's consumer in our hands: one Faust message carries lists of records, positions are explicit.

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

_GATHER_S: Final = 0.025
_GATHER_BYTES: Final = 500_000
"""Where records come all the time, the broker gathers so many, for at most half of an epoch, before it answers."""
_IDLE_S: Final = 1.5
"""Where none come, how long it waits for the first one."""


class Chunk(NamedTuple):
    """Consecutive records of one partition, and the era of its position: a rewind begins a new one."""

    records: list[SourceRecord]
    era: int


Load = tuple[tuple[int, Chunk], ...]
"""What one Faust message carries: chunks, each with its partition; never none."""


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
        await self._seek_where_asked()
        eras = self._eras.copy()
        records, _ = await self._wait_next_records(timeout)
        self._ask_to_gather(came=bool(records))
        if not records or self.should_stop:
            return
        for shares in _shares(records, self.source, self.chunk_records):
            if not self.flow_active:
                return  # a rebalance: a restore and its rewind follow
            load = tuple((n, Chunk(chunk, eras[n])) for n, chunk in shares if self._eras[n] == eras[n])
            if load:
                yield TP(self.source, load[0][0]), _message(self.source, load, self.app.consumer_generation_id)

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

    def _ask_to_gather(self, *, came: bool) -> None:
        """A broker answers a fetch as soon as it has one record, and a fetch costs as much as many records do.

        While polls follow each other closely, aiokafka's next fetches wait for more; else the first record ends them.
        """
        now = time.monotonic()
        busy = came and now - self._polled_at < 2 * _GATHER_S
        self._polled_at = now if came else 0.0
        fetcher = self._thread._ensure_consumer()._fetcher
        fetcher._fetch_min_bytes = _GATHER_BYTES if busy else 1
        fetcher._fetch_max_wait_ms = int((_GATHER_S if busy else _IDLE_S) * 1000)

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


def _shares(
    records: Mapping[TP, list[SourceRecord]], source: str, size: int
) -> Iterable[list[tuple[int, list[SourceRecord]]]]:
    """What goes into one Faust message each: a whole poll of up to `size`, else chunks of up to that, round robin.

    A message costs as much as many records do.
    """
    waiting = [(tp[1], fetched) for tp, fetched in records.items() if tp[0] == source]
    if sum(len(fetched) for _, fetched in waiting) <= size:
        yield waiting
        return
    start = 0
    while waiting:
        for number, fetched in waiting:
            yield [(number, fetched[start : start + size])]
        start += size
        waiting = [(number, fetched) for number, fetched in waiting if len(fetched) > start]


def _message(source: str, load: Load, generation_id: int) -> ConsumerMessage:
    # Its place is that of the first chunk. Faust only looks at it to tell what it has handed on already; what is
    # dropped with it, of whichever partition, the contiguity check misses.
    number, chunk = load[0]
    last = chunk.records[-1]
    return ConsumerMessage(
        topic=source,
        partition=number,
        offset=last.offset,
        timestamp=last.timestamp / 1000.0,
        timestamp_type=0,
        headers=None,
        key=b"",
        value=load,  # type: ignore[arg-type]  # Faust hands it through untouched (worker.py: PassThrough)
        checksum=None,
        serialized_key_size=0,
        serialized_value_size=0,
        tp=TP(source, number),
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
