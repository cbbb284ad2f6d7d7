"""The consumer loop: reads the action topics of one kind, hands over what is new, commits what is done.

How a batch is formed and performed is `dispatch`'s; what a record means to a vendor is the kind's.
"""

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Final, cast

import msgspec
from aiokafka import AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import KafkaError
from sqlalchemy import Connection
from sqlalchemy.exc import DataError, DBAPIError

from headrace.consumer.bootstrap import Batch, Bootstrap, Record
from headrace.consumer.database import Database
from headrace.consumer.dispatch import Dispatcher
from headrace.consumer.guard import Bounds
from headrace.consumer.kind import Applied, Arrival, Finished, Kind, Pending, Result, SharesQuota, Source, Target
from headrace.consumer.ledger import database_time, load_applied
from headrace.consumer.patience import Stopping, Store, insist, kafka_is_away, unless_stopping
from headrace.consumer.progress import Progress
from headrace.consumer.records import Closed, Records
from headrace.consumer.waiting import Waiting
from headrace.consumer.watch import Watch
from headrace.runtime.kafka import group_of, is_ours, leave, make_consumer, part_of
from headrace.runtime.logs import log
from headrace.runtime.process import FatalError, Running
from headrace.runtime.settings import ServiceSettings

POLL_RECORDS: Final = 500
OPEN_LIMIT: Final = 20_000
"""Records read and not done, above which reading pauses; it goes on below half of it."""
_POLL_MS: Final = 100
_COMMIT_EVERY_S: Final = 0.5
_SESSION_MS: Final = 6_000
"""Without a heartbeat for so long a worker is taken for dead: the least that a broker allows by default."""
_CATCH_UP_S: Final = 10.0
"""So long at most nothing is written while the backlog is read."""
_DRAIN_S: Final = 5.0
"""How long calls under way may take when partitions are taken away."""
_DRAIN_AT_END_S: Final = 1.0
"""The same when the process stops; one that takes longer, or waits for the quota, is read back after the restart."""
_COMMIT_WITHIN_S: Final = 1.0
_LEAVE_WITHIN_S: Final = 1.0
"""The group waits for us no longer than for a process that was killed."""

_Ended = tuple[Closed, Callable[[], None] | None]
"""What is closed, and what releases its offset (None: a newer target holds it)."""
_Known = Mapping[str, tuple[Applied, float]]
"""Rows of the ledger, each with the moment (monotonic) until which a call of an earlier owner may still arrive."""


@dataclass(slots=True)
class _Partition:
    progress: Progress = field(default_factory=Progress)
    position: int = -1
    """The next offset to be read, as far as known; nothing before it is unread."""
    backlog_end: int | None = None
    """End of the partition when we took it: what stands before may have been performed by another consumer."""
    committed: int | None = None


