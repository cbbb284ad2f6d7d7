"""The consumer of effects: into the book, through the gate, to the sender; each step is on disk before the next.

What a row may become is `book`'s, whether it may go out now `gate`'s, how it is done the sender's.
"""

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final, Literal, cast

import msgspec
from aiokafka import AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import KafkaError
from sqlalchemy import Connection

from headrace.consumer.bootstrap import Batch, Place, Record, mark_begun, never_begun
from headrace.consumer.database import Database
from headrace.consumer.effects import book, gate, people
from headrace.consumer.effects.clock import StoreClock
from headrace.consumer.effects.contacts import contacts_of, keep_contacts
from headrace.consumer.effects.policy import Policy
from headrace.consumer.effects.rows import Entry
from headrace.consumer.effects.sender import Contact, Letter, Sender
from headrace.consumer.effects.sending import Ended, Outgoing, send
from headrace.consumer.effects.told import Told
from headrace.consumer.patience import Stopping, Store, insist, kafka_is_away, unless_stopping
from headrace.consumer.records import Records
from headrace.contracts import topics
from headrace.contracts.actions import DesiredContact, Version
from headrace.contracts.effects import Effect, decode_effect
from headrace.runtime.kafka import group_of, is_ours, leave, make_consumer, topic
from headrace.runtime.logs import log
from headrace.runtime.metrics import gauge
from headrace.runtime.process import FatalError, Running
from headrace.runtime.settings import ServiceSettings

_POLL_MS: Final = 100
_POLL_RECORDS: Final = 500
_SESSION_MS: Final = 6_000
_DRAIN_S: Final = 5.0
_COMMIT_EVERY_S: Final = 0.5
_COMMIT_WITHIN_S: Final = 2.0
_LEAVE_WITHIN_S: Final = 1.0
_LOOK_EVERY_S: Final = 1.0
"""How often those left behind by a crash are looked for, and what is shown is counted."""
_PAUSE_S: Final = 30.0
_SLACK_S: Final = 2.0
"""So much longer than its deadline a call counts as under way."""
_CONTACT_LATE_S: Final = 30.0
"""So long a new effect waits for its customer's first contact: topics show a transaction's end one after the other."""
_CONTACT_AGAIN_S: Final = 1.0
_TOO_MANY: Final = "too_many"
_CONTACT: Final = msgspec.json.Decoder(DesiredContact)


@dataclass(frozen=True, slots=True)
class _Taken:
    effects: Sequence[tuple[Effect, int]]
    contacts: Sequence[DesiredContact]


@dataclass(frozen=True, slots=True)
class _Over:
    """What is not sent now, or ever, as it was found; how that is told."""

    entry: Entry
    result: Literal["skipped", "unknown", "held"]
    reason: str


