"""Several stores in one process of ingest: who is served by what, and that one's trouble is nobody else's."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

from headrace.contracts import topics
from headrace.contracts.actions import encode
from headrace.contracts.events import Event, OrderSnapshot, decode_event
from headrace.runtime.kafka import make_admin, make_producer, read_to_end, topic
from headrace.runtime.process import Running
from headrace.runtime.settings import ServiceSettings, SettingsError, settings_of
from headrace.runtime.stores import StoreEntry
from services.ingest import stores
from services.ingest.bootstrap import run_feed, run_hydrate
from services.ingest.hook_verb import run_verb as run_hooks
from services.ingest.importing.verb import run_verb as run_import
from services.ingest.own_clock import run_clock
from services.ingest.settings import (
    ClockSettings,
    FeedSettings,
    HydrateSettings,
    ReceiveSettings,
    SuppressionSettings,
)
from services.ingest.suppressions import run_suppressions
from services.ingest.vendor_troubles import UNAUTHORIZED, UNAVAILABLE
from services.ingest.webhook import notice_key, notice_of
from tests.services.ingest.shop import Shop, customer, free_port, open_shop, order

S = TypeVar("S", bound=ServiceSettings)
BIGCOMMERCE = {"bigcommerce_token": "token"}
KLAVIYO = {"klaviyo_key": "klaviyo-key"}
REFUSED = {"match": {"method": "GET"}, "reply": {"status": 401, "body": {"title": "no"}}, "times": 10_000}


@pytest.mark.parametrize(
    ("entry", "chosen"),
    [
        (StoreEntry(), {ReceiveSettings, HydrateSettings, FeedSettings, ClockSettings, SuppressionSettings}),
        (StoreEntry("a", {}, ("a", "b")), {ReceiveSettings, ClockSettings}),
        (StoreEntry("a", BIGCOMMERCE, ("a", "b")), {ReceiveSettings, HydrateSettings, FeedSettings}),
        (StoreEntry("a", KLAVIYO, ("a",)), {ReceiveSettings, ClockSettings, SuppressionSettings}),
        (
            StoreEntry("a", BIGCOMMERCE | KLAVIYO, ("a", "b")),
            {ReceiveSettings, HydrateSettings, FeedSettings, SuppressionSettings},
        ),
    ],
)
def test_of__what_a_store_has__the_processes_that_serve_it(entry: StoreEntry, chosen: set[type]) -> None:
    choosers = (stores.of_receive, stores.of_hydrate, stores.of_feed, stores.of_clock, stores.of_suppressions)
    assert {found for choose in choosers if (found := choose(entry)) is not None} == chosen


@pytest.mark.parametrize(
    ("url", "own", "fine"),
    [
        ("https://x.example/webhooks/bigcommerce/{store}", {}, True),
        ("https://x.example/webhooks/bigcommerce/a", {}, True),
        ("https://x.example/webhooks/bigcommerce/b", {}, False),
        ("https://x.example/hooks", {"webhook_url": "https://y.example/hooks"}, True),
        ("", {}, True),
        ("", {"webhook_url": "https://x.example/webhooks/bigcommerce/a"}, True),
        ("", {"webhook_url": "https://x.example/webhooks/bigcommerce/b"}, False),
        ("https://x.example/webhooks/bigcommerce/b", {"webhook_url": "https://a.example/hooks"}, True),
    ],
)
def test_of_hydrate__one_address_for_several_stores__refused(
    url: str, own: dict[str, str], fine: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADRACE_WEBHOOK_URL", url)
    entry = StoreEntry("a", BIGCOMMERCE | own, ("a", "b"))
    if fine:
        assert stores.of_hydrate(entry) is HydrateSettings
    else:
        with pytest.raises(SettingsError, match=r"is no address of store a: write \{store\} in it"):
            stores.of_hydrate(entry)
    assert stores.of_hydrate(replace(entry, among=())) is HydrateSettings


def test_of_hydrate__store_without_webhooks__needs_no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_WEBHOOK_URL", "https://x.example/webhooks/bigcommerce/b")
    assert stores.of_hydrate(StoreEntry("a", {}, ("a", "b"))) is None


def test_clock__all_stores_have_a_feed__says_why_there_is_none_to_serve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text("t")
    (tmp_path / "stores.yaml").write_text("stores: {a: {bigcommerce_token_file: token}}")
    environment = {**os.environ, "HEADRACE_STORES": str(tmp_path / "stores.yaml"), "HEADRACE_STORE": ""}
    ended = subprocess.run(
        [sys.executable, "-m", "services.ingest", "clock"], env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2
    assert "a have a feed, which writes their clock" in ended.stderr


async def test_in_lanes__one_store__the_process_itself() -> None:
    running, served = Running(), []

    async def lane(settings: ServiceSettings, own: Running) -> None:
        served.append((settings.store, own is running))

    await stores.in_lanes(lane)([ServiceSettings(kafka_bootstrap_servers="k", store="a")], running)
    assert served == [("a", True)]


@pytest.fixture
def stores_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "stores.yaml"
    path.write_text("stores:\n  a: {}\n  b: {mailchimp_list: x}\n")
    monkeypatch.setenv("HEADRACE_STORES", str(path))
    return path


@pytest.mark.parametrize(
    ("variables", "message", "hint"),
    [
        ({}, "HEADRACE_STORE: is missing: name one of a, b (--store)", "name the store with --store"),
        ({"STORE": "z"}, "has no store of this name; it has a, b", "name the store with --store"),
        ({"STORE": "b"}, "HEADRACE_BIGCOMMERCE_TOKEN: is missing: store b needs `bigcommerce_token_file:`", "set them"),
        ({"STORE": "a", "WEBHOOK_URL": "https://x.example"}, "write {store} in it", "set them"),
    ],
)
def test_hooks__several_stores__says_what_to_name(
    stores_file: Path,
    variables: dict[str, str],
    message: str,
    hint: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(f"HEADRACE_{name}", value)
    assert run_hooks([]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert (message in error["message"], error["hint"].startswith(hint)) == (True, True), error


def test_import__several_stores__says_what_to_name(
    stores_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = stores_file.with_name("rows.csv")
    rows.write_text("customer,email\n5,jo@example.com\n")
    assert run_import([str(rows), "--dry-run"]) == 2
    assert "name one of a, b (--store)" in json.loads(capsys.readouterr().out)["error"]["message"]
    monkeypatch.setenv("HEADRACE_STORE", "b")
    assert run_import([str(rows), "--dry-run"]) != 2, capsys.readouterr().out


class Street:
    """Simulated stores side by side over one Kafka, and one process that serves them all."""

    def __init__(self, kafka: ServiceSettings, shops: dict[str, Shop], among: tuple[str, ...]) -> None:
        self.kafka = kafka
        self.shops = shops
        self.among = among

    def settings(self, cls: type[S], store: str, **given: Any) -> S:
        """A store's, as if from the file. A store without a shop is at an address where nobody answers."""
        shop = self.shops.get(store)
        nobody = f"http://127.0.0.1:{free_port()}"
        values = {
            **BIGCOMMERCE,
            **KLAVIYO,
            "bigcommerce_url": shop.url if shop else nobody,
            "klaviyo_url": shop.klaviyo if shop else nobody,
        }
        kept = {name: value for name, value in self.kafka.model_dump().items() if name != "store"}
        common = {"hash_key": "hk", "unauthorized_retry_s": 0.2}
        known = {name: value for name, value in common.items() if name in cls.model_fields}
        return settings_of(StoreEntry(store, values, self.among), cls, **kept, **known, **given)

    @asynccontextmanager
    async def serving(self, lane: Any, cls: type[ServiceSettings], **given: Any) -> AsyncIterator[Running]:
        """Beside the block: all stores in one process."""
        running = Running()
        settings = [self.settings(cls, store, **given) for store in self.among]
        task: asyncio.Future[None] = asyncio.ensure_future(stores.in_lanes(lane)(settings, running))
        running.health.clear("starting")
        try:
            yield running
        finally:
            running.stopping.set()
            await task

    async def events(self) -> list[Event]:
        """All that stands in the log."""
        records = await read_to_end(self.kafka, topic(self.kafka, topics.EVENTS))
        return [decode_event(record.value or b"") for record in records]

    async def orders(self) -> dict[str, str]:
        """The customer's company by the subject of an order: whose data it is."""
        events = await self.events()
        names = {event.envelope.subject: event.data for event in events if event.envelope.type == "customer.snapshot"}
        found = {event.envelope.subject for event in events if isinstance(event.data, OrderSnapshot)}
        return {subject: getattr(names.get(subject), "company", "") for subject in found}

    async def until(self, what: str, holds: Any, deadline_s: float = 30.0) -> None:
        """Fails after the deadline."""
        try:
            async with asyncio.timeout(deadline_s):
                while not await holds():
                    await asyncio.sleep(0.1)
        except TimeoutError:
            pytest.fail(f"{what}: {await self.orders()}")


