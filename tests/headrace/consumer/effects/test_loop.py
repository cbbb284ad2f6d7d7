"""The loop of effects around a sender of one's own, on real Kafka."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest
from sqlalchemy import Connection, update
from sqlalchemy.exc import OperationalError

from headrace.consumer import PauseConsumer
from headrace.consumer.database import Database, open_database
from headrace.consumer.effects import Done, InDoubt, Letter, NotNow, Refused, loop, people, rows
from headrace.consumer.effects.clock import followed
from headrace.consumer.effects.loop import EffectConsumer
from headrace.consumer.effects.policy import Policy
from headrace.consumer.ledger import migrate_ledger
from headrace.contracts import topics
from headrace.contracts.actions import DesiredContact, encode
from headrace.contracts.effects import Cap, Effect, Quiet, encode_effect
from headrace.contracts.events import CLOCK, Clock, encode_event
from headrace.runtime.health import STARTING
from headrace.runtime.kafka import make_producer, topic
from headrace.runtime.process import Running
from headrace.runtime.settings import ServiceSettings
from tests.headrace.consumer.effects.made import NOW, STORE, a_contact, an_effect
from tests.services.consumer_harness import Bench, bench_of, eventually, in_process

pytestmark = pytest.mark.kafka
GROUP = "actions.effects.mail"
R = TypeVar("R")


class Post:
    """A sender that keeps what it sent, and meets trouble where a test wants it."""

    name = "mail"
    concurrency = 4
    deadline_s = 2.0

    def __init__(self, *, keyed: bool = False) -> None:
        self.keyed = keyed
        self.sent: list[Letter] = []
        self.trouble: dict[str, list[Exception]] = {}
        self.stuck = asyncio.Event()
        self.hangs: set[str] = set()
        self.holds: set[str] = set()
        self.go = asyncio.Event()

    def wants(self, effect: Effect) -> bool:
        return effect.kind in ("send_email", "notify_staff")

    async def send(self, letter: Letter) -> Done:
        if letter.effect.id in self.hangs:
            self.stuck.set()
            await asyncio.Event().wait()
        if letter.effect.id in self.holds:
            self.stuck.set()
            await self.go.wait()
        if waiting := self.trouble.get(letter.effect.id):
            raise waiting.pop(0)
        self.sent.append(letter)
        return Done("receipt")

    @property
    def ids(self) -> list[str]:
        return [letter.effect.id for letter in self.sent]


@pytest.fixture
async def bench(topics_created: ServiceSettings) -> AsyncIterator[Bench]:
    async with bench_of(topics_created) as one:
        yield one


async def publish(bench: Bench, *records: Effect | DesiredContact) -> None:
    """In one transaction."""
    raw = [
        (topics.ACTIONS_EFFECTS, one.customer.encode(), encode_effect(one))
        if isinstance(one, Effect)
        else (topics.ACTIONS_CONTACT, one.customer.encode(), encode(one))
        for one in records
    ]
    await bench.publish_raw(raw)


async def tick(bench: Bench, now: datetime, store: str = STORE) -> None:
    """The store's clock, in every partition."""
    event = encode_event(
        Clock(store=store, now=now), type=CLOCK, id=f"c{now}", store=store, subject="~", time=now, origin="live"
    )
    producer = make_producer(bench.settings)
    await producer.start()
    try:
        for partition in range(3):
            await producer.send_and_wait(
                topic(bench.settings, topics.EVENTS), event, key=topics.PARTITION_WIDE_KEY, partition=partition
            )
    finally:
        await producer.stop()


@asynccontextmanager
async def sending(
    bench: Bench,
    post: Post,
    folder: Path,
    policy: Policy | None = None,
    database: Database | None = None,
    seen: list[Running] | None = None,
) -> AsyncIterator[Database]:
    database = database or open_database(f"sqlite:///{folder / 'book.db'}")
    migrate_ledger(database)

    async def main(running: Running) -> None:
        producer = make_producer(bench.settings)
        await producer.start()
        try:
            running.health.clear(STARTING)
            async with followed(bench.settings) as clock:
                await EffectConsumer(
                    post,
                    settings=bench.settings,
                    clock=clock,
                    database=database,
                    producer=producer,
                    running=running,
                    policy=policy,
                ).run()
        finally:
            await producer.stop()

    try:
        async with in_process(main) as running:
            if seen is not None:
                seen.append(running)
            yield database
    finally:
        await database.close()


async def states(database: Database) -> dict[str, str]:
    """Id -> state."""
    return {entry.id: entry.state for entry in await database.read(people.listed)}