class EffectConsumer(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka ships no types for it
    """One sender's loop, for one store. `run` ends when the process is asked to stop."""

    def __init__(
        self,
        sender: Sender,
        *,
        settings: ServiceSettings,
        clock: StoreClock,
        database: Database,
        producer: AIOKafkaProducer,
        running: Running,
        policy: Policy | None = None,
        group: str | None = None,
        from_now: bool = False,
    ) -> None:
        """`group`: of the consumer, if not the usual one. `from_now`: what was decided before the first start is not
        this sender's."""
        self._sender = sender
        self._settings = settings
        self._running = running
        self._policy = policy or Policy()
        self._store = Store(database, running)
        self._name = f"effects.{sender.name}"
        self._records = Records(producer, settings, name=self._name, outcome=("effect", sender.name), running=running)
        self._told = Told(self._records, sender.name)
        self._from_now = from_now
        self._clock = clock
        self._worker = f"{socket.gethostname()}-{os.getpid()}-{time.time_ns()}"
        self._partitions: frozenset[int] = frozenset()
        self._new: list[TopicPartition] = []
        """Assigned, and not yet looked up in the database."""
        self._flying: dict[str, asyncio.Task[None]] = {}
        self._paused_until = 0.0
        self._look_at = self._commit_at = 0.0
        self._committed: dict[TopicPartition, int] = {}
        self._in_hand = False
        """What was read is not in the book yet: nothing is committed."""
        self._ends: dict[TopicPartition, int] = {}
        """Where the contacts ended when that was asked last; read up to there, what was taken in before may go out."""
        self._refused = f"{self._name}: refused by the vendor"
        self._unassigned = f"{self._name}: no partitions yet"
        self._timeless = f"{self._name}: the store's clock is not in the log: does its feed run?"
        running.health.block(self._unassigned)
        self._effects = topic(settings, topics.ACTIONS_EFFECTS)
        self._contacts = topic(settings, topics.ACTIONS_CONTACT)
        self._consumer = make_consumer(
            settings,
            group=group_of(settings, group or f"actions.{self._name}"),
            session_timeout_ms=_SESSION_MS,
            heartbeat_interval_ms=_SESSION_MS // 3,
            # A customer's effects and contact are read by one worker.
            partition_assignment_strategy=(RangePartitionAssignor,),
        )

    async def run(self) -> None:
        """Raises FatalError for what only a person or a restart can cure."""
        with contextlib.suppress(Stopping):
            await self._run()

    async def _run(self) -> None:
        self._consumer.subscribe([self._effects, self._contacts], listener=self)
        try:
            await insist(
                lambda: unless_stopping(self._consumer.start, self._running),
                reason="kafka",
                running=self._running,
                worth_it=kafka_is_away,
            )
            while not self._running.stopping.is_set():
                await self._turn()
        finally:
            await self._drain()
            await self._commit()
            await leave(self._consumer, _LEAVE_WITHIN_S)

    async def on_partitions_revoked(self, revoked: Sequence[TopicPartition]) -> None:
        """Nothing new is begun. What is under way goes on: the book says so to the next owner, who leaves it alone."""
        if revoked:
            self._running.health.block(self._unassigned)
        self._partitions, self._new = frozenset(), []
        self._ends.clear()

    async def on_partitions_assigned(self, assigned: Sequence[TopicPartition]) -> None:
        """Begins with these."""
        self._new = list(assigned)
        self._committed.clear()
        self._running.health.clear(self._unassigned)
        log.info("consumer.assigned", kind=self._name, partitions=len(assigned))

    async def _drain(self) -> None:
        if self._flying:
            _, late = await asyncio.wait(self._flying.values(), timeout=_DRAIN_S)
            for task in late:
                task.cancel()  # how it ended nobody knows: the book says that it is under way
            await asyncio.gather(*late, return_exceptions=True)

    async def _turn(self) -> None:
        try:
            polled: Batch = await self._consumer.getmany(timeout_ms=_POLL_MS, max_records=_POLL_RECORDS)
            self._in_hand = bool(polled)
        except KafkaError as error:
            if not kafka_is_away(error):
                raise FatalError("kafka_refused", type(error).__name__) from error
            await asyncio.sleep(_POLL_MS / 1000)
            return
        if new := self._new:
            if await self._begin(new, polled) and self._new is new:  # else they are others by now
                self._partitions, self._new = frozenset(at.partition for at in new), []
            return
        if polled:
            await self._take_in(polled)
            self._in_hand = False
        if time.monotonic() >= self._commit_at:
            await self._commit()
        if time.monotonic() >= self._look_at:
            await self._look_around()
        if time.monotonic() >= self._paused_until and await self._contacts_are_current():
            await self._dispatch()

    async def _begin(self, assigned: Sequence[TopicPartition], polled: Batch) -> bool:
        """Contacts of a database that never had them are read from the beginning; effects go on where they were."""
        begun_by = f"{self._name}.{self._settings.store}" if self._settings.among else self._name
        places = [(at.topic, at.partition) for at in assigned]
        missing = await self._store.write(lambda connection: never_begun(connection, begun_by, places))
        try:
            async with asyncio.timeout(_COMMIT_WITHIN_S):
                lost = await self._seek(missing, polled)
        except (KafkaError, TimeoutError) as error:
            log.warning("consumer.commit_failed", kind=self._name, problem=type(error).__name__)
            return False
        if lost:  # what was sent is not known any more: what was read before is not read again
            log.error("effects.book_lost", kind=self._name, partitions=len(lost))
        await self._store.write(lambda connection: mark_begun(connection, begun_by, missing))
        return True

    async def _seek(self, missing: Sequence[Place], polled: Batch) -> list[TopicPartition]:
        """To where reading begins; gives the partitions of effects that were read before, for a book that is gone."""
        for at, records in polled.items():
            if at in self._consumer.assignment():
                self._consumer.seek(at, records[0].offset)
        contacts = [TopicPartition(*place) for place in missing if place[0] == self._contacts]
        if contacts:  # committed first: a crash right after it begins there again
            beginnings = cast("dict[TopicPartition, int]", await self._consumer.beginning_offsets(contacts))
            for at, offset in beginnings.items():
                self._consumer.seek(at, offset)
            await self._consumer.commit(beginnings)
        effects = [TopicPartition(*place) for place in missing if place[0] == self._effects]
        lost = [at for at in effects if await self._consumer.committed(at)]
        if self._from_now and (first := [at for at in effects if at not in lost]):
            ends = cast("dict[TopicPartition, int]", await self._consumer.end_offsets(first))
            for at, offset in ends.items():
                self._consumer.seek(at, offset)
            await self._consumer.commit(ends)
        return lost

    async def _take_in(self, polled: Batch) -> None:
        taken = await self._decode(polled)
        name = self._sender.name

        def act(connection: Connection) -> list[tuple[Entry, str]]:
            keep_contacts(connection, taken.contacts)
            book.take_in(connection, name, taken.effects)
            cancelled: list[tuple[Entry, str]] = []
            for reason, since in _withdrawn(taken.contacts).items():
                entries = book.cancel_marketing(connection, name, since, reason=reason)
                cancelled += [(entry, reason) for entry in entries]
            return cancelled

        for entry, reason in await self._store.write(act):
            await self._told.tell(entry, "skipped", reason)

    async def _commit(self) -> None:
        """The positions, transaction markers left behind too, when all that was read is in the book."""
        self._commit_at = time.monotonic() + _COMMIT_EVERY_S
        if self._in_hand:
            return
        with contextlib.suppress(KafkaError, TimeoutError):  # then it is read again, and is not new
            async with asyncio.timeout(_COMMIT_WITHIN_S):
                places = [
                    TopicPartition(name, at) for name in (self._effects, self._contacts) for at in self._partitions
                ]
                offsets = {at: await self._consumer.position(at) for at in places}
                changed = {at: offset for at, offset in offsets.items() if offset != self._committed.get(at)}
                if changed:
                    await self._consumer.commit(changed)
                    self._committed |= changed

    async def _decode(self, polled: Mapping[TopicPartition, Sequence[Record]]) -> _Taken:
        effects: list[tuple[Effect, int]] = []
        contacts: list[DesiredContact] = []
        for at, records in polled.items():
            for record in records:
                if record.value is None or not is_ours(self._settings, record.key):
                    continue
                try:
                    if at.topic == self._contacts:
                        contacts.append(_CONTACT.decode(record.value))
                    else:
                        effect = decode_effect(record.value)
                        if self._is_mine(effect):
                            book.check(effect)
                            effects.append((effect, at.partition))
                except Exception as error:  # also of a sender that cannot even look at it
                    await self._told.unreadable(at.topic.removeprefix(self._settings.topic_prefix), record, error)
        return _Taken(effects, contacts)

    def _is_mine(self, effect: Effect) -> bool:
        return effect.customer.startswith(f"{self._settings.store}:") and self._sender.wants(effect)

    async def _contacts_are_current(self) -> bool:
        """True when every word on consent has been read that stood in the log when this was asked first.

        Asked anew only then: where contacts never cease, what is taken in meanwhile would else never go out.
        """
        mine = [TopicPartition(self._contacts, number) for number in self._partitions]
        if not mine:
            return False
        try:
            async with asyncio.timeout(_COMMIT_WITHIN_S):
                self._ends = self._ends or cast("dict[TopicPartition, int]", await self._consumer.end_offsets(mine))
                current = all([await self._consumer.position(at) >= self._ends[at] for at in mine])
        except (KafkaError, TimeoutError):
            self._ends = {}
            return False
        if current:
            self._ends = {}
        return current

    async def _dispatch(self) -> None:
        now, room = self._clock.now, self._sender.concurrency - len(self._flying)
        if now is None or room <= 0:
            return
        outgoing, over = await self._store.write(lambda connection: self._choose(connection, now, room))
        for one in outgoing:
            task = asyncio.get_running_loop().create_task(self._send(one))
            self._flying[one.entry.id] = task
            task.add_done_callback(partial(self._landed, one.entry.id))
        for gone in over:
            await self._told.tell(gone.entry, gone.result, gone.reason)
            if gone.reason == _TOO_MANY:
                log.error("effects.held", kind=self._name, entry=gone.entry.entry)

    def _landed(self, known_by: str, task: asyncio.Task[None]) -> None:
        self._flying.pop(known_by, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            cause = error if isinstance(error, FatalError) else FatalError("effects_unrecorded", type(error).__name__)
            log.error("task.failed", task=self._name, problem=type(error).__name__)
            self._running.fail(cause)

    def _choose(self, connection: Connection, now: datetime, room: int) -> tuple[list[Outgoing], list[_Over]]:
        """Looks at what is due, claims what may go, and says what will never go, and why."""
        name, begun = self._sender.name, time.monotonic()
        entries = book.due(connection, name, self._settings.store, self._partitions, at=now, limit=room)
        contacts = contacts_of(connection, [entry.customer for entry in entries])
        for customer in sorted(entry.customer for entry in entries if cast("Effect", entry.effect).cap is not None):
            book.hold_customer(connection, customer)  # in one order for everybody
        outgoing: list[Outgoing] = []
        over: list[_Over] = []
        for entry in entries:
            contact = contacts.get(entry.customer)
            verdict = self._look(connection, entry, contact, now)
            if isinstance(verdict, gate.Never):
                if verdict.reason == "no_contact" and book.age(connection, entry) < _CONTACT_LATE_S:
                    book.put_back(connection, entry, reason=verdict.reason, delay_s=_CONTACT_AGAIN_S)
                elif ends := book.give_up(connection, entry, verdict.state, reason=verdict.reason):
                    result = ends if ends in ("unknown", "held") else "skipped"
                    over.append(_Over(entry, result, verdict.reason))
            elif isinstance(verdict, gate.Later):
                book.put_back(connection, entry, reason=verdict.reason, due_at=verdict.until, again=entry.again)
            elif self._is_too_much(connection, entry):
                if book.settle(connection, entry, "held", reason=_TOO_MANY):
                    over.append(_Over(entry, "held", _TOO_MANY))
            elif claimed := book.claim(
                connection, entry, worker=self._worker, deadline_s=self._sender.deadline_s + _SLACK_S, at=now
            ):
                letter = Letter(cast("Effect", entry.effect), contact, now, claimed.attempts, entry.again)
                outgoing.append(Outgoing(claimed, letter, begun + self._sender.deadline_s))
        return outgoing, over

    def _look(
        self, connection: Connection, entry: Entry, contact: Contact | None, now: datetime
    ) -> Literal["go"] | gate.Later | gate.Never:
        effect, sent = cast("Effect", entry.effect), list[datetime]()
        if effect.cap is not None:
            since = now - timedelta(seconds=effect.cap.per_s)
            sent = book.marketing_sent(connection, entry.customer, since, but=entry)
        return gate.look(effect, contact, now=now, sent=sent)

    def _is_too_much(self, connection: Connection, entry: Entry) -> bool:
        policy, effect = self._policy, cast("Effect", entry.effect)
        if policy.guard == 0 or effect.cause.origin == "activation":
            return False
        sender, store, most = self._sender.name, self._settings.store, policy.guard
        tried = book.lately(connection, sender, store, entry.entry, seconds=policy.guard_s, most=most)
        return tried >= most and not people.is_wanted(connection, entry)

    async def _send(self, one: Outgoing) -> None:
        ended = await send(self._sender, one, self._policy)
        if ended.pause is not None:
            self._running.health.block(self._refused)
            log.error("consumer.paused", kind=self._name, reason=ended.pause, delay_s=_PAUSE_S)
            self._paused_until = time.monotonic() + _PAUSE_S
        elif ended.state == "sent":
            self._running.health.clear(self._refused)
        with contextlib.suppress(Stopping):
            await self._end(one.entry, ended)

    async def _end(self, entry: Entry, ended: Ended) -> None:
        if ended.state is None:
            await self._store.write(
                lambda connection: book.put_back(
                    connection, entry, reason=ended.reason, delay_s=ended.delay_s, again=ended.again or entry.again
                )
            )
            return
        state = ended.state
        changed = await self._store.write(
            lambda connection: book.settle(
                connection, entry, state, reason=ended.reason, detail=ended.detail, receipt=ended.receipt
            )
        )
        if changed:
            await self._told.tell(entry, ended.outcome, ended.reason, ended.detail)

    async def _look_around(self) -> None:
        """Those whose worker never came back: asked again where that is harmless, else as the policy says."""
        self._look_at = time.monotonic() + _LOOK_EVERY_S
        name, store = self._sender.name, self._settings.store
        found = await self._store.write(
            lambda connection: (
                book.left_behind(connection, name, self._partitions, store=store),
                book.counts(connection, name, store),
            )
        )
        for entry in found[0]:
            if entry.id not in self._flying:
                await self._end(entry, Ended.in_doubt(self._sender, self._policy, entry, "worker_lost"))
        if self._clock.now is None and found[1].get("waiting"):
            self._running.health.block(self._timeless)
        else:
            self._running.health.clear(self._timeless)
        for state in ("waiting", "unknown", "held"):
            gauge("headrace_effects_open", sender=name, state=state).set(found[1].get(state, 0))


def _withdrawn(contacts: Sequence[DesiredContact]) -> dict[str, dict[str, Version]]:
    """Reason -> customer -> the newest word of it."""
    found: dict[str, dict[str, Version]] = {"consent_withdrawn": {}, "customer_gone": {}}
    for contact in contacts:
        if contact.deleted or contact.subscribed is not True:
            by_customer = found["customer_gone" if contact.deleted else "consent_withdrawn"]
            by_customer[contact.customer] = max(contact.version, by_customer.get(contact.customer, contact.version))
    return found