class Consumer(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka ships no types for it
    """One kind's loop. `run` ends when the process is asked to stop, within about three seconds at worst."""

    def __init__(
        self,
        kind: Kind,
        *,
        settings: ServiceSettings,
        database: Database,
        producer: AIOKafkaProducer,
        running: Running,
        from_now: bool = False,
        bounds: Bounds | None = None,
    ) -> None:
        """`from_now`: what was wanted before the first start is left as it is. `bounds`: the guard's, if any."""
        self._kind = kind
        self._settings = settings
        self._running = running
        self._health = running.health
        self._store = Store(database, running)
        self._records = Records(producer, settings, name=kind.name, outcome=kind.outcome, running=running)
        self._waiting = Waiting(kind.limits, reads_back=kind.reads_back)
        self._lock = asyncio.Lock()
        self._dispatcher = Dispatcher(
            kind,
            self._waiting,
            store=self._store,
            records=self._records,
            running=running,
            ledger_lock=self._lock,
            worker=f"{socket.gethostname()}-{os.getpid()}-{time.time_ns()}",
        )
        self._partitions: dict[TopicPartition, _Partition] = {}
        self._unbegun = False
        """Newly assigned partitions were not looked up in the database yet."""
        self._catch_up_until = 0.0
        self._paused = False
        self._watch = Watch(kind.name, settings.store, bounds, store=self._store, running=running)
        self._rereading: list[tuple[frozenset[int], asyncio.Future[frozenset[int]]]] = []
        self._commit_at = 0.0
        self._unassigned = f"{kind.name}: no partitions yet"
        self._health.block(self._unassigned)
        self._consumer = make_consumer(
            settings,
            group=group_of(settings, kind.group),
            session_timeout_ms=_SESSION_MS,
            heartbeat_interval_ms=_SESSION_MS // 3,
            # Topics of one kind are read together: the same customer's records meet in one process.
            partition_assignment_strategy=(RangePartitionAssignor,),
        )
        self._bootstrap = Bootstrap(
            kind, settings, consumer=self._consumer, store=self._store, running=running, from_now=from_now
        )

    @property
    def partitions(self) -> frozenset[int]:
        """The partitions that are ours at the moment."""
        return frozenset(at.partition for at in self._partitions)

    async def read_again(self, partitions: frozenset[int]) -> frozenset[int]:
        """Reads these partitions from their beginning: the kind wants something else of the same records now.

        Returns those that are ours when that is committed, hence survives this process. What is applied already costs
        no call. Ends by cancellation only while Kafka refuses the commit.
        """
        done: asyncio.Future[frozenset[int]] = asyncio.get_running_loop().create_future()
        self._rereading.append((partitions, done))
        return await done

    async def run(self) -> None:
        """Raises FatalError for what only a person or a restart can cure."""
        with contextlib.suppress(Stopping):
            await self._run()

    async def _run(self) -> None:
        self._consumer.subscribe([self._settings.topic_prefix + name for name in self._kind.decoders], listener=self)
        try:
            await insist(
                lambda: unless_stopping(self._consumer.start, self._running),
                reason="kafka",
                running=self._running,
                worth_it=kafka_is_away,
            )
        except BaseException:
            await leave(self._consumer, _LEAVE_WITHIN_S)
            raise
        dispatching = asyncio.get_running_loop().create_task(self._dispatcher.run())
        dispatching.add_done_callback(self._dispatching_ended)
        try:
            while not self._running.stopping.is_set():
                await self._turn()
        finally:
            dispatching.cancel()
            await self._dispatcher.drain(_DRAIN_AT_END_S)
            if self._running.cause is None:
                await self._commit()
            self._partitions.clear()
            await leave(self._consumer, _LEAVE_WITHIN_S)

    async def on_partitions_revoked(self, revoked: Sequence[TopicPartition]) -> None:
        """Ends what is under way, commits, forgets the rest: the next owner reads it again."""
        if revoked:
            self._health.block(self._unassigned)
        partitions, self._partitions = self._partitions, {}
        async with self._lock:
            self._waiting.drop()
        await self._dispatcher.drain(_DRAIN_S)
        await self._commit_done(partitions)

    async def on_partitions_assigned(self, assigned: Sequence[TopicPartition]) -> None:
        """Begins anew with these."""
        self._partitions = {at: _Partition() for at in assigned}
        self._unbegun = True
        self._catch_up_until = time.monotonic() + _CATCH_UP_S
        self._paused = False
        self._health.clear(self._unassigned)
        if isinstance(self._kind, SharesQuota):
            self._kind.weigh(part_of(self._consumer, len(assigned)))
        log.info("consumer.assigned", kind=self._kind.name, partitions=len(assigned))

    def _dispatching_ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() or (error := task.exception()) is None or isinstance(error, Stopping):
            return
        log.error("task.failed", task=self._kind.name, problem=type(error).__name__, message=str(error)[:300])
        cause = error if isinstance(error, FatalError) else FatalError("consumer_crashed", type(error).__name__)
        self._running.fail(cause)

    async def _rewind(self) -> None:
        chosen = frozenset().union(*(partitions for partitions, _ in self._rereading))
        places = [at for at in self._partitions if at.partition in chosen]
        for at in places:
            self._partitions[at] = _Partition()  # what is under way releases offsets that nobody counts any more
        if places:
            await self._consumer.seek_to_beginning(*places)
        await self._commit()
        ours = [self._partitions[at] for at in places if at in self._partitions]
        if all(partition.committed is not None for partition in ours):
            again = frozenset(at.partition for at in places if at in self._partitions)
            for partitions, done in self._rereading:
                if not done.done():
                    done.set_result(partitions & again)
            self._rereading.clear()

    async def _turn(self) -> None:
        if self._rereading and not self._unbegun:
            await self._rewind()
        try:
            polled: Batch = await self._consumer.getmany(timeout_ms=_POLL_MS, max_records=POLL_RECORDS)
        except KafkaError as error:
            if not kafka_is_away(error):
                raise FatalError("kafka_refused", type(error).__name__) from error
            await asyncio.sleep(_POLL_MS / 1000)
            return
        if self._unbegun:
            partitions = self._partitions
            begun = await self._bootstrap.begin(list(partitions), polled)
            self._unbegun = not begun or partitions is not self._partitions
            return
        partitions = self._partitions
        sources = self._register(polled, partitions)
        if sources:
            await self._find_backlog(partitions)
            await self._take_in(sources, partitions)
        self._balance()
        if time.monotonic() >= self._commit_at:
            await self._commit()
        await self._watch.look()
        self._dispatcher.hold(held=self._catches_up() or self._watch.paused)

    def _register(
        self, polled: Batch, partitions: Mapping[TopicPartition, _Partition]
    ) -> list[tuple[Source, TopicPartition]]:
        """Opens every offset before anything can be committed: no await stands between the read and this."""
        found = []
        for at, records in polled.items():
            partition = partitions.get(at)
            if partition is None:
                continue
            for record in records:
                partition.position = record.offset + 1
                if not is_ours(self._settings, record.key):
                    continue
                partition.progress.read(record.offset)
                found.append((_source(record, at.topic.removeprefix(self._settings.topic_prefix)), at))
        return found

    async def _find_backlog(self, partitions: Mapping[TopicPartition, _Partition]) -> None:
        unknown = [at for at, partition in partitions.items() if partition.backlog_end is None]
        if not unknown:
            return
        found = await insist(
            lambda: self._consumer.end_offsets(unknown), reason="kafka", running=self._running, worth_it=kafka_is_away
        )
        ends = cast("dict[TopicPartition, int]", found)
        for at in unknown:
            partitions[at].backlog_end = ends[at]

    async def _take_in(
        self, sources: Sequence[tuple[Source, TopicPartition]], partitions: Mapping[TopicPartition, _Partition]
    ) -> None:
        arrivals: list[tuple[Arrival, _Partition]] = []
        for source, at in sources:
            arrival = await self._decode(source)
            if arrival is None:
                partitions[at].progress.done(source.offset)
            else:
                arrivals.append((arrival, partitions[at]))
        if not arrivals:
            return
        async with self._lock:
            if partitions is not self._partitions:
                return  # they were taken away meanwhile, and with them what was read
            answers, rows = await self._prepare([arrival for arrival, _ in arrivals])
            self._tell_what_is_waited_for(rows)
            ended = [
                self._admit(arrival, answer, rows, partition)
                for (arrival, partition), answer in zip(arrivals, answers, strict=True)
            ]
        if self._watch.suspects:
            await self._watch.look(now=True)
            self._dispatcher.hold(held=self._catches_up() or self._watch.paused)
        self._dispatcher.wake()
        await self._finish([one for one in ended if one is not None])

    async def _prepare(self, arrivals: Sequence[Arrival]) -> tuple[Sequence[Target | Finished | None], _Known]:
        """None answers a record that the kind or the database cannot take: set aside, its neighbours go on."""
        try:
            return await self._store.write(partial(self._ask, arrivals))
        except Exception as error:
            fatal = isinstance(error, FatalError | Stopping | DBAPIError) and not isinstance(error, DataError)
            if fatal:
                raise
            if len(arrivals) == 1:
                log.error("task.failed", task=self._kind.name, problem=type(error).__name__)
                await self._records.dead_letter(
                    arrivals[0].source, reason="consumer_failed", detail=type(error).__name__
                )
                return [None], {}
        answers: list[Target | Finished | None] = []
        rows: dict[str, tuple[Applied, float]] = {}
        for arrival in arrivals:
            alone, found = await self._prepare([arrival])
            answers += alone
            rows |= found
        return answers, rows

    def _ask(self, arrivals: Sequence[Arrival], connection: Connection) -> tuple[Sequence[Target | Finished], _Known]:
        answers = self._kind.prepare(connection, arrivals)
        unknown = [arrival.customer for arrival in arrivals if arrival.customer not in self._waiting]
        rows = load_applied(connection, self._kind.name, list(dict.fromkeys(unknown)))
        open_until = max((row.until for row in rows.values() if row.until is not None), default=None)
        ahead = 0.0 if open_until is None else time.monotonic() - database_time(connection)
        return answers, {
            customer: (row, 0.0 if row.until is None else row.until + ahead) for customer, row in rows.items()
        }

    def _tell_what_is_waited_for(self, rows: _Known) -> None:
        moments = [moment for _, moment in rows.values() if moment > time.monotonic()]
        if moments:
            delay_s = round(max(moments) - time.monotonic(), 3)
            log.info("intent.awaited", kind=self._kind.name, count=len(moments), delay_s=delay_s)

    def _admit(
        self, arrival: Arrival, answer: Target | Finished | None, rows: _Known, partition: _Partition
    ) -> _Ended | None:
        """Lets a target wait. Returns what is closed by that: an answer at once, or what a newer one replaced."""
        source = arrival.source
        release = partial(partition.progress.done, source.offset)
        if answer is None:
            release()
            return None
        if isinstance(answer, Finished):
            return (arrival.customer, answer.version, source, Result(answer.result, answer.reason)), release
        applied, not_before = rows.get(arrival.customer, (Applied(), 0.0))
        self._watch.admitted(arrival, answer, applied)
        pending = Pending(
            customer=arrival.customer,
            target=answer,
            source=source,
            since=time.monotonic(),
            applied=applied,
            fresh=partition.backlog_end is not None and source.offset >= partition.backlog_end,
            holds=[release],
            not_before=not_before,
        )
        replaced = self._waiting.add(pending)
        if replaced is None:
            return None
        # What was replaced stays open until the newer one is done; what came too late is done now.
        closed = (arrival.customer, replaced.target.version, replaced.source, Result("stale", "superseded"))
        return closed, release if replaced is pending else None

    async def _finish(self, ended: Sequence[_Ended]) -> None:
        await self._records.outcomes([closed for closed, _ in ended])
        for _, release in ended:
            if release is not None:
                release()

    async def _decode(self, source: Source) -> Arrival | None:
        if source.value is None:
            return None
        try:
            desired = self._kind.decoders[source.topic](source.value)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            await self._records.dead_letter(source, reason="undecodable", detail=str(error)[:300])
            return None
        if source.key is None or source.key.decode(errors="replace") != desired.customer:
            await self._records.dead_letter(source, reason="undecodable", detail="the key is not the record's customer")
            return None
        return Arrival(desired.customer, desired, source)

    def _catches_up(self) -> bool:
        """True while what came before us is still being read: the newest of it is wanted, not what was on the way."""
        if self._paused or time.monotonic() > self._catch_up_until:
            return False
        return any(one.backlog_end is not None and one.position < one.backlog_end for one in self._partitions.values())

    def _balance(self) -> None:
        """Bounded memory: stops reading while too much is open."""
        opened = sum(len(partition.progress) for partition in self._partitions.values())
        if not self._paused and opened >= OPEN_LIMIT:
            self._consumer.pause(*self._partitions)
            self._paused = True
        elif self._paused and opened < OPEN_LIMIT // 2:
            self._consumer.resume(*self._partitions)
            self._paused = False

    async def _commit(self) -> None:
        """Commits what is done, and the position itself where nothing is open. A refused commit is repeated later."""
        self._commit_at = time.monotonic() + _COMMIT_EVERY_S
        partitions = self._partitions
        with contextlib.suppress(TimeoutError, KafkaError):
            async with asyncio.timeout(_COMMIT_WITHIN_S):
                for at, partition in list(partitions.items()):
                    # Nobody fetches meanwhile: `_turn` is here, and what it fetched is registered.
                    partition.position = max(partition.position, await self._consumer.position(at))
        if partitions is self._partitions:  # else they were taken away meanwhile, and committed there
            await self._commit_done(partitions)

    async def _commit_done(self, partitions: Mapping[TopicPartition, _Partition]) -> None:
        """Without asking for positions: these partitions may not be ours any more."""
        found = {at: one.progress.committable(one.position) for at, one in partitions.items() if one.position >= 0}
        offsets = {at: offset for at, offset in found.items() if offset != partitions[at].committed}
        if not offsets:
            return
        try:
            async with asyncio.timeout(_COMMIT_WITHIN_S):
                await self._consumer.commit(offsets)
        except (KafkaError, TimeoutError) as error:
            log.warning("consumer.commit_failed", kind=self._kind.name, problem=type(error).__name__)
            return
        for at, offset in offsets.items():
            partitions[at].committed = offset


def _source(record: Record, name: str) -> Source:
    return Source(
        topic=name,
        partition=record.partition,
        offset=record.offset,
        key=record.key,
        value=record.value,
        timestamp=datetime.fromtimestamp(max(0, record.timestamp) / 1000, UTC),
    )
