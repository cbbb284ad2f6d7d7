"""Several stores behind one API: a key opens its stores only, and what it does not open is as if it were not there."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from headrace.consumer.database import Database
from headrace.contracts.events import decode_event
from services.attributes.api import Shop, create_app
from services.attributes.definition_table import load_definitions, outdated, put_definition, revision_of
from services.attributes.definitions import Definition
from services.attributes.layout import Room
from tests.services.attributes.filling import fill

KEYS = {"a": "key-a", "b": "key-b"}
STORES = ("a", "b")
SECRET = "Bluebeard"
"""What only store b has: name of an attribute, value, and definition."""


@asynccontextmanager
async def api(
    database: Database,
    keys: Mapping[str, str],
    key: str | None = None,
    *,
    stores: Sequence[str] = STORES,
    events: list[tuple[str, bytes]] | None = None,
) -> AsyncIterator[httpx.AsyncClient]:
    async def publish(customer: str, event: bytes) -> None:
        if events is not None:
            events.append((customer, event))

    shops = [Shop(database, store, publish, lambda: Room("headrace"), scope=f"{store}/") for store in stores]
    transport = httpx.ASGITransport(app=create_app(shops, keys), raise_app_exceptions=False)
    headers = {"X-Api-Key": key} if key else {}
    async with httpx.AsyncClient(transport=transport, base_url="http://attributes", headers=headers) as client:
        yield client


async def prepare(database: Database) -> None:
    """Equal ids in both stores; b has something of its own."""
    await fill(database, ["a:1", "a:2"], tier=["Gold"])
    await fill(database, ["b:1", "b:2", "b:3"], tier=["Silver"], **{SECRET: [SECRET]})
    await database.write(lambda c: put_definition(c, "b", Definition(SECRET, (SECRET,)), "b/"))


async def everything(database: Database, store: str) -> Any:
    """All that the API tells of a store."""
    async with api(database, KEYS, KEYS[store]) as client:
        paths = [
            "/v1/attributes",
            f"/v1/attributes/{SECRET}",
            *(f"/v1/customers/{store}:{n}/attributes" for n in "123"),
        ]
        return [(await client.get(path)).json() for path in paths]


@pytest.mark.parametrize(
    ("keys", "given", "opens"),
    [
        ({}, None, "ab"),
        ({}, "anything", "ab"),
        ({"a": "x", "b": "x"}, "x", "ab"),
        ({"a": "x", "b": "x"}, "y", ""),
        ({"a": "x", "b": "x"}, None, ""),
        (KEYS, "key-a", "a"),
        (KEYS, "key-b", "b"),
        (KEYS, "key", ""),
        ({"b": "key-b"}, "key-b", "b"),
        ({"b": "key-b"}, None, ""),  # a has no key, and is not open for that
        ({"b": "key-b"}, "ключ", ""),
    ],
)
async def test_key__opens(database: Database, keys: dict[str, str], given: str | None, opens: str) -> None:
    await prepare(database)
    async with api(database, keys) as client:
        headers = {b"Authorization": f"Bearer {given}".encode()} if given else {}
        for store in STORES:
            for path in (f"/v1/customers/{store}:1/attributes", f"/v1/attributes?store={store}"):
                expected = 200 if store in opens else 404 if opens else 401
                assert (await client.get(path, headers=headers)).status_code == expected, path


async def test_store__not_said__only_a_key_of_one_store_will_do(database: Database) -> None:
    await prepare(database)
    async with api(database, {}) as client:
        reply = await client.get("/v1/attributes")
        assert reply.status_code == 422
        assert reply.json()["error"]["code"] == "store_missing"
        assert reply.json()["error"]["hint"] == "add ?store= and one of a, b"
        named = (await client.get("/v1/attributes/tier/customers?store=b")).json()
        assert named["customers"] == ["b:1", "b:2", "b:3"]
    async with api(database, KEYS, "key-b") as client:
        assert (await client.get("/v1/attributes/tier/customers")).json() == named
    async with api(database, {}, stores=["a"]) as client:
        assert (await client.get("/v1/attributes/tier/customers")).json()["customers"] == ["a:1", "a:2"]
        assert (await client.get("/v1/attributes/tier/customers?store=a")).status_code == 200
        assert (await client.get("/v1/attributes/tier/customers?store=b")).status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/v1/customers/{store}:1/attributes", None),
        ("GET", "/v1/customers/{store}:guest-1/attributes", None),
        ("PUT", "/v1/customers/{store}:1/attributes/tier", {"values": ["Gold"]}),
        ("PUT", f"/v1/customers/{{store}}:1/attributes/{SECRET}", {"values": ["odd"]}),
        ("GET", "/v1/attributes?store={store}", None),
        ("GET", f"/v1/attributes/{SECRET}?store={{store}}", None),
        ("GET", f"/v1/attributes/{SECRET}/customers?store={{store}}", None),
        ("PUT", f"/v1/attributes/{SECRET}?store={{store}}", {"mirror": "none"}),
        ("DELETE", f"/v1/attributes/{SECRET}?store={{store}}", None),
        ("POST", "/v1/attributes/bulk?store={store}", {"rows": [{"customer": "a:1", "name": "tier", "values": []}]}),
    ],
)
async def test_as_store_a__an_object_of_b__is_answered_as_one_that_never_was(
    database: Database, method: str, path: str, body: Any
) -> None:
    await prepare(database)
    events: list[tuple[str, bytes]] = []
    before = await everything(database, "b")
    async with api(database, KEYS, "key-a", events=events) as client:
        theirs, nobodys = [await client.request(method, path.format(store=store), json=body) for store in ("b", "zzz")]
    assert theirs.status_code == 404
    assert (theirs.status_code, theirs.content) == (nobodys.status_code, nobodys.content)
    assert events == []
    assert await everything(database, "b") == before


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/v1/attributes", None),
        ("GET", f"/v1/attributes/{SECRET}", None),
        ("GET", f"/v1/attributes/{SECRET}/customers", None),
        ("GET", "/v1/attributes/tier/customers?after=a:2", None),
        ("GET", "/v1/attributes/tier/customers?value=Silver", None),
        ("PUT", f"/v1/attributes/{SECRET}", {"mirror": "none"}),
        ("DELETE", f"/v1/attributes/{SECRET}", None),
        (
            "POST",
            "/v1/attributes/bulk",
            {"rows": [{"customer": f"{store}:1", "name": SECRET, "values": ["odd"]} for store in STORES]},
        ),
    ],
)
async def test_as_store_a__its_own_routes__show_and_change_nothing_of_b(
    database: Database, method: str, path: str, body: Any
) -> None:
    await prepare(database)
    events: list[tuple[str, bytes]] = []
    before = await everything(database, "b")
    revision = await database.read(lambda c: revision_of(c, "b/"))
    async with api(database, KEYS, "key-a", events=events) as client:
        reply = await client.request(method, path, json=body)
    told = reply.text.replace(f'"name":"{SECRET}"', "")  # as it was asked for
    assert not any(each in told for each in (SECRET, "Silver", '"b:'))
    assert [customer for customer, _ in events] == (["a:1"] if method == "POST" else [])
    assert [decode_event(event).envelope.source for _, event in events] == ["/stores/a"] * len(events)
    assert await everything(database, "b") == before
    assert await database.read(lambda c: revision_of(c, "b/")) == revision


async def test_definition__of_one_store__only_its_records_are_read_again(database: Database) -> None:
    async with api(database, {}) as client:
        assert (await client.put("/v1/attributes/tier?store=a", json={"allowed": ["Gold"]})).status_code == 200
    behind = [await database.read(lambda c, s=store: outdated(c, [0, 1], f"{s}/")) for store in STORES]  # type: ignore[misc]
    assert behind == [{0, 1}, frozenset()]
    assert set(await database.read(lambda c: load_definitions(c, "a"))) == {"tier"}
    assert await database.read(lambda c: load_definitions(c, "b")) == {}


async def test_store_without_credentials__its_values_are_told_to_be_here_only(database: Database) -> None:
    await fill(database, ["a:1"], tier=["Gold"])

    async def publish(customer: str, event: bytes) -> None:
        raise NotImplementedError

    app = create_app([Shop(database, "a", publish, lambda: Room("headrace", kept_here=True))], {})
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://attributes") as client:
        (value,) = (await client.get("/v1/customers/a:1/attributes")).json()["attributes"]["tier"]
        assert (value["value"], value["mirrored"], value["reason"]) == ("Gold", None, "no_credentials")
        (summary,) = (await client.get("/v1/attributes")).json()["attributes"]
        assert summary["problem"] == "the service has no credentials of this store: kept here only"
