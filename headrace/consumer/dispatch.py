"""From the buffer to the vendor and back: batches, the intent before a call, the ledger after it, what failed again.

What may be committed to Kafka afterwards is the loop's matter; what waits longest is `waiting`'s.
"""

import asyncio
import time
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import Connection

from headrace.consumer.judge import Verdict
from headrace.consumer.kind import Applied, Kind, PauseConsumer, Pending, Result, Target, Task, TryAgain
from headrace.consumer.ledger import advance_applied, begin_intents
from headrace.consumer.patience import Stopping, Store
from headrace.consumer.records import Records
from headrace.consumer.waiting import SINGLE_AFTER, Waiting
from headrace.runtime.deadline import Sending, sending_until
from headrace.runtime.health import Health
from headrace.runtime.logs import log
from headrace.runtime.metrics import gauge, histogram
from headrace.runtime.process import FatalError, Running
from headrace.runtime.retry import RetryAt, RetryPolicy, decide_retry

_BACK_OFF: Final = RetryPolicy(first_delay_s=0.5, max_delay_s=30.0, deadline_s=float("inf"))
_PAUSE_S: Final = 30.0
"""How long a consumer whose credentials are refused waits before it tries one batch again."""
_OUTAGE_AFTER: Final = 6
_GIVE_UP_AFTER: Final = 10
"""Failed attempts of one customer while others succeeded; then its record is set aside."""
_NOTHING: Final = Sending(0.0)
"""What a call that only read has sent."""
_SUPERSEDED: Final = Result("stale", "superseded")