@asynccontextmanager
async def open_street(kafka: ServiceSettings, *names: str, without: tuple[str, ...] = ()) -> AsyncIterator[Street]:
    """The same customer and order, by their ids, in each store; its company is the store's."""
    async with AsyncExitStack() as opened:
        shops = {}
        for name in names:
            shop = await opened.enter_async_context(open_shop(kafka.model_copy(update={"store": name}), speed=20))
            await shop.operate(customer(7, company=name), order(100, 7))
            shops[name] = shop
        yield Street(kafka, shops, (*names, *without))


async def _notices(street: Street, *others: tuple[bytes, bytes]) -> None:
    """Of the order in each store, and what else is given as key and value."""
    producer = make_producer(street.kafka)
    await producer.start()
    told = [notice_of("order", 100, store=store, at=datetime.now(UTC)) for store in street.among]
    for key, value in (*others, *((notice_key(notice), encode(notice)) for notice in told)):
        await producer.send_and_wait(topic(street.kafka, topics.NOTICES), value, key=key)
    await producer.stop()


async def _position(street: Street, store: str) -> int:
    """How many notices a store's hydrate has behind it."""
    admin = make_admin(street.kafka)
    await admin.start()
    try:
        found = await admin.list_consumer_group_offsets(topic(street.kafka, f"hydrate.{store}"))
    finally:
        await admin.close()
    return sum(int(each.offset) for each in found.values() if each.offset > 0)