async def ended(database: Database, *effects: Effect) -> dict[str, str]:
    """Waits until none of these is open."""

    async def holds() -> bool:
        found = await states(database)
        return all(found.get(effect.id) not in (None, "waiting", "sending") for effect in effects)

    await eventually(holds, what="the effects' ends")
    return await states(database)


async def test_loop__published_twice_and_read_again__is_sent_once(bench: Bench, tmp_path: Path) -> None:
    post = Post()
    first, second = an_effect(1), an_effect(2, customer=2)
    await tick(bench, NOW)
    await publish(bench, a_contact(1), a_contact(2), first, second, first)
    async with sending(bench, post, tmp_path) as database:
        assert set((await ended(database, first, second)).values()) == {"sent"}
        await publish(bench, second, an_effect(3))
        await ended(database, an_effect(3))
        await bench.settled(GROUP, topics.ACTIONS_EFFECTS, topics.ACTIONS_CONTACT)
    assert sorted(post.ids) == sorted([first.id, second.id, an_effect(3).id])
    assert post.sent[0].contact is not None
    assert post.sent[0].contact.email is not None
    outcomes = [one for one in await bench.outcomes() if one["kind"] == "effect"]
    assert {(one["effect"], one["result"]) for one in outcomes} == {(id_, "applied") for id_ in post.ids}


async def test_loop__consent_withdrawn_before_it_is_sent__is_not_sent_and_says_why(
    bench: Bench, tmp_path: Path
) -> None:
    post = Post()
    effect, other = an_effect(5), an_effect(6, customer=2)
    await tick(bench, NOW)
    await publish(bench, a_contact(1), effect, a_contact(1, offset=9, subscribed=False), a_contact(2), other)
    async with sending(bench, post, tmp_path) as database:
        assert (await ended(database, effect, other))[effect.id] == "cancelled"
    assert post.ids == [other.id]
    (told,) = [one for one in await bench.outcomes() if one.get("effect") == effect.id]
    assert (told["result"], told["reason"]) == ("skipped", "consent_withdrawn")


async def test_loop__each_kind_of_trouble__ends_as_the_sender_says(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "_PAUSE_S", 0.1)
    post = Post()
    later, doubt, refused, crash, paused = (an_effect(number, customer=number) for number in range(1, 6))
    post.trouble = {
        later.id: [NotNow("busy", delay_s=0.1)] * 2,
        doubt.id: [InDoubt("line broke")],
        refused.id: [Refused("no_such_template", "thank-you")],
        crash.id: [ZeroDivisionError()],
        paused.id: [PauseConsumer("key")],
    }
    await tick(bench, NOW)
    await publish(bench, *(a_contact(number) for number in range(1, 6)), later, doubt, refused, crash, paused)
    async with sending(bench, post, tmp_path) as database:
        found = await ended(database, later, doubt, refused, crash, paused)
        assert [found[one.id] for one in (later, doubt, refused, crash, paused)] == [
            "sent",
            "unknown",
            "refused",
            "unknown",
            "sent",
        ]
        # A person looks into it, and sends the one again.
        (entry,) = await database.read(lambda connection: people.listed(connection, id=doubt.id))
        assert await database.write(
            lambda connection: people.send_again(connection, entry, reason="it never came", who="ada")
        )
        assert (await ended(database, doubt))[doubt.id] == "sent"
    assert sorted(post.ids) == sorted([later.id, paused.id, doubt.id])
    assert next(letter for letter in post.sent if letter.effect.id == doubt.id).again


@pytest.mark.parametrize(("keyed", "state", "count"), [(False, "unknown", 0), (True, "sent", 1)])
async def test_loop__the_call_was_under_way_when_the_worker_was_lost__only_a_keyed_sender_asks_again(
    bench: Bench, tmp_path: Path, keyed: bool, state: str, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "_DRAIN_S", 0.1)
    effect, lost = an_effect(), Post(keyed=keyed)
    lost.hangs.add(effect.id)
    lost.deadline_s = 60.0
    await tick(bench, NOW)
    await publish(bench, a_contact(1), effect)
    async with sending(bench, lost, tmp_path) as database:
        await lost.stuck.wait()
    database = open_database(f"sqlite:///{tmp_path / 'book.db'}")
    assert await states(database) == {effect.id: "sending"}

    def overdue(connection: Connection) -> None:
        connection.execute(update(rows.BOOK).values(until=1.0))

    await database.write(overdue)
    await database.close()
    post = Post(keyed=keyed)
    async with sending(bench, post, tmp_path) as database:
        assert (await ended(database, effect))[effect.id] == state
    assert len(post.sent) == count