class Dispatcher:
    """Performs what waits, until cancelled. `ledger_lock` makes a database step and its twin in memory one.

    `worker` names this process in the intents.
    """

    def __init__(
        self,
        kind: Kind,
        waiting: Waiting,
        *,
        store: Store,
        records: Records,
        running: Running,
        ledger_lock: asyncio.Lock,
        worker: str = "",
    ) -> None:
        self._kind = kind
        self._waiting = waiting
        self._store = store
        self._records = records
        self._running = running
        self._health: Health = running.health
        self._lock = ledger_lock
        self._worker = worker
        self._woken = asyncio.Event()
        self._held = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._paused_until = 0.0
        self._failures = 0
        self._successes = 0
        self._refused = f"{kind.name}: credentials refused"
        self._resting = f"{kind.name}: the vendor is down"

    def wake(self) -> None:
        """Something came or went."""
        self._woken.set()

    def hold(self, *, held: bool) -> None:
        """While held nothing is begun: newer values of what waits are being read."""
        if self._held and not held:
            self.wake()
        self._held = held

    async def run(self) -> None:
        """The loop; ends by cancellation only."""
        while True:
            self._woken.clear()
            pause = self._paused_until - time.monotonic()
            if self._held or pause > 0 or len(self._tasks) >= self._kind.limits.concurrency:
                await self._sleep(pause if pause > 0 else None)
            else:
                await self._step()

    async def drain(self, deadline_s: float) -> None:
        """Waits for the calls under way; those that take longer are cancelled and stay an open intent."""
        tasks = set(self._tasks)
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=deadline_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _step(self) -> None:
        picked = self._waiting.pick(time.monotonic(), idle=not self._tasks)
        gauge("headrace_actions_waiting", kind=self._kind.name).set(len(self._waiting))
        if picked.doubtful:
            self._spawn(picked.doubtful, self._read_back(picked.doubtful))
        elif picked.write:
            self._spawn(picked.write, self._perform(picked.write))
        if picked.closed:
            # A task like the calls, so that `drain` knows of it; but the next step waits for it.
            await asyncio.wait({self._spawn([pending for pending, _ in picked.closed], self._close(picked.closed))})
        elif not picked.doubtful and not picked.write:
            await self._sleep(picked.wait_s)

    async def _sleep(self, seconds: float | None) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return

    def _spawn(self, batch: Sequence[Pending], work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        async def guarded() -> None:
            try:
                await work
            except asyncio.CancelledError:
                for pending in batch:
                    self._waiting.finish(pending, _begun(pending))
                raise
            except Stopping:
                return
            except FatalError as error:
                self._running.fail(error)
            except Exception as error:
                log.exception("task.failed", task=self._kind.name)
                self._running.fail(FatalError("consumer_crashed", type(error).__name__))

        task = asyncio.get_running_loop().create_task(guarded())
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self.wake()

    async def _close(self, closed: Sequence[tuple[Pending, Verdict]]) -> None:
        await self._settle([pending for pending, _ in closed], {p.customer: _closing(p, v) for p, v in closed})

    async def _read_back(self, batch: Sequence[Pending]) -> None:
        try:
            with sending_until(time.monotonic() + self._kind.limits.deadline_s):
                found = await self._kind.read_back([pending.customer for pending in batch])
        except TryAgain as error:
            await self._again(batch, error)
        except PauseConsumer as error:
            await self._pause(batch, error)
        else:
            # No success: a vendor that reads and does not write is as good as down, for everybody.
            self._health.clear(self._refused)
            self._health.clear(self._resting)
            there = [pending for pending in batch if pending.customer in found]
            gone = [pending for pending in batch if pending.customer not in found]
            for pending in there:
                pending.target = replace(pending.target, observed=None, overwrite=False)  # what was read is newer
                pending.applied = Applied(pending.applied.version, found[pending.customer])
            await self._put_back(there)
            await self._settle(gone, {p.customer: Result("refused", "customer_gone") for p in gone})

    async def _perform(self, batch: Sequence[Pending]) -> None:
        histogram("headrace_action_batch_size", kind=self._kind.name).observe(len(batch))
        until = time.monotonic() + self._kind.limits.deadline_s  # before the ledger's own moment: never later than that
        overtaken = await self._intend(batch)
        if overtaken:
            late = [pending for pending in batch if pending.customer in overtaken]
            batch = [pending for pending in batch if pending.customer not in overtaken]
            for pending in late:
                pending.applied = overtaken[pending.customer]
            await self._settle(late, {pending.customer: Result("stale", "older") for pending in late})
            if not batch:
                return
        before = [replace(pending.applied) for pending in batch]
        tasks = [Task(p.customer, p.target, applied) for p, applied in zip(batch, before, strict=True)]
        try:
            with sending_until(until) as sending:
                results: Mapping[str, Result] = await self._kind.perform(tasks)
        except TryAgain as error:
            await self._again(batch, error, sending)
        except PauseConsumer as error:
            await self._pause(batch, error, sending)
        except Exception as error:
            log.exception("task.failed", task=self._kind.name)
            await self._blame(batch, type(error).__name__)
        else:
            self._succeeded()
            await self._settle(batch, results)

    async def _intend(self, batch: Sequence[Pending]) -> Mapping[str, Applied]:
        """Gives the rows that turn out to be newer than what we were about to do."""
        begun = {pending.customer: _begun(pending) for pending in batch}
        name, deadline_s = self._kind.name, self._kind.limits.deadline_s

        def act(connection: Connection) -> Mapping[str, Applied]:
            return begin_intents(connection, name, begun, worker=self._worker, deadline_s=deadline_s)

        async with self._lock:
            return await self._store.write(act)

    async def _advance(self, rows: Mapping[str, Applied]) -> Mapping[str, Applied]:
        return await self._store.write(lambda connection: advance_applied(connection, self._kind.name, rows))

    async def _settle(self, batch: Sequence[Pending], results: Mapping[str, Result]) -> None:
        """The ledger first, then the outcome, then the offsets: a crash between them repeats, it never skips."""
        if not batch:
            return
        rows = {pending.customer: settled(pending, results[pending.customer]) for pending in batch}
        changed = {p.customer: rows[p.customer] for p in batch if results[p.customer].result != "stale"}
        async with self._lock:
            overtaken = await self._advance(changed)
            for pending in batch:
                self._waiting.finish(pending, overtaken.get(pending.customer, rows[pending.customer]))
                written = pending.target.skip is None and results[pending.customer].result in ("applied", "overflow")
                if pending.customer in overtaken and written:
                    self._reassert(pending, overtaken[pending.customer])
        await self._records.outcomes([(p.customer, p.target.version, p.source, results[p.customer]) for p in batch])
        for pending in batch:
            for release in pending.holds:
                release()

    def _reassert(self, late: Pending, newest: Applied) -> None:
        """Our call came after a newer one of the partition's next owner: what that one did is done again."""
        log.warning("action.overtaken", kind=self._kind.name)
        if newest.version is None or newest.value is None or newest.intent is not None:
            return  # the other one is about to write itself
        doubt = Applied(newest.version, newest.value, late.target.value, newest.version)
        target = Target(newest.version, newest.value)
        self._waiting.add(Pending(late.customer, target, late.source, time.monotonic(), doubt, fresh=False))

    def _succeeded(self) -> None:
        self._failures = 0
        self._successes += 1
        self._health.clear(self._refused)
        self._health.clear(self._resting)

    async def _again(self, batch: Sequence[Pending], error: TryAgain, sending: Sending = _NOTHING) -> None:
        if not error.tried:
            await self._not_tried(batch, error, doubt=sending.writes > 0)
            return
        self._failures += 1
        if error.delay_s is None:
            verdict = decide_retry(_BACK_OFF, self._failures, 0.0)
            delay = verdict.delay_s if isinstance(verdict, RetryAt) else _BACK_OFF.max_delay_s
        else:
            delay = error.delay_s
        if self._failures == 1 or self._failures % _OUTAGE_AFTER == 0:
            log.warning(
                "action.postponed", kind=self._kind.name, reason=error.reason, count=len(batch), delay_s=round(delay, 3)
            )
        now = time.monotonic()
        self._paused_until = max(self._paused_until, now + delay)
        for pending in batch:
            if error.delay_s is None:
                self._count_attempt(pending)
            pending.not_before = max(now + delay, sending.until if error.lingers else 0.0)
        if len(batch) == 1 and batch[0].attempts >= _GIVE_UP_AFTER:
            failed = Result("refused", "vendor_failed", error.reason, dead_letter=True)
            await self._settle(batch, {batch[0].customer: failed})
            return
        await self._put_back(batch, doubt=error.unknown or sending.writes > 1)

    async def _not_tried(self, batch: Sequence[Pending], error: TryAgain, *, doubt: bool) -> None:
        """Nobody was asked: our own quota, or a vendor that rests. What waits is picked anew when it may go."""
        if error.reason == "circuit":
            self._health.block(self._resting)
        now = time.monotonic()
        self._paused_until = max(self._paused_until, now + (error.delay_s or 0.0))
        await self._put_back(batch, doubt=doubt)

    async def _put_back(self, batch: Sequence[Pending], *, doubt: bool = False) -> None:
        """They come again, but not those for whom a newer version waits. `doubt`: something may have been done."""
        over = [
            pending
            for pending in batch
            if self._waiting.put_back(pending, _begun(pending) if doubt else pending.applied)
        ]
        await self._records.outcomes([(p.customer, p.target.version, p.source, _SUPERSEDED) for p in over])

    def _count_attempt(self, pending: Pending) -> None:
        """Counts what speaks against this customer rather than against the vendor: others succeeded meanwhile."""
        outage = pending.attempts < SINGLE_AFTER and self._failures >= _OUTAGE_AFTER
        if pending.attempts == 0 or self._successes > pending.successes_seen or outage:
            pending.attempts += 1
            pending.successes_seen = self._successes

    async def _pause(self, batch: Sequence[Pending], error: PauseConsumer, sending: Sending = _NOTHING) -> None:
        self._health.block(self._refused)
        log.error("consumer.paused", kind=self._kind.name, reason=error.reason, delay_s=_PAUSE_S)
        self._paused_until = max(self._paused_until, time.monotonic() + _PAUSE_S)
        await self._put_back(batch, doubt=sending.writes > 1)

    async def _blame(self, batch: Sequence[Pending], detail: str) -> None:
        """An error of ours: in company the batch is taken apart, alone the record is set aside."""
        if len(batch) == 1:
            failed = Result("refused", "consumer_failed", detail, dead_letter=True)
            await self._settle(batch, {batch[0].customer: failed})
            return
        for pending in batch:
            pending.attempts = max(pending.attempts, SINGLE_AFTER)
        await self._put_back(batch, doubt=True)


def settled(pending: Pending, result: Result) -> Applied:
    """The row after an action came to its end."""
    applied, target = pending.applied, pending.target
    if result.result == "stale":
        return applied
    if target.skip is not None:
        return Applied(target.version, None if target.skip.forget else applied.value)
    if result.result in ("applied", "unchanged", "overflow"):
        return Applied(target.version, target.value if result.value is None else result.value)
    return Applied(target.version, applied.value if result.reason != "customer_gone" else None)


def _begun(pending: Pending) -> Applied:
    applied, target = pending.applied, pending.target
    value = applied.value
    if value is None and pending.fresh:
        value = target.observed
    if value is None:
        value = applied.intent  # may be there as well: not forgotten over the next attempt
    return Applied(applied.version, value, target.value, target.version)


def _closing(pending: Pending, verdict: Verdict) -> Result:
    if verdict == "skip" and pending.target.skip is not None:
        return Result(pending.target.skip.result, pending.target.skip.reason)
    if verdict == "stale":
        return Result("stale", "older")
    told = pending.target.told
    return replace(told, result="unchanged") if told.result == "applied" else told