async def _hydrate_but_d(settings: HydrateSettings, running: Running) -> None:
    if settings.store == "d":
        raise ValueError("a fault of ours")
    await run_hydrate(settings, running)


async def test_hydrate__others_refuse_are_away_and_crash__a_stores_notices_become_events(
    topics_created: ServiceSettings,
) -> None:
    async with open_street(topics_created, "a", "b", without=("c", "d")) as street:
        await street.shops["a"].faults(REFUSED)
        await _notices(street, (b"b:order:9", b"no notice"), (b"a:order:9", b"no notice"), (b"nobody's", b"no notice"))

        async def is_served(*names: str) -> bool:
            return await street.orders() == {f"{name}:7": name for name in names}

        async def is_past() -> bool:
            return await _position(street, "b") == 7

        async with street.serving(_hydrate_but_d, HydrateSettings) as running:
            await street.until("store b", lambda: is_served("b"))
            await street.until("store b past the others' notices", is_past)
            assert await _position(street, "a") < 7
            await street.until("the troubles told", lambda: _told(running, f"a: {UNAUTHORIZED}", "d: crashed"))
            assert running.health.ready
            await street.shops["a"].http.delete(f"{street.shops['a'].url}/_sim/faults")
            await street.until("store a", lambda: is_served("a", "b"))
        letters = await read_to_end(topics_created, topic(topics_created, topics.DEAD_LETTERS))
    assert sorted(record.key or b"" for record in letters) == [b"a:order:9", b"b:order:9", b"nobody's"]


async def _told(running: Running, *notes: str) -> bool:
    return {*notes} <= {*running.health.notes}


