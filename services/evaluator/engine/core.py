"""The engine: takes chunks, folds them, commits an epoch at a time, and starts anew from the log after any doubt.

It is driven by Faust (chunks, revocations, recoveries) and by its own two tasks (`run`, `sweep`). Memory is ahead of
the log by at most two epochs; a `term` is the time between two restores, and what belongs to an older one is dropped.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Protocol

from headrace.runtime.health import STARTING, Health
from headrace.runtime.logs import log
from headrace.runtime.process import FatalError
from services.evaluator.engine import cures
from services.evaluator.engine.batches import Chunk
from services.evaluator.engine.collector import Collector
from services.evaluator.engine.epoch import Batch, Epoch, Live, close
from services.evaluator.engine.fold import Fold, PartitionFold, SourceRecord, Swept
from services.evaluator.engine.membership import Member
from services.evaluator.engine.meters import Meters, Standing, standing_of
from services.evaluator.engine.producer import Aborted, Written
from services.evaluator.engine.state import Partition

RESTORING: Final = "restoring"
_QUIESCE_S: Final = 8.0
_NEW_GENERATION_S: Final = 120.0
_ABORTS_IN_A_ROW: Final = 20
_SLICE_RECORDS: Final = 250
_SLICE_S: Final = 0.01
"""A chunk of a backlog may take a second to fold, and many small ones too: others have their turn every so often."""
_SWEEP_KEYS: Final = 20
_SWEEP_SLICE_S: Final = 0.005
"""A visit may cost much or nothing, so a slice of a sweep is measured by time; between two, records have their turn."""
_SWEEP_REST_S: Final = 0.02


@dataclass(frozen=True, slots=True)
class Options:
    """`epoch_s`: how long an epoch gathers; `epoch_records`: how many records close it earlier."""

    epoch_s: float = 0.05
    epoch_records: int = 40_000


class Positions(Protocol):
    """Where the consumer stands (`batches.BatchConsumer`)."""

    def rewind(self, partition: int, offset: int) -> None: ...
    def era(self, partition: int) -> int: ...


class Writer(Protocol):
    """What writes a batch (`transaction.Transactions`)."""

    async def start(self, kept: Collection[int] = ()) -> None: ...
    async def write(self, batch: Batch) -> Written | Aborted: ...


class Reader(Protocol):
    """What reads partitions back (`restore.Restorer`)."""

    async def restore(self, numbers: Iterable[int], wanted: Callable[[], bool]) -> dict[int, Partition] | None: ...


class Engine:
    """One per worker. `member` tells who we are in the group now; `fail` ends the process with a cause, `ended`
    tells that the folds want no more of any of our partitions."""

    def __init__(
        self,
        *,
        fold: Fold,
        writer: Writer,
        reader: Reader,
        positions: Callable[[], Positions],
        member: Callable[[], Member | None],
        health: Health,
        fail: Callable[[FatalError], None],
        ended: Callable[[], None] = lambda: None,
        options: Options | None = None,
    ) -> None:
        self._fold = fold
        self._writer = writer
        self._reader = reader
        self._positions = positions
        self._member_now = member
        self._health = health
        self._fail = fail
        self._all_ended = ended
        self._options = options or Options()
        self._meters = Meters()
        self._collector = Collector()
        self._live: dict[int, Live] = {}
        self._kept: dict[int, Partition] = {}
        self._member: Member | None = None
        self._epoch = Epoch()
        self._term = 0
        self._accepting = False
        self._aborts = 0
        self._closed_at = 0.0
        self._folding_s = 0.0
        self._writing = asyncio.Lock()
        self._pending = asyncio.Event()
        self._space = asyncio.Event()
        self._to_sweep = asyncio.Event()
        self._unswept: set[int] = set()

    # -- driven by Faust ---------------------------------------------------------------------------------------------
    async def take(self, number: int, chunk: Chunk) -> None:
        """Folds a chunk, or drops it when it belongs to an older era. Waits while two epochs are full. Never raises."""
        try:
            await self._take(number, chunk)
        except FatalError as error:
            self._end(error)
        except Exception as error:
            log.exception("task.failed", task="take", partition=number)
            if not cures.off("fold_error_stops"):
                self._end(FatalError("fold_failed", repr(error)))

    async def quiesce(self, within_s: float = _QUIESCE_S) -> None:
        """Before a rebalance goes on: commits what is pending under the old generation, then accepts nothing.

        What cannot be committed in time is discarded: it comes again. Its late commit is either refused by the group,
        or lies below the high watermark that every later restore reads to.
        """
        accepting, self._accepting = self._accepting, False
        self._not_ready()
        kept: dict[int, Partition] = {}
        try:
            async with asyncio.timeout(within_s), self._writing:
                to_commit = accepting and self._epoch.size and not cures.off("revoke_commits")
                result = await self._write() if to_commit else None
                if not isinstance(result, Aborted) or cures.off("keep_if_committed"):
                    kept = {number: live.partition for number, live in self._live.items()}
        except TimeoutError:
            log.warning("epoch.aborted", reason=f"not committed within {within_s:g} s")
        except FatalError as error:
            self._fail(error)
        if self._live:
            log.info("partitions.released", partitions=sorted(self._live))
        self._discard()
        self._kept = kept

    async def restore(self, numbers: Iterable[int]) -> None:
        """Reads these partitions back and goes on from there, unless something newer began meanwhile."""
        member = self._member_now()
        kept = self._still_ours(member)
        self._discard()
        self._not_ready()
        term, asked = self._term, set(numbers)
        try:
            await self._writer.start(asked & kept.keys())
            partitions = await self._reader.restore(asked - kept.keys(), lambda: self._lasts(term))
        except FatalError as error:
            return self._fail(error)
        if partitions is None or not self._lasts(term) or member is None or member != self._member_now():
            return None  # a newer restore is under way, or a rebalance that ends in one
        stay = {number: kept[number] for number in asked & kept.keys()}
        if stay:
            log.info("partitions.kept", partitions=sorted(stay))
        self._begin({**partitions, **stay}, member)
        return None

    # -- its own tasks -----------------------------------------------------------------------------------------------
    async def run(self) -> None:
        """Commits epochs as they are due, for ever. Raises `FatalError`."""
        while True:
            await self._until_due()
            async with self._writing:
                if not (self._accepting and self._epoch.size):
                    continue
                term, numbers = self._term, tuple(self._live)
                result = await self._write()
            if isinstance(result, Aborted) and term == self._term and not cures.off("abort_discards"):
                await self._start_anew(result, numbers)

    async def sweep(self) -> None:
        """Lets the folds work off what no record waits for, in slices, records first. Never ends.

        The partitions take turns: one that has much to work off holds up no other's timers.
        """
        while True:
            await self._to_sweep.wait()
            self._to_sweep.clear()
            touched, self._unswept = self._unswept, set()
            for number in sorted(touched):
                live = self._live.get(number)
                if live and await self._sweep_partition(live):
                    self._unswept.add(number)
                    self._to_sweep.set()

    @property
    def partitions(self) -> tuple[int, ...]:
        """The partitions that are ours and restored."""
        return tuple(sorted(self._live))

    def standing(self) -> dict[int, Standing]:
        """How each of them stands; nothing during a restore."""
        return {number: standing_of(live) for number, live in self._live.items()}

    # -- folding -----------------------------------------------------------------------------------------------------
    async def _take(self, number: int, chunk: Chunk) -> None:
        await self._until_space()
        live = self._current(number, chunk)
        if live is None:
            return
        await live.fold.prepare(chunk.records)
        if self._current(number, chunk) is not live or not self._contiguous(live, chunk):
            return
        records = chunk.records
        if records[0].offset <= live.partition.applied and not cures.off("mark_skip"):
            records = [record for record in records if record.offset > live.partition.applied]
        self._meters.folded(len(records))
        for start in range(0, len(records), _SLICE_RECORDS):
            if self._folding_s > _SLICE_S:
                self._folding_s = 0.0
                await asyncio.sleep(0)
                if self._current(number, chunk) is not live:
                    return
            since = time.monotonic()
            self._fold_slice(live, records[start : start + _SLICE_RECORDS])
            self._folding_s += time.monotonic() - since

    def _fold_slice(self, live: Live, records: list[SourceRecord]) -> None:
        live.fold.apply(records)
        live.partition.applied = records[-1].offset
        self._epoch.applied(live.partition.number, len(records))
        self._pending.set()
        self._unswept.add(live.partition.number)
        self._to_sweep.set()

    def _current(self, number: int, chunk: Chunk) -> Live | None:
        current = chunk.era == self._positions().era(number) or cures.off("era")
        live = self._live.get(number) if self._accepting and current else None
        return None if live is None or live.ended else live

    def _contiguous(self, live: Live, chunk: Chunk) -> bool:
        """A chunk must not leave a hole. The first time we look again; the same hole again is the log's own."""
        partition, first = live.partition, chunk.records[0].offset
        if first <= partition.expected or cures.off("contiguity"):
            live.suspect = None
            return True
        if live.suspect != first:
            live.suspect = first
            self._meters.hole("rewound")
            self._positions().rewind(partition.number, partition.expected)
            return False
        live.suspect = None
        self._meters.hole("accepted")
        log.warning("hole.accepted", partition=partition.number, expected=partition.expected, found=first)
        return True

    async def _sweep_partition(self, live: Live) -> bool:
        """One slice. Whether there is more."""
        await live.fold.prepare(())
        if not (self._accepting and self._live.get(live.partition.number) is live):
            return False
        before = self._epoch.records
        with self._whole():
            changed, more = _sweep_slice(live.fold)
        if changed:
            self._epoch.swept(live.partition.number, changed)
            self._pending.set()
        if more:
            await asyncio.sleep(0)
            if self._epoch.records != before or self._writing.locked():
                await asyncio.sleep(_SWEEP_REST_S)
            await self._until_space()
        return more

    async def _until_space(self) -> None:
        limit = self._options.epoch_records
        while (
            self._accepting and self._epoch.size >= limit and (self._writing.locked() or self._epoch.size >= 2 * limit)
        ):
            self._space.clear()
            await self._space.wait()

    # -- committing --------------------------------------------------------------------------------------------------
    async def _until_due(self) -> None:
        while True:
            if not (self._accepting and self._epoch.size):
                self._pending.clear()
                await self._pending.wait()
                continue
            rest = self._closed_at + self._options.epoch_s - time.monotonic()
            if rest <= 0 or self._epoch.size >= self._options.epoch_records:
                return
            self._pending.clear()
            try:
                async with asyncio.timeout(rest):
                    await self._pending.wait()
            except TimeoutError:
                return

    async def _write(self) -> Written | Aborted:
        """Closes and writes the epoch; the next one is folded meanwhile. The lock is held."""
        if self._member is None:
            raise FatalError("not_a_member")
        term = self._term
        epoch, self._epoch = self._epoch, Epoch()
        self._closed_at = time.monotonic()
        member = self._member_now() if cures.off("old_generation") else self._member
        with self._whole():
            batch = close(epoch, self._live, member or self._member)
        self._collector.epoch_closed()
        self._space.set()
        writing = asyncio.ensure_future(self._writer.write(batch))
        writing.add_done_callback(_take_error)  # nobody else may be left to take it (`quiesce`)
        try:
            result = await asyncio.shield(writing)
        except FatalError:
            self._discard()  # on the way out, nothing may be committed past what could not be
            raise
        self._space.set()
        if isinstance(result, Written):
            self._aborts = 0
            self._meters.committed(batch, result)
            if term == self._term:
                for number, position in batch.positions.items():
                    self._live[number].committed = position
                if self._live and all(live.ended for live in self._live.values()):
                    self._all_ended()
        else:
            # Memory is ahead of the log: nothing more may be accepted before the next restore.
            self._accepting = self._accepting and (term != self._term or cures.off("abort_discards"))
            self._meters.aborted(result)
            log.warning("epoch.aborted", reason=result.reason, generation=batch.member.generation)
        return result

    async def _start_anew(self, aborted: Aborted, numbers: tuple[int, ...]) -> None:
        self._aborts += 1
        if self._aborts > _ABORTS_IN_A_ROW:
            raise FatalError("commits_fail", aborted.reason)
        self._discard()
        self._not_ready()
        if aborted.fenced:
            await self._expect_new_generation()
            return
        term = self._term
        await asyncio.sleep(min(0.05 * 2**self._aborts, 2.0))
        if term == self._term:  # else a rebalance came meanwhile: it restores what is ours now
            await self.restore(numbers)

    async def _expect_new_generation(self) -> None:
        """Faust rejoins by itself, which ends in a restore."""
        term = self._term
        deadline = time.monotonic() + _NEW_GENERATION_S
        while term == self._term:
            if time.monotonic() > deadline:
                raise FatalError("no_new_generation", f"for {_NEW_GENERATION_S:g} s after the group fenced us")
            await asyncio.sleep(0.1)

    # -- terms -------------------------------------------------------------------------------------------------------
    def _still_ours(self, member: Member | None) -> dict[int, Partition]:
        """What a rebalance left in memory, all of it committed, if the group went on by one generation only.

        Then nobody else can have owned these partitions since: what is assigned to us again needs no restore.
        """
        followed = member is not None and self._member is not None and member.generation == self._member.generation + 1
        return self._kept if followed or cures.off("revoked_state") else {}

    def _lasts(self, term: int) -> bool:
        return term == self._term or cures.off("interrupted_restore")

    @contextmanager
    def _whole(self) -> Iterator[None]:
        """What a fold does in here it does whole, or nothing of the open epoch is written."""
        try:
            yield
        except BaseException:
            self._discard()
            raise

    def _end(self, error: FatalError) -> None:
        """Nothing of what was folded since the last epoch is written: it may be half of something."""
        self._discard()
        self._fail(error)

    def _discard(self) -> None:
        self._term += 1
        self._accepting = False
        self._epoch = Epoch()
        self._live = {}
        self._kept = {}
        self._space.set()

    def _not_ready(self) -> None:
        if not cures.off("ready_when_restored"):
            self._health.block(RESTORING)

    def _begin(self, partitions: dict[int, Partition], member: Member) -> None:
        self._meters.assigned(partitions)
        self._live = {number: Live(p, self._fold.open(p), p.expected) for number, p in partitions.items()}
        self._member = member
        for number, partition in partitions.items():
            if partition.expected or not cures.off("seek_without_commit"):
                self._positions().rewind(number, partition.expected)
        self._accepting = True
        self._unswept = set(partitions)
        self._to_sweep.set()
        self._health.clear(RESTORING)
        self._health.clear(STARTING)


def _sweep_slice(fold: PartitionFold) -> Swept:
    until, changed, more = time.monotonic() + _SWEEP_SLICE_S, 0, True
    while more and time.monotonic() < until:
        swept = fold.sweep(_SWEEP_KEYS)
        changed, more = changed + swept.changed, swept.more
    return Swept(changed, more)


def _take_error(task: asyncio.Task[Written | Aborted]) -> None:
    if not task.cancelled():
        task.exception()
