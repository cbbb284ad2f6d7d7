"""A desired state filled in one go from the compacted topics: the newest of each customer, partition by partition.

For sinks that need no quota and no read-back. What is done is in the ledger; what fails is left to the ordinary way.
"""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, Final, Protocol, TypeAlias, cast, runtime_checkable

import msgspec
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from headrace.consumer.filled import Row, has_rows, newest_of, row_of, store_filled
from headrace.consumer.kind import Json, PauseConsumer, TryAgain
from headrace.consumer.patience import Stopping, Store
from headrace.contracts.actions import Desired
from headrace.runtime.kafka import is_ours, make_consumer
from headrace.runtime.logs import log
from headrace.runtime.process import Running
from headrace.runtime.settings import ServiceSettings

Record: TypeAlias = "ConsumerRecord[bytes, bytes | None]"
Said = tuple[bytes, bytes | None]
"""Key and value of a record."""
_POLL_MS: Final = 200
_POLL_RECORDS: Final = 20_000
_FETCH_BYTES: Final = 4 * 1024 * 1024
_FETCH_WAIT_MS: Final = 10
"""At the end of one partition the broker is not waited for: the next partition's records are asked of it."""
_METADATA_AGAIN_MS: Final = 20
"""A new client asks twice for a topic's partitions; aiokafka would rest 100 ms between."""
_FIRST_DELAY_S: Final = 0.5
_MAX_DELAY_S: Final = 30.0
_COLLECT_EVERY: Final = (100_000, 10, 10)
"""The collector's thresholds meanwhile."""
_AT_ONCE: Final = 5_000
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
        self._writing: asyncio.Task[None] | None = None
        self._new = False
        """Nobody has a row of this kind: none needs to be looked for. A customer is in one partition only."""

    async def fill(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int] | None:
        """Applies what these partitions hold. Returns where to go on in each; None when some of it failed.

        Raises Kafka's errors, Stopping.
        """
        with _seldom_collected():
            return await self._fill(partitions)

    async def _fill(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int] | None:
        name = self._kind.name
        self._new = not await self._store.write(lambda connection: has_rows(connection, name))
        reader = make_consumer(self._settings, max_partition_fetch_bytes=_FETCH_BYTES, fetch_max_wait_ms=_FETCH_WAIT_MS)
        await reader.start()
        try:
            reader.assign(partitions)
            reader.pause(*partitions)
            ends = cast("dict[TopicPartition, int]", await reader.end_offsets(partitions))
            await reader.seek_to_beginning(*partitions)
            for number, at in enumerate(partitions):
                reader.resume(*partitions[number : number + 2])  # the next one comes while this one is written
                if not await self._fill_one(reader, at, ends[at]):
                    return None
                reader.pause(at)
            await self._written()
            return ends
        finally:
            await asyncio.gather(reader.stop(), self._written())

    async def _fill_one(self, reader: AIOKafkaConsumer, at: TopicPartition, end: int) -> bool:
        decode = self._kind.decoders[at.topic.removeprefix(self._settings.topic_prefix)]
        newest: dict[bytes, bytes | None] = {}
        async for records in self._read(reader, at, end):
            if self._kind.every_value:
                if not await self._apply([(record.key, record.value) for record in records], decode):
                    return False
            else:
                for record in records:
                    newest[record.key] = record.value
        if None in newest:
            return False  # the ordinary way sets it aside
        # In order: the ledger's index grows at its end.
        return await self._apply([(key, newest[key]) for key in sorted(newest)], decode)

    async def _read(self, reader: AIOKafkaConsumer, at: TopicPartition, end: int) -> AsyncIterator[Sequence[Record]]:
        several = bool(self._settings.among)
        while await reader.position(at) < end:
            self._go_on()
            for polled in (await reader.getmany(at, timeout_ms=_POLL_MS, max_records=_POLL_RECORDS)).values():
                records = polled if polled[-1].offset < end else [one for one in polled if one.offset < end]
                if several:
                    records = [one for one in records if is_ours(self._settings, one.key)]
                yield records

    async def _apply(self, records: Sequence[Said], decode: Callable[[bytes], Any]) -> bool:
        for start in range(0, len(records), _AT_ONCE):
            self._go_on()
            wanted = _decoded(records[start : start + _AT_ONCE], decode)
            if wanted is None or not await self._apply_some(wanted):
                return False
        return True

    async def _apply_some(self, wanted: Sequence[Desired]) -> bool:
        name = self._kind.name
        if not self._new:
            await self._written()
            customers = list({one.customer for one in wanted})
            known = await self._store.write(partial(newest_of, kind=name, customers=customers))
            wanted = [one for one in wanted if one.customer not in known or one.version > known[one.customer]]
        rows: list[Row] = []
        whole = True
        for part in _parts(wanted, self._kind.fill_size):
            self._go_on()
            refused = await self._done(part)
            if refused is None:
                whole = False
                break
            whole = whole and not refused  # the ordinary way sets them aside
            rows += [row_of(one, self._kind.wanted(one)) for one in part if one.customer not in refused]
        await self._written()
        self._writing = asyncio.create_task(self._store.write(partial(store_filled, kind=name, rows=rows)))
        return whole

    async def _done(self, part: Sequence[Desired]) -> Mapping[str, str] | None:
        """Those that are refused; None where the ordinary way is to try again.

        With every value it is tried again here: the ordinary way has the newest ones alone.
        """
        delay_s = _FIRST_DELAY_S
        while True:
            self._go_on()
            try:
                return await self._kind.fill(part)
            except (TryAgain, PauseConsumer) as error:
                log.warning("consumer.waiting", reason=error.reason, problem=type(error).__name__)
                if not self._kind.every_value:
                    return None
                told_s = error.delay_s if isinstance(error, TryAgain) else None
            except Exception:
                log.exception("task.failed", task=self._kind.name)
                return None
            with suppress(TimeoutError):
                async with asyncio.timeout(delay_s if told_s is None else told_s):
                    await self._running.stopping.wait()
            delay_s = min(_MAX_DELAY_S, 2 * delay_s)

    async def _written(self) -> None:
        """What was applied is in the ledger; it is written while the next ones are read."""
        writing, self._writing = self._writing, None
        if writing is not None:
            await writing

    def _go_on(self) -> None:
        if self._running.stopping.is_set():
            raise Stopping


@contextmanager
def _seldom_collected() -> Iterator[None]:
    """Hundreds of thousands of records, and no cycle among them: the collector looks at them less often."""
    before = gc.get_threshold()
    gc.set_threshold(*_COLLECT_EVERY)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _decoded(records: Iterable[Said], decode: Callable[[bytes], Any]) -> list[Desired] | None:
    """None when some cannot be read: the ordinary way sets those aside."""
    found = []
    for key, value in records:
        if value is None:
            continue
        try:
            desired = decode(value)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        if key != desired.customer.encode():
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
