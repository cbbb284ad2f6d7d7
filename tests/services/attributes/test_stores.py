"""Several stores in one process of the attributes service: kept apart, mirrored apart, one without a mirror."""

import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from headrace.consumer.database import Database, open_database
from headrace.consumer.kind import Arrival, Finished, Source
from headrace.contracts.actions import Cause, DesiredAttributes
from headrace.runtime.process import Running
from headrace.runtime.settings import ServiceSettings, settings_of
from headrace.runtime.stores import StoreEntry
from services.attributes.bootstrap import choose, keys_of, main
from services.attributes.definition_table import outdated, revision_of
from services.attributes.kept import KeptHere
from services.attributes.settings import AttributesSettings, KeepingSettings
from services.attributes.store import values_of
from tests.services.consumer_harness import PARTITIONS, Bench, eventually, in_process
from tests.services.several_stores import ABC, DEF, settings_in, two_stores

TOPIC = "actions.attributes"
KEYS = {ABC: "key-abc", DEF: "key-def"}
Ask = Callable[..., Awaitable[tuple[int, Any]]]


def test_choose__credentials__decide_whether_there_is_a_mirror() -> None:
    assert choose(StoreEntry("a", {"bigcommerce_token": "t"}, ("a", "b"))) is AttributesSettings
    assert choose(StoreEntry("a", {"mailchimp_key": "k"}, ("a", "b"))) is KeepingSettings
    assert choose(StoreEntry()) is AttributesSettings


@pytest.mark.parametrize(
    ("shared", "own", "keys", "notes"),
    [
        (None, {}, {}, []),
        ("k", {}, {"a": "k", "b": "k"}, []),
        ("k", {"b": "own"}, {"a": "k", "b": "own"}, []),
        (None, {"b": "own"}, {"b": "own"}, ["no API key opens a: the API answers nobody about them"]),
    ],
)
def test_keys_of__a_stores_own__else_the_shared_one(
    monkeypatch: pytest.MonkeyPatch, shared: str | None, own: dict[str, str], keys: dict[str, str], notes: list[str]
) -> None:
    if shared:
        monkeypatch.setenv("HEADRACE_API_KEY", shared)
    running = Running()
    entries = [StoreEntry(store, {"api_key": own[store]} if store in own else {}, ("a", "b")) for store in ("a", "b")]
    stores = [settings_of(entry, KeepingSettings, kafka_bootstrap_servers="none:1") for entry in entries]
    assert (keys_of(stores, running), running.health.notes) == (keys, notes)


async def test_kept_here__values__are_kept_and_nothing_is_left_to_do(database: Database) -> None:
    source = Source(TOPIC, 0, 0, b"a:1", b"", datetime(2026, 1, 1, tzinfo=UTC))

    def arrival(step: int, value: str) -> Arrival:
        present: dict[str, tuple[str, ...]] = {"tier": (value,)}
        cause = Cause(event="e")
        desired = DesiredAttributes(
            customer="a:1", version=(1, step, 0), present=present, absent={}, cause=cause, rules_version=1
        )
        return Arrival("a:1", desired, source)

    answers = await database.write(lambda c: KeptHere().prepare(c, [arrival(2, "Gold"), arrival(1, "Silver")]))
    assert answers == [Finished("applied", "kept_here", (1, 2, 0)), Finished("stale", "older", (1, 1, 0))]
    assert [one.value for one in await database.read(lambda c: values_of(c, "a:1"))] == ["Gold"]


