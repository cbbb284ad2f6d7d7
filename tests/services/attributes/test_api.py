"""The HTTP API: whose customers, which limits, what becomes an event."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import httpx
import pytest
from aiokafka.errors import KafkaConnectionError

from headrace.consumer.database import Database
from headrace.contracts.actions import Cause, DesiredAttributes
from headrace.contracts.events import AttributeSet, decode_event
from services.attributes.api import BODY_LIMIT_BYTES, create_app
from services.attributes.store import keep

VALUES = "/v1/customers/s:1/attributes"
COUNTRY = f"{VALUES}/country"


class Log:
    """What was published; `away` is Kafka's."""

    def __init__(self) -> None:
        self.events: list[tuple[str, bytes]] = []
        self.away = False

    async def publish(self, customer: str, event: bytes) -> None:
        if self.away:
            raise KafkaConnectionError
        self.events.append((customer, event))


@asynccontextmanager
async def api(database: Database, log: Log | None = None, key: str | None = None) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(database=database, store="s", api_key=key, publish=(log or Log()).publish)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://attributes") as client:
        yield client


async def fill(database: Database, customers: Sequence[str], **present: Sequence[str]) -> None:
    values = {name: tuple(several) for name, several in present.items()}
    cause, at = Cause(event="e"), datetime(2026, 1, 1, tzinfo=UTC)
    records = [
        DesiredAttributes(customer=one, version=(1, 1, 0), present=values, absent={}, cause=cause, rules_version=1)
        for one in customers
    ]
    await database.write(lambda c: keep(c, [(record, at) for record in records]))


async def test_get__values_and_customers__in_pages_of_our_store(database: Database) -> None:
    await fill(database, ["s:1", "s:2", "s:3", "t:1"], country=["France"])
    async with api(database) as client:
        found = (await client.get(VALUES)).json()
        assert [one["value"] for one in found["attributes"]["country"]] == ["France"]
        where: dict[str, str | int] = {"value": "France", "limit": 2}
        page = (await client.get("/v1/attributes/country/customers", params=where)).json()
        assert page == {"customers": ["s:1", "s:2"], "next": "s:2"}
        rest = (await client.get("/v1/attributes/country/customers", params={**where, "after": "s:2"})).json()
        assert rest == {"customers": ["s:3"], "next": None}


@pytest.mark.parametrize(
    "path",
    [
        "/v1/customers/t:1/attributes",
        "/v1/customers/s:/attributes",
        "/v1/customers/S:1/attributes",
        "/v1/customers/s:%00/attributes",
    ],
)
async def test_get__not_a_customer_of_ours__404(database: Database, path: str) -> None:
    await fill(database, ["t:1"], country=["France"])
    async with api(database) as client:
        assert (await client.get(path)).status_code == 404
        assert (await client.put(f"{path}/country", json={"values": []})).status_code == 404


@pytest.mark.parametrize(
    "params", [{"limit": 0}, {"limit": 201}, {"limit": "x"}, {"after": "a" * 201}, {"after": "\0"}, {"value": "\0"}]
)
async def test_get__beyond_the_limits__422(database: Database, params: dict[str, str]) -> None:
    async with api(database) as client:
        assert (await client.get("/v1/attributes/country/customers", params=params)).status_code == 422


async def test_put__values__an_event_of_the_customer_and_nothing_kept_yet(database: Database) -> None:
    log = Log()
    async with api(database, log) as client:
        reply = await client.put(
            COUNTRY, json={"values": ["France", "Spain", "France"]}, headers={"Idempotency-Key": "k"}
        )
        assert (reply.status_code, reply.json()) == (202, {"id": "attribute.set:k"})
        assert (await client.get(VALUES)).json()["attributes"] == {}
    ((customer, event),) = log.events
    decoded = decode_event(event)
    assert (customer, decoded.envelope.subject, decoded.envelope.id) == ("s:1", "s:1", "attribute.set:k")
    assert decoded.data == AttributeSet(name="country", values=("France", "Spain"))


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"values": [""]},
        {"values": ["x" * 256]},
        {"values": ["a\0b"]},
        {"values": ["x"] * 101},
        {"values": [], "odd": 1},
        [],
    ],
)
async def test_put__wrong_body__422_and_no_event(database: Database, body: object) -> None:
    log = Log()
    async with api(database, log) as client:
        assert (await client.put(COUNTRY, json=body)).status_code == 422
    assert log.events == []


async def test_put__too_large_or_of_unknown_length__refused(database: Database) -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield b"{}"

    async with api(database) as client:
        assert (await client.put(COUNTRY, content=b" " * (BODY_LIMIT_BYTES + 1))).status_code == 413
        assert (await client.put(COUNTRY, content=endless())).status_code == 411


async def test_put__kafka_away__503_with_retry_after(database: Database) -> None:
    log = Log()
    log.away = True
    async with api(database, log) as client:
        reply = await client.put(COUNTRY, json={"values": []})
    assert (reply.status_code, reply.headers["retry-after"]) == (503, "2")


async def test_api_key__wrong_or_missing__401(database: Database) -> None:
    async with api(database, key="secret") as client:
        assert (await client.get(VALUES)).status_code == 401
        assert (await client.get(VALUES, headers={"X-Api-Key": "other"})).status_code == 401
        for headers in ({"X-Api-Key": "secret"}, {"Authorization": "Bearer secret"}):
            assert (await client.get(VALUES, headers=headers)).status_code == 200
