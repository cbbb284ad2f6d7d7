"""200 SIGKILLs between the vendor's answer and our record, 200 between record and call: nothing is sent twice or lost.

Real processes on real Kafka, each of which catches up to three effects. Half of the places are a call that the vendor
holds, before or after doing it; half are exact to the line (`killed.py`). The vendors' own counts judge.
"""

import asyncio
import itertools
import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, Literal

import psycopg
import pytest
from aiokafka.admin import NewTopic
from sqlalchemy import Connection, select

from headrace.consumer.database import Database, open_database
from headrace.consumer.effects.rows import BOOK
from headrace.consumer.ledger import migrate_ledger
from headrace.contracts import topics
from headrace.contracts.effects import Effect
from headrace.runtime.kafka import make_admin, make_producer, topic
from headrace.runtime.settings import ServiceSettings
from services.actions.effects.coupon import coupon_code
from tests.headrace.consumer.effects.made import NOW, STORE, a_contact, an_effect
from tests.services.actions.effects.at_work import clock, ended, records, smtp_fields, start, states, working
from tests.services.consumer_harness import Bench, bench_of, eventually

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(2400)]
KILLS: Final = int(os.environ.get("HEADRACE_EFFECT_KILLS", "200"))
"""At each of the two places, over all vendors."""
LANES: Final = 3
"""Groups side by side for a vendor: Kafka lets a killed member go after 6 s."""
AT_ONCE: Final = 3
_REST_AFTER: Final = 8
_WITHIN_S: Final = 180.0
SECRET: Final = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
KEY: Final = "coupons"
Place = Literal["answer and record", "record and call"]
PLACES: Final[tuple[Place, ...]] = ("answer and record", "record and call")
_NEEDED: Final = (topics.EVENTS, topics.ACTIONS_EFFECTS, topics.ACTIONS_CONTACT, topics.OUTCOMES, topics.DEAD_LETTERS)


@dataclass(frozen=True)
class Vendor:
    """`before`, `after`: which call is held when nothing was done yet, and which when it was."""

    name: str
    sink: str
    keyed: bool
    kind: str
    fields: Callable[[Bench, Path], dict[str, Any]]
    with_: Callable[[Bench], dict[str, Any]]
    before: Mapping[str, str]
    after: Mapping[str, str]
    known_by: Callable[[str], str] = str


def _sendgrid(bench: Bench, _: Path) -> dict[str, Any]:
    address, key = bench.addresses.sendgrid, "sendgrid-key"
    return {
        "effects_email": "sendgrid",
        "sendgrid_url": address,
        "sendgrid_key": key,
        "mail_from": "shop@shop.example",
    }


def _coupon(bench: Bench, _: Path) -> dict[str, Any]:
    return {
        "bigcommerce_url": bench.addresses.bigcommerce,
        "bigcommerce_token": "token",
        "hash_key": "key",
        "bigcommerce_quota_share": 1.0,
        "effects_quota_weight": 1.0,
        "effects_coupon_key": KEY,
    }


def _webhook(_: Bench, __: Path) -> dict[str, Any]:
    return {"effects_webhook_secret": SECRET, "effects_webhook_allow": "127.0.0.0/8"}


_SEND: Final = {"vendor": "sendgrid", "method": "POST", "path": "/v3/mail/send"}
_COUPONS: Final = {"vendor": "bigcommerce", "method": "POST", "path": "/v2/coupons"}
_HOOKS: Final = {"vendor": "receiver"}
VENDORS: Final = (
    Vendor(
        name="SMTP",
        sink="smtp",
        keyed=False,
        kind="send_email",
        fields=smtp_fields,
        with_=lambda _: {"template": "thanks"},
        before={"vendor": "smtp", "method": "MAIL"},
        after={"vendor": "smtp", "method": "DATA"},
    ),
    Vendor(
        name="SendGrid",
        sink="sendgrid",
        keyed=False,
        kind="send_email",
        fields=_sendgrid,
        with_=lambda _: {"template": "d-1"},
        before=_SEND,
        after=_SEND,
    ),
    Vendor(
        name="coupons",
        sink="coupon",
        keyed=True,
        kind="issue_coupon",
        fields=_coupon,
        with_=lambda _: {"percent": 10},
        before=_COUPONS,
        after=_COUPONS,
        known_by=lambda effect: coupon_code(effect, KEY.encode()),
    ),
    Vendor(
        name="webhooks",
        sink="webhook",
        keyed=True,
        kind="webhook",
        fields=_webhook,
        with_=lambda bench: {"url": f"{bench.addresses.receiver}/hooks/erp"},
        before=_HOOKS,
        after=_HOOKS,
    ),
)