async def test_loop__the_stores_clock__decides_on_age_and_quiet_hours(bench: Bench, tmp_path: Path) -> None:
    post = Post()
    old = an_effect(1, expires_at=NOW)
    night = an_effect(2, customer=2, quiet=Quiet(start="11:00", end="13:00", zone="UTC"))
    await tick(bench, NOW)
    await publish(bench, a_contact(1), a_contact(2), old, night)
    async with sending(bench, post, tmp_path) as database:
        assert (await ended(database, old))[old.id] == "expired"

        async def waits() -> bool:
            (entry,) = await database.read(lambda connection: people.listed(connection, id=night.id))
            return entry.reason == "quiet_hours"

        await eventually(waits, what="quiet hours noticed")
        await tick(bench, NOW + timedelta(days=300), store="another")
        await tick(bench, NOW + timedelta(hours=1))
        assert (await ended(database, night))[night.id] == "sent"
    assert post.ids == [night.id]


async def test_loop__one_entry_sends_too_much__the_rest_is_held_for_a_person(bench: Bench, tmp_path: Path) -> None:
    post = Post()
    night = Quiet(start="12:30", end="13:00", zone="UTC")
    many = [an_effect(number, customer=number, quiet=night) for number in range(1, 7)]
    early = an_effect(8, customer=8, quiet=Quiet(start="11:00", end="12:30", zone="UTC"))
    planned = an_effect(9, customer=9, cause=an_effect().cause.__class__(event="activation:1", origin="activation"))
    await tick(bench, NOW)
    await publish(bench, *(a_contact(number) for number in range(1, 10)), *many, early, planned)
    async with sending(bench, post, tmp_path, Policy(guard=3)) as database:
        found = await ended(database, *many, planned)
        held = [effect for effect in many if found[effect.id] == "held"]
        assert len(held) == 3
        assert found[planned.id] == "sent"
        await tick(bench, NOW + timedelta(minutes=45))  # they meet the quiet hours before they go
        assert (await ended(database, early))[early.id] == "held"  # by then the clock was read
        for entry in await database.read(lambda connection: people.listed(connection, states=["held"])):
            await database.write(partial(people.send_again, entry=entry, reason="a real rush", who="ada"))

        async def all_wait() -> bool:
            entries = await database.read(lambda connection: people.listed(connection, states=["waiting"]))
            return [entry.reason for entry in entries] == ["quiet_hours"] * 3

        await eventually(all_wait, what="quiet hours noticed")
        await tick(bench, NOW + timedelta(hours=1))
        assert set((await ended(database, *many)).values()) == {"sent"}
    assert sorted(post.ids) == sorted(effect.id for effect in [*many, early, planned])


class Away(Database):
    """A database that a test takes away at the moment when what was read is to be kept."""

    def __init__(self, opened: Database) -> None:
        super().__init__(opened.engine)
        self.away = False
        self.asked = asyncio.Event()

    async def write(self, act: Callable[[Connection], R]) -> R:
        if self.away and "_take_in" in act.__qualname__:
            self.asked.set()
            raise OperationalError("", None, ConnectionError())
        return await super().write(act)


async def test_loop__stopped_while_the_database_is_away__what_was_read_is_read_again(
    bench: Bench, tmp_path: Path
) -> None:
    post, first, second = Post(), an_effect(1), an_effect(2)
    await tick(bench, NOW)
    await publish(bench, a_contact(1), first)
    url = f"sqlite:///{tmp_path / 'book.db'}"
    away = Away(open_database(url))
    async with sending(bench, post, tmp_path, database=away):
        await ended(away, first)
        away.away = True
        await publish(bench, second)
        async with asyncio.timeout(20):
            await away.asked.wait()
    async with sending(bench, post, tmp_path) as database:
        await ended(database, second)
    assert post.ids == [first.id, second.id]


async def test_loop__what_nobody_could_ever_look_at__is_set_aside_and_holds_nothing_up(
    bench: Bench, tmp_path: Path
) -> None:
    post, good = Post(), an_effect(1)
    zone = an_effect(2, quiet=Quiet(start="22:00", end="06:00", zone="Mars/Olympus"))
    cap = an_effect(3, cap=Cap(at_most=1, per_s=10**18))
    await tick(bench, NOW)
    await publish(bench, a_contact(1), zone, cap)
    await bench.publish_raw([(topics.ACTIONS_EFFECTS, good.customer.encode(), b"{")])
    await publish(bench, good)
    async with sending(bench, post, tmp_path) as database:
        await ended(database, good)
        assert list(await states(database)) == [good.id]
    assert {letter["detail"] for letter in await bench.dead_letters()} == {
        "DecodeError",
        "ZoneInfoNotFoundError",
        "OverflowError",
    }