@asynccontextmanager
async def serving(
    folder: Path, *benches: Bench, mirrored: tuple[str, ...] = (ABC, DEF), **more: Any
) -> AsyncIterator[tuple[Running, Ask]]:
    """The service; `mirrored` have credentials."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    stores = [
        settings_in(
            bench,
            AttributesSettings if bench.store in mirrored else KeepingSettings,
            database_url=SecretStr(f"sqlite:///{folder / 'values.db'}"),
            port=port,
            api_key=SecretStr(KEYS[bench.store]),
            **more,
        )
        for bench in benches
    ]

    async def ask(store: str, path: str, method: str = "GET", body: Any = None) -> tuple[int, Any]:
        headers = {"X-Api-Key": KEYS[store]}
        url = f"http://127.0.0.1:{port}{path}"
        async with benches[0].session.request(method, url, json=body, headers=headers) as reply:
            return reply.status, json.loads(await reply.text() or "null")

    async with in_process(lambda running: main(stores, running)) as running:
        yield running, ask


async def mirrored_at(bench: Bench) -> list[str]:
    """What customers 1 and 2 hold in the store attribute."""
    truth = (await bench.truth())["customers"]
    return [truth[number]["attributes"].get("headrace", "") for number in ("1", "2")]


@pytest.mark.slow
async def test_attributes__two_stores__one_refuses_our_key__one_definition_is_not_the_others(
    topics_created: ServiceSettings, tmp_path: Path
) -> None:
    async with two_stores(topics_created) as (abc, def_):
        for bench, value in ((abc, "Gold"), (def_, "Silver")):
            customers = await bench.make_customers(2)
            await bench.publish(*(bench.attributes(customer, tier=[value]) for customer in customers))
        await abc.fault({}, {"status": 401}, times=None)
        async with serving(tmp_path, abc, def_) as (running, ask):
            await def_.settled(f"attributes.{DEF}", TOPIC)
            assert await mirrored_at(def_) == [";tier=Silver;", ";tier=Silver;"]
            assert running.health.ready
            status, found = await ask(ABC, f"/v1/customers/{ABC}:1/attributes")
            assert (status, found["attributes"]["tier"][0]["value"]) == (200, "Gold")
            assert (await ask(ABC, f"/v1/customers/{DEF}:1/attributes"))[0] == 404
            assert (await ask(ABC, "/v1/attributes/tier", "PUT", {"mirror": "none"}))[0] == 200
            before = (await def_.calls())["total"]
            database = open_database(f"sqlite:///{tmp_path / 'values.db'}")

            async def laid_out() -> bool:
                return not await database.read(lambda c: outdated(c, range(PARTITIONS), f"{ABC}/"))

            await eventually(laid_out, what="reading again by the new definition")
            assert await database.read(lambda c: revision_of(c, f"{DEF}/")) == 0
            await database.close()
            assert (await ask(DEF, "/v1/attributes/tier"))[1]["mirror"] == "together"
            assert await mirrored_at(def_) == [";tier=Silver;", ";tier=Silver;"]
            assert (await def_.calls())["total"] == before


@pytest.mark.slow
async def test_attributes__a_store_gets_credentials_later__all_its_values_are_mirrored(
    topics_created: ServiceSettings, tmp_path: Path
) -> None:
    async with two_stores(topics_created) as (abc, def_):
        for bench in (abc, def_):
            await bench.make_customers(2)
            await bench.publish(*(bench.attributes(f"{bench.store}:{number}", tier=["Gold"]) for number in (1, 2)))
        async with serving(tmp_path, abc, def_, mirrored=(ABC,)) as (running, ask):
            for bench in (abc, def_):
                await bench.settled(f"attributes.{bench.store}", TOPIC)
            (value,) = (await ask(DEF, f"/v1/customers/{DEF}:1/attributes"))[1]["attributes"]["tier"]
            assert (value["value"], value["reason"]) == ("Gold", "no_credentials")
            assert f"{DEF}: no BigCommerce credentials: the values are kept here only" in running.health.notes
        assert (await mirrored_at(abc), await mirrored_at(def_)) == ([";tier=Gold;"] * 2, ["", ""])
        for tier, mirrored in (("Gold", (ABC, DEF)), ("Silver", (ABC,)), ("Silver", (ABC, DEF))):
            await def_.publish(def_.attributes(f"{DEF}:1", tier=[tier]))
            async with serving(tmp_path, abc, def_, mirrored=mirrored):
                await def_.settled(f"attributes.{DEF}", TOPIC)
        assert await mirrored_at(def_) == [";tier=Silver;", ";tier=Gold;"]