@dataclass
class Lane:
    """One group of consumers, with vendors, topics and a book of its own."""

    vendor: Vendor
    bench: Bench
    folder: Path
    database_url: str
    fields: Mapping[str, Any]
    landed: Counter[Place]
    """Kills that caught an effect, of all lanes of this vendor."""
    database: Database
    effects: dict[str, Effect] = field(default_factory=dict)
    caught: dict[str, Place] = field(default_factory=dict)
    """Effects that a kill found under way, and where it found them last."""
    done: Counter[Place] = field(default_factory=Counter)
    """How many of those the vendor had carried out by then."""
    missed: int = 0
    _process: asyncio.subprocess.Process | None = None
    _workers: set[str] = field(default_factory=set)
    _numbers: Any = field(default_factory=lambda: itertools.count(1))

    async def run(self) -> None:
        for turn in itertools.count():
            place = PLACES[turn % 2]
            if all(self.landed[each] >= KILLS // len(VENDORS) for each in PLACES):
                break
            if self.landed[place] < KILLS // len(VENDORS):
                await self._kill(place, by_itself=turn // 2 % 2 == 0)
            if self.vendor.keyed and turn % _REST_AFTER == _REST_AFTER - 1:
                await self._rest()
        await self.bench.session.delete(f"{self.bench.addresses.bigcommerce}/_sim/faults")
        await self._publish(1)  # and one that nobody disturbs
        async with working(self.bench, self.database_url, self.fields, log=self.folder / "log"):
            await ended(self.database, self.effects, deadline_s=240)

    async def _rest(self) -> None:
        """Undisturbed for once, until nothing waits: else the oldest would be tried, and killed, for ever."""
        await self._publish(1)
        newest = next(reversed(self.effects))
        async with working(self.bench, self.database_url, self.fields, log=self.folder / "log"):

            async def holds() -> bool:
                found = await states(self.database)
                return found.get(newest) == "sent" and "waiting" not in found.values()

            await eventually(holds, what="nothing waits", deadline_s=_WITHIN_S)

    async def _kill(self, place: Place, *, by_itself: bool) -> None:
        await self._publish(AT_ONCE)
        counted = self._counts()
        if by_itself:
            at = "answered" if place == "answer and record" else "claimed"
            command = ("-m", "tests.services.actions.effects.killed", "effects")
            process = await self._start(command=command, environment={"KILLED_AT": at})
            try:
                await asyncio.wait_for(process.wait(), _WITHIN_S)
            except TimeoutError:
                raise AssertionError(f"{self.folder.name}: nothing to be killed for\n{self._log()}") from None
        else:
            after = place == "answer and record"
            match, reply = (self.vendor.after, {"after": True}) if after else (self.vendor.before, {"drop": True})
            await self.bench.fault(match, {**reply, "pause": "kill"}, times=None)
            process = await self._start()
            assert await self.bench.simulator.hold.until(1, "kill", deadline_s=_WITHIN_S), self._log()
            process.send_signal(signal.SIGKILL)
            await process.wait()
            # What was not done by now is not done afterwards either: its line is cut.
            await self.bench.session.delete(f"{self.bench.addresses.bigcommerce}/_sim/faults")
        assert process.returncode == -signal.SIGKILL, self._log()
        await self._note(place, counted)

    async def _start(self, **how: Any) -> asyncio.subprocess.Process:
        self._process = await start(self.bench, self.database_url, self.fields, log=self.folder / "log", **how)
        return self._process

    def end(self) -> None:
        """Leaves no process behind."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()

    async def _note(self, place: Place, counted: Mapping[str, int]) -> None:
        """Whether a call lay where it had to: under way in the book, and (not) done at the vendor."""

        def under_way(connection: Connection) -> list[tuple[str, str]]:
            query = select(BOOK.c.id, BOOK.c.worker).where(BOOK.c.state == "sending")
            return [(name, worker) for name, worker in connection.execute(query)]

        rows = [row for row in await self.database.read(under_way) if row[1] not in self._workers]
        self._workers |= {worker for _, worker in rows}
        counts = self._counts()
        done = [one for one, _ in rows if counts.get(one, 0) > counted.get(one, 0) or self._asked_before(one, counted)]
        self.caught |= {one: place for one, _ in rows}
        self.done[place] += len(done)
        # Where ids are known an effect is tried again, by a process that is killed too: it may be done already.
        fits = bool(done) if place == "answer and record" else len(done) < len(rows) or self.vendor.keyed
        if rows and fits:
            self.landed[place] += 1
        else:
            self.missed += 1

    def _asked_before(self, one: str, counted: Mapping[str, int]) -> bool:
        """Done already when this process began: a vendor that knows ids does it no second time."""
        return self.vendor.keyed and counted.get(one, 0) > 0

    def _counts(self) -> dict[str, int]:
        by_key = {self.vendor.known_by(one): one for one in self.effects}
        kept = self.bench.simulator.effects.of(self.vendor.sink)
        return {by_key[one.id]: one.count for one in kept}

    async def _publish(self, count: int) -> None:
        numbers = [next(self._numbers) for _ in range(count)]
        made = [
            an_effect(
                number,
                customer=number,
                kind=self.vendor.kind,
                with_=self.vendor.with_(self.bench),
                expires_at=NOW + timedelta(days=1),
            )
            for number in numbers
        ]
        self.effects |= {effect.id: effect for effect in made}
        settings = self.bench.settings
        producer = make_producer(settings)
        await producer.start()
        try:
            for name, key, value in records(*(a_contact(number) for number in numbers), *made):
                await producer.send(topic(settings, name), value, key=key, partition=0)
            at = topic(settings, topics.EVENTS)
            await producer.send_and_wait(at, clock(STORE, NOW), key=topics.PARTITION_WIDE_KEY, partition=0)
        finally:
            await producer.stop()

    async def check(self) -> dict[str, Any]:
        """Every effect has one end, as its vendor's count and the kills want it; the figures."""
        found, counts = await states(self.database), self._counts()
        assert set(found) == set(self.effects), "none is missing from both"
        unknown = {one for one, state in found.items() if state == "unknown"}
        sent = {one for one, state in found.items() if state == "sent"}
        assert unknown | sent == set(self.effects)
        assert max(counts.values()) == 1
        assert all(counts.get(one) == 1 for one in sent)
        if self.vendor.keyed:
            assert not unknown
        else:
            assert unknown == set(self.caught)
            assert unknown == await self._told_unknown()
        totals = self.bench.simulator.effects.totals()[self.vendor.sink]
        if self.vendor.sink == "coupon":
            codes = [row.code for row in self.bench.simulator.world.coupons.rows.values()]
            assert sorted(codes) == sorted(map(self.vendor.known_by, self.effects))
        if self.vendor.sink == "webhook":
            bodies = {(request.id, request.body) for request in self.bench.simulator.receiver.requests}
            assert len(bodies) == len(self.effects), "the same bytes each time"
        return {
            "effects": len(found),
            "sent": len(sent),
            "unknown": len(unknown),
            "unknown that the vendor did": sum(counts.get(one, 0) for one in unknown),
            "asked at the vendor": totals["asked"],
            "most": totals["most"],
            "missed": self.missed,
            **{f"caught between {place}": sum(each == place for each in self.caught.values()) for place in PLACES},
        }

    async def _told_unknown(self) -> set[str]:
        """As `headrace effects unknown` lists them."""
        named = {"HEADRACE_DATABASE_URL": self.database_url, "HEADRACE_STORE": STORE}
        command = (sys.executable, "-m", "headrace.cli.main", "effects", "unknown", "--json", "--last", "10000")
        asked = await asyncio.create_subprocess_exec(
            *command, env=os.environ | named, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        said, trouble = await asked.communicate()
        assert asked.returncode == 0, trouble.decode()
        return {row["id"] for row in json.loads(said)["effects"]}

    def _log(self) -> str:
        return (self.folder / "log").read_text()[-3000:]


@pytest.fixture
async def lanes(kafka_settings: ServiceSettings, postgres_url: str, tmp_path: Path) -> AsyncIterator[list[Lane]]:
    async with AsyncExitStack() as stack:
        made: list[Lane] = []
        for vendor in VENDORS:
            landed: Counter[Place] = Counter()
            for number in range(LANES):
                name = f"{vendor.name.lower()}{number}"
                folder = tmp_path / name
                folder.mkdir()
                prefix = f"{kafka_settings.topic_prefix}{name}."
                settings = kafka_settings.model_copy(update={"topic_prefix": prefix})
                await _make_topics(settings)
                bench = await stack.enter_async_context(bench_of(settings, receiver_secret=SECRET))
                url = _in_postgres(postgres_url, name) if number == 0 else f"sqlite:///{folder / 'book.db'}"
                database = open_database(url)
                stack.push_async_callback(database.close)
                migrate_ledger(database)
                made.append(Lane(vendor, bench, folder, url, vendor.fields(bench, folder), landed, database))
        try:
            yield made
        finally:
            for lane in made:
                lane.end()


async def _make_topics(settings: ServiceSettings) -> None:
    admin = make_admin(settings)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic(settings, name), 1, 1) for name in _NEEDED])
    finally:
        await admin.close()