@pytest.mark.slow
async def test_feed__one_store_refuses__the_others_past_comes_in_and_stays_apart(
    topics_created: ServiceSettings,
) -> None:
    async with open_street(topics_created, "a", "b", without=("c",)) as street:
        await street.shops["a"].faults(REFUSED)

        async def progress() -> set[str]:
            records = await read_to_end(topics_created, topic(topics_created, topics.OWNERS))
            return {key for record in records if (key := (record.key or b"").decode()).startswith("~")}

        async def clocks() -> set[str]:
            return {event.data.store for event in await street.events() if event.envelope.type == "clock"}  # type: ignore[union-attr]

        async with street.serving(run_feed, FeedSettings, backfill=True, settle_s=0):

            async def b_alone() -> bool:
                return await street.orders() == {"b:7": "b"} and await clocks() == {"b"}

            async def both() -> bool:
                return await street.orders() == {"a:7": "a", "b:7": "b"} and await clocks() == {"a", "b"}

            await street.until("store b", b_alone)
            assert await progress() == {"~feed:b"}
            await street.shops["a"].http.delete(f"{street.shops['a'].url}/_sim/faults")
            await street.until("store a", both)
            assert await progress() == {"~feed:a", "~feed:b"}


@pytest.mark.slow
async def test_clock_and_suppressions__two_stores__each_its_own_record(topics_created: ServiceSettings) -> None:
    async with open_street(topics_created, "a", "b", without=("c",)) as street:

        async def keys(kind: str) -> set[str]:
            records = await read_to_end(topics_created, topic(topics_created, topics.OWNERS))
            return {key for record in records if (key := (record.key or b"").decode()).startswith(kind)}

        async def all_clocks() -> bool:
            return await keys("~feed:") == {"~feed:a", "~feed:b", "~feed:c"}

        async with street.serving(run_clock, ClockSettings, pass_every_s=0.2, settle_s=0):
            await street.until("the clocks", all_clocks)
        async with street.serving(run_suppressions, SuppressionSettings, every_s=0.5) as running:
            await street.until("the trouble told", lambda: _told(running, f"c: {UNAVAILABLE}"), 150.0)
            assert running.health.ready


@pytest.mark.slow
async def test_receive__the_process_itself_with_a_file__each_store_by_its_own_key(
    topics_created: ServiceSettings, tmp_path: Path
) -> None:
    port, health = free_port(), free_port()
    (tmp_path / "key").write_text("own-key-of-b\n")
    (tmp_path / "stores.yaml").write_text(
        "stores:\n  a: {own_snapshots: true}\n  b:\n    api_key_file: key\n    mailchimp_webhook_token_file: key\n"
    )
    variables = {
        "HEADRACE_KAFKA_BOOTSTRAP_SERVERS": topics_created.kafka_bootstrap_servers,
        "HEADRACE_TOPIC_PREFIX": topics_created.topic_prefix,
        "HEADRACE_STORES": str(tmp_path / "stores.yaml"),
        "HEADRACE_HASH_KEY": "hk",
        "HEADRACE_API_KEY": "common-key",
        "HEADRACE_MAILCHIMP_WEBHOOK_TOKEN": "of-no-store",
        "HEADRACE_PORT": str(port),
        "HEADRACE_HEALTH_PORT": str(health),
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HEADRACE_")}
    command = [sys.executable, "-m", "services.ingest", "receive"]
    process = await asyncio.create_subprocess_exec(*command, env=kept | variables, stderr=asyncio.subprocess.DEVNULL)
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:

            async def is_up() -> bool:
                with contextlib.suppress(httpx.TransportError):
                    return (await http.get(f"http://127.0.0.1:{health}/ready")).status_code == 200
                return False

            async def post(key: str, customer: str) -> int:
                body = {"type": "custom.visit", "customer": customer, "id": "x"}
                return (await http.post("/v1/events", json=body, headers={"x-api-key": key})).status_code

            async with asyncio.timeout(30):
                while not await is_up():
                    await asyncio.sleep(0.1)
            keys = ("common-key", "own-key-of-b")
            statuses = [await post(key, customer) for key in keys for customer in ("a:5", "b:5", "5")]
            hooks = [(await http.get(f"/webhooks/mailchimp/{store}")).status_code for store in ("a", "b")]
            metrics = (await http.get(f"http://127.0.0.1:{health}/metrics")).text
    finally:
        process.terminate()
        await process.wait()
    assert (statuses, hooks, process.returncode) == ([202, 422, 202, 422, 202, 202], [404, 200], 0)
    records = await read_to_end(topics_created, topic(topics_created, topics.EVENTS))
    assert sorted(record.key or b"" for record in records) == [b"a:5", b"b:5"]
    for store in ("a", "b"):
        assert f'headrace_events_published_total{{origin="live",store="{store}",type="custom"}} 1.0' in metrics