async def test_loop__the_first_contact_comes_after_the_effect__it_is_waited_for(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "_CONTACT_AGAIN_S", 0.1)
    post, effect = Post(), an_effect()
    await tick(bench, NOW)
    await publish(bench, effect)
    async with sending(bench, post, tmp_path) as database:

        async def waits() -> bool:
            found = await database.read(people.listed)
            return bool(found) and found[0].reason == "no_contact"

        await eventually(waits, what="no contact")
        await publish(bench, a_contact())
        assert (await ended(database, effect))[effect.id] == "sent"
        monkeypatch.setattr(loop, "_CONTACT_LATE_S", 0.2)
        nobody = an_effect(9, customer=9)
        await publish(bench, nobody)
        assert (await ended(database, nobody))[nobody.id] == "cancelled"


async def test_loop__another_worker_joins_while_a_call_is_on_its_way__it_goes_on_and_is_not_repeated(
    bench: Bench, tmp_path: Path
) -> None:
    first, second, effect = Post(), Post(), an_effect()
    first.deadline_s = second.deadline_s = 30.0
    first.holds.add(effect.id)
    await tick(bench, NOW)
    await publish(bench, a_contact(), effect)
    async with sending(bench, first, tmp_path) as database:
        async with asyncio.timeout(20):
            await first.stuck.wait()
        async with sending(bench, second, tmp_path):
            later: list[Effect] = []

            async def has_some() -> bool:
                number = 2 + len(later)
                later.append(an_effect(number, customer=number))
                await publish(bench, a_contact(number), later[-1])
                return bool(second.ids)

            await eventually(has_some, what="partitions of its own")
            await ended(database, *later)
            assert (await states(database))[effect.id] == "sending"
            first.go.set()
            assert (await ended(database, effect))[effect.id] == "sent"
    assert sorted(first.ids + second.ids) == sorted(one.id for one in [effect, *later])


async def test_loop__resent_by_a_person_and_in_doubt_again__asks_again(bench: Bench, tmp_path: Path) -> None:
    post, effect = Post(), an_effect()
    post.trouble = {effect.id: [InDoubt("once"), InDoubt("twice")]}
    await tick(bench, NOW)
    await publish(bench, a_contact(), effect)
    async with sending(bench, post, tmp_path) as database:
        for reason in ("once", "twice"):
            assert (await ended(database, effect))[effect.id] == "unknown"
            (entry,) = await database.read(people.listed)
            assert entry.reason == reason
            await database.write(partial(people.send_again, entry=entry, reason="never came", who="ada"))
        assert (await ended(database, effect))[effect.id] == "sent"
    assert post.ids == [effect.id]


@pytest.mark.parametrize(("word", "state"), [("withdrawn", "cancelled"), ("old", "unknown")])
async def test_loop__resent_by_a_person__consent_holds_and_age_asks_again(
    bench: Bench, tmp_path: Path, word: str, state: str
) -> None:
    post, effect = Post(), an_effect()
    post.trouble = {effect.id: [InDoubt("line broke")]}
    await tick(bench, NOW)
    await publish(bench, a_contact(), effect)
    async with sending(bench, post, tmp_path) as database:
        assert (await ended(database, effect))[effect.id] == "unknown"
        if word == "old":
            await tick(bench, effect.expires_at)
        else:
            await publish(bench, a_contact(offset=9, subscribed=False))
        age = NOW + timedelta(days=9) if word == "withdrawn" else effect.expires_at
        other = an_effect(2, customer=1, kind="notify_staff", expires_at=age)
        await publish(bench, other)
        await ended(database, other)  # by then it has read so far
        (entry,) = await database.read(lambda connection: people.listed(connection, id=effect.id))
        await database.write(partial(people.send_again, entry=entry, reason="never came", who="ada"))
        assert (await ended(database, effect))[effect.id] == state
        assert effect.id not in post.ids
        (entry,) = await database.read(lambda connection: people.listed(connection, id=effect.id))
        again = partial(people.send_again, entry=entry, reason="late is better", who="ada", late=True)
        assert await database.write(again) is (word == "old")
        assert (await ended(database, effect))[effect.id] == ("sent" if word == "old" else "cancelled")
    assert (effect.id in post.ids) is (word == "old")


async def test_loop__no_clock_in_the_log__nothing_goes_out_and_it_says_so(bench: Bench, tmp_path: Path) -> None:
    post, seen = Post(), list[Running]()
    await publish(bench, a_contact(), an_effect())
    async with sending(bench, post, tmp_path, seen=seen) as database:

        async def told() -> bool:
            return any("clock" in reason for reason in seen[0].health.reasons)

        await eventually(told, what="the reason")
        assert post.ids == []
        await tick(bench, NOW)
        assert (await ended(database, an_effect()))[an_effect().id] == "sent"

        async def ready() -> bool:
            return seen[0].health.ready

        await eventually(ready, what="readiness")