def _in_postgres(server: str, name: str) -> str:
    """A database of its own there."""
    named = f"{name}_{time.time_ns()}"
    with psycopg.connect(server.replace("+psycopg", ""), autocommit=True) as admin:
        admin.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(named)))
    before, _, query = server.partition("?")
    return f"{before.rpartition('/')[0]}/{named}" + (f"?{query}" if query else "")


async def test_effects__killed_around_each_call__no_vendor_is_asked_for_one_twice_and_none_is_lost(
    lanes: list[Lane], capsys: pytest.CaptureFixture[str]
) -> None:
    began = time.monotonic()
    async with asyncio.TaskGroup() as tasks:
        for lane in lanes:
            tasks.create_task(lane.run())
    figures: dict[str, Counter[str]] = {vendor.name: Counter() for vendor in VENDORS}
    for lane in lanes:
        figures[lane.vendor.name].update({k: v for k, v in (await lane.check()).items() if k != "most"})
    landed = {vendor.name: next(lane.landed for lane in lanes if lane.vendor is vendor) for vendor in VENDORS}
    with capsys.disabled():
        lines = [f"{name}: SIGKILLs {dict(landed[name])}; {dict(figure)}" for name, figure in figures.items()]
        sys.stdout.write("\n".join(["", f"{time.monotonic() - began:.0f} s, {len(lanes)} groups", *lines, ""]))
    for place in PLACES:
        assert sum(each[place] for each in landed.values()) >= KILLS, place
