"""A desired state filled in one go from the compacted topics: the newest of each customer, partition by partition.

For sinks that need no quota and no read-back. What is done is in the ledger; what fails is left to the ordinary way.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final, Protocol, TypeAlias, cast, runtime_checkable

import msgspec
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from headrace.consumer.filled import has_rows, newest_of, store_filled
from headrace.consumer.kind import Json, PauseConsumer, TryAgain
from headrace.consumer.patience import Stopping, Store
from headrace.contracts.actions import Desired, Version
from headrace.runtime.kafka import is_ours, make_consumer
from headrace.runtime.logs import log
from headrace.runtime.process import Running
from headrace.runtime.settings import ServiceSettings

Record: TypeAlias = "ConsumerRecord[bytes, bytes | None]"
_POLL_MS: Final = 200
_POLL_RECORDS: Final = 20_000
_FETCH_BYTES: Final = 4 * 1024 * 1024
_FETCH_WAIT_MS: Final = 10
"""At the end of one partition the broker is not waited for: the next partition's records are asked of it."""
_AT_ONCE: Final = 20_000
"""Records between two transactions of the ledger."""


@runtime_checkable
class Fills(Protocol):
    """A kind that can be filled in one go. `every_value`: with all that the topic still holds, in its order."""

    @property
    def name(self) -> str: ...
    @property
    def decoders(self) -> Mapping[str, Callable[[bytes], Any]]: ...
    @property
    def every_value(self) -> bool: ...
    @property
    def fill_size(self) -> int:
        """Customers a call."""

    def wanted(self, desired: Any) -> Json:
        """What the ledger is told of it."""

    async def fill(self, wanted: Sequence[Any]) -> Mapping[str, str]:
        """One record a customer. Gives those that are refused. Raises TryAgain, PauseConsumer."""


class Filling:
    """One kind's."""

    def __init__(self, kind: Fills, settings: ServiceSettings, store: Store, running: Running) -> None:
        self._kind = kind
        self._settings = settings
        self._store = store
        self._running = running
        self._new = False
        """Nobody has a row of this kind: none needs to be looked for. A customer is in one partition only."""

    async def fill(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int] | None:
        """Applies what these partitions hold. Returns where to go on in each; None when some of it failed.

        Raises Kafka's errors, Stopping.
        """
        name = self._kind.name
        self._new = not await self._store.write(lambda connection: has_rows(connection, name))
        reader = make_consumer(
            self._settings, max_partition_fetch_bytes=_FETCH_BYTES, fetch_max_wait_ms=_FETCH_WAIT_MS
        )
        await reader.start()
        try:
            ends = cast("dict[TopicPartition, int]", await reader.end_offsets(partitions))
            for at in partitions:
                if not await self._fill_one(reader, at, ends[at]):
                    return None
            return ends
        finally:
            await reader.stop()

    async def _fill_one(self, reader: AIOKafkaConsumer, at: TopicPartition, end: int) -> bool:
        decode = self._kind.decoders[at.topic.removeprefix(self._settings.topic_prefix)]
        if self._kind.every_value:
            async for records in self._read(reader, at, end):
                if not await self._apply(records, decode):
                    return False
            return True
        newest: dict[bytes, Record] = {}
        async for records in self._read(reader, at, end):
            newest |= {record.key: record for record in records}
        ordered = [newest[key] for key in sorted(newest)]  # the ledger's index grows at its end then
        return await self._apply(ordered, decode)

    async def _read(self, reader: AIOKafkaConsumer, at: TopicPartition, end: int) -> AsyncIterator[Sequence[Record]]:
        several = bool(self._settings.among)
        reader.assign([at])
        await reader.seek_to_beginning(at)
        while await reader.position(at) < end:
            self._go_on()
            for records in (await reader.getmany(timeout_ms=_POLL_MS, max_records=_POLL_RECORDS)).values():
                if records[-1].offset >= end:
                    records = [record for record in records if record.offset < end]
                if several:
                    records = [record for record in records if is_ours(self._settings, record.key)]
                yield [record for record in records if record.key is not None]

    async def _apply(self, records: Sequence[Record], decode: Callable[[bytes], Any]) -> bool:
        for start in range(0, len(records), _AT_ONCE):
            self._go_on()
            wanted = _decoded(records[start : start + _AT_ONCE], decode)
            if wanted is None or not await self._apply_some(wanted):
                return False
        return True

    async def _apply_some(self, wanted: Sequence[Desired]) -> bool:
        name = self._kind.name
        if not self._new:
            customers = list({one.customer for one in wanted})
            known = await self._store.write(partial(newest_of, kind=name, customers=customers))
            wanted = [one for one in wanted if one.customer not in known or one.version > known[one.customer]]
        rows: dict[str, tuple[Version, Json]] = {}
        whole = True
        for part in _parts(wanted, self._kind.fill_size):
            self._go_on()
            try:
                refused = await self._kind.fill(part)
            except (TryAgain, PauseConsumer) as error:
                log.warning("consumer.waiting", reason=error.reason, problem=type(error).__name__)
                whole = False
                break
            whole = whole and not refused  # the ordinary way sets them aside
            rows |= {one.customer: (one.version, self._kind.wanted(one)) for one in part if one.customer not in refused}
        await self._store.write(partial(store_filled, kind=name, rows=rows))
        return whole

    def _go_on(self) -> None:
        if self._running.stopping.is_set():
            raise Stopping


def _decoded(records: Iterable[Record], decode: Callable[[bytes], Any]) -> list[Desired] | None:
    """None when some cannot be read: the ordinary way sets those aside."""
    found = []
    for record in records:
        if record.value is None:
            continue
        try:
            desired = decode(record.value)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        if record.key != desired.customer.encode():
            return None
        found.append(desired)
    return found


def _parts(wanted: Sequence[Desired], size: int) -> Iterator[Sequence[Desired]]:
    """In order, so many at most, no customer twice in one."""
    begin, seen = 0, set[str]()
    for number, one in enumerate(wanted):
        if number - begin == size or one.customer in seen:
            yield wanted[begin:number]
            begin = number
            seen.clear()
        seen.add(one.customer)
    if begin < len(wanted):
        yield wanted[begin:]
