"""The HTTP API: whose customers, which limits, what becomes an event."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from aiokafka.errors import KafkaConnectionError

from headrace.consumer.database import Database
from headrace.contracts.events import AttributeSet, decode_event
from services.attributes.api import BODY_LIMIT_BYTES, BULK_LIMIT_BYTES, Shop, create_app
from services.attributes.layout import Room
from tests.services.attributes.filling import fill

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
async def api(
    database: Database, log: Log | None = None, key: str | None = None, room: Room | None = None
) -> AsyncIterator[httpx.AsyncClient]:
    known = room or Room("headrace")
    app = create_app([Shop(database, "s", (log or Log()).publish, lambda: known)], {"s": key} if key else {})
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://attributes") as client:
        yield client


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


def code_of(reply: httpx.Response) -> tuple[int, str]:
    return reply.status_code, reply.json()["error"]["code"]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/nothing", 404, "not_found"),
        ("PATCH", VALUES, 405, "method_not_allowed"),
        ("GET", "/v1/customers/t:1/attributes", 404, "unknown_customer"),
        ("GET", "/v1/attributes/tier", 404, "unknown_attribute"),
        ("DELETE", "/v1/attributes/tier", 404, "unknown_attribute"),
        ("GET", "/v1/attributes?limit=0", 422, "invalid"),
        ("POST", "/v1/attributes/bulk", 411, "length_required"),
    ],
)
async def test_problem__any_refusal__one_shape(
    database: Database, method: str, path: str, status: int, code: str
) -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield b"{}"

    async with api(database) as client:
        content = endless() if method == "POST" else None
        assert code_of(await client.request(method, path, content=content)) == (status, code)


async def test_problem__wrong_body__names_the_place_and_not_what_was_sent(database: Database) -> None:
    async with api(database) as client:
        reply = await client.put(COUNTRY, json={"values": ["secret" * 50]})
        assert reply.json()["error"]["fields"][0]["place"] == "body.values.0"
        assert "secret" not in reply.text


async def test_get__values__tell_where_the_store_shows_them(database: Database) -> None:
    await fill(database, ["s:1", "s:guest-ab"], tier=["VIP", "odd"], country=["France"], notes=["x"], secret=["y"])
    async with api(database, room=Room("headrace", frozenset({"notes"}))) as client:
        for name, body in (
            ("tier", {"allowed": ["VIP", "Gold"], "mirror": "metafield"}),
            ("notes", {"mirror": "store_attribute"}),
            ("secret", {"mirror": "none"}),
        ):
            assert (await client.put(f"/v1/attributes/{name}", json=body)).status_code == 200
        found = (await client.get(VALUES)).json()["attributes"]
        guest = (await client.get("/v1/customers/s:guest-ab/attributes")).json()["attributes"]
    shown = {(name, one["value"]): (one["mirrored"], one["reason"]) for name, each in found.items() for one in each}
    assert shown == {
        ("tier", "VIP"): ("metafield:tier", None),
        ("tier", "odd"): (None, "value_not_allowed"),
        ("country", "France"): ("attribute:headrace", None),
        ("notes", "x"): ("metafield:notes", "attribute_limit"),
        ("secret", "y"): (None, "mirror_none"),
    }
    assert {(one["mirrored"], one["reason"]) for each in guest.values() for one in each} == {(None, "guest")}


async def test_attributes__defined_and_held__listed_with_counts_in_pages(database: Database) -> None:
    await fill(database, ["s:1", "s:2", "t:3"], tier=["VIP"], country=["France"])
    await fill(database, ["s:4"], country=["Spain", "France"])
    async with api(database) as client:
        assert (await client.put("/v1/attributes/colour", json={"allowed": ["red"]})).status_code == 200
        first = (await client.get("/v1/attributes", params={"limit": 2})).json()
        rest = (await client.get("/v1/attributes", params={"limit": 2, "after": first["next"]})).json()
        country = (await client.get("/v1/attributes/country", params={"limit": 1})).json()
        more = (await client.get("/v1/attributes/country", params={"limit": 1, "after": country["next"]})).json()
    rows = [*first["attributes"], *rest["attributes"]]
    assert [(one["name"], one["defined"], one["customers"], one["values"]) for one in rows] == [
        ("colour", True, 0, 0),
        ("country", False, 3, 2),
        ("tier", False, 2, 1),
    ]
    assert rest["next"] is None
    assert (country["customers"], country["values"], country["next"]) == (
        3,
        [{"value": "France", "customers": 3, "allowed": True}],
        "France",
    )
    assert (more["values"], more["next"]) == ([{"value": "Spain", "customers": 1, "allowed": True}], None)


async def test_definition__life__from_put_to_delete(database: Database) -> None:
    async with api(database) as client:
        body = {"allowed": ["VIP", "Gold", "VIP"], "mirror": "store_attribute"}
        made = (await client.put("/v1/attributes/tier", json=body)).json()
        assert made == {
            "name": "tier",
            "defined": True,
            "allowed": ["VIP", "Gold"],
            "mirror": "store_attribute",
            "problem": None,
            "customers": 0,
            "values": 0,
        }
        assert (await client.get("/v1/attributes/tier")).json()["allowed"] == ["VIP", "Gold"]
        assert (await client.delete("/v1/attributes/tier")).status_code == 204
        assert (await client.get("/v1/attributes/tier")).status_code == 404


@pytest.mark.parametrize(
    ("name", "body", "code"),
    [
        ("tier", {"mirror": "somewhere"}, "invalid"),
        ("tier", {"allowed": [""]}, "invalid"),
        ("tier", {"odd": 1}, "invalid"),
        ("a;b", {}, "invalid"),
        (" tier", {}, "bad_name"),
        ("Headrace", {"mirror": "store_attribute"}, "name_taken"),
    ],
)
async def test_definition__wrong__422(database: Database, name: str, body: Mapping[str, Any], code: str) -> None:
    async with api(database) as client:
        assert code_of(await client.put(f"/v1/attributes/{name}", json=body)) == (422, code)
        assert (await client.get("/v1/attributes")).json()["attributes"] == []


async def test_definition__no_attribute_left_in_the_store__says_so(database: Database) -> None:
    async with api(database, room=Room("headrace", frozenset({"tier", "headrace"}))) as client:
        own = (await client.put("/v1/attributes/tier", json={"mirror": "store_attribute"})).json()
        common = (await client.put("/v1/attributes/country", json={})).json()
        assert own["problem"] == "the store has no customer attribute tier: a metafield"
        assert common["problem"] == "the store has no customer attribute headrace: a metafield"


async def test_put__value_not_allowed__422_with_those_that_are(database: Database) -> None:
    log = Log()
    async with api(database, log) as client:
        await client.put("/v1/attributes/country", json={"allowed": ["France", "Spain"]})
        reply = await client.put(COUNTRY, json={"values": ["france", "Spain"]})
        assert code_of(reply) == (422, "value_not_allowed")
        assert reply.json()["error"]["allowed"] == ["France", "Spain"]
        assert log.events == []
        assert (await client.put(COUNTRY, json={"values": ["Spain"]})).status_code == 202
        assert (await client.put(COUNTRY, json={"values": []})).status_code == 202


def row(customer: str, *values: str, name: str = "country") -> dict[str, Any]:
    return {"customer": customer, "name": name, "values": list(values)}


async def test_bulk__good_and_bad_rows__each_its_own_event_or_error(database: Database) -> None:
    log = Log()
    rows = [row("s:1", "France"), row("t:1", "France"), row("s:2", "odd"), row("s:1", "Spain"), row("s:3", name="x")]
    async with api(database, log) as client:
        await client.put("/v1/attributes/country", json={"allowed": ["France", "Spain"]})
        reply = await client.post("/v1/attributes/bulk", json={"rows": rows}, headers={"Idempotency-Key": "k"})
        again = await client.post("/v1/attributes/bulk", json={"rows": rows[:1]}, headers={"Idempotency-Key": "k"})
    report = reply.json()
    assert (reply.status_code, report["accepted"], report["refused"]) == (202, 2, 3)
    codes = [each["error"] and each["error"]["code"] for each in report["rows"]]
    assert codes == [None, "unknown_customer", "value_not_allowed", "set_twice", None]
    assert report["rows"][2]["error"]["allowed"] == ["France", "Spain"]
    events = [decode_event(event) for _, event in log.events]
    assert [one.envelope.id for one in events[:2]] == [report["rows"][0]["id"], report["rows"][4]["id"]]
    assert events[0].envelope.id.startswith("attribute.set:k:")
    assert (events[0].data, events[1].data) == (
        AttributeSet(name="country", values=("France",)),
        AttributeSet(name="x", values=()),
    )
    assert [customer for customer, _ in log.events] == ["s:1", "s:3", "s:1"]
    assert again.json()["rows"][0]["id"] == report["rows"][0]["id"]


async def test_bulk__no_row_accepted__422_with_the_report(database: Database) -> None:
    async with api(database) as client:
        reply = await client.post("/v1/attributes/bulk", json={"rows": [row("t:1", "x")]})
    assert code_of(reply) == (422, "all_rows_refused")
    assert reply.json()["rows"] == [
        {"row": 0, "error": {"code": "unknown_customer", "message": "no customer of this store has such a key"}}
    ]


async def test_bulk__kafka_away__503_with_retry_after_and_the_report(database: Database) -> None:
    log = Log()
    log.away = True
    async with api(database, log) as client:
        reply = await client.post("/v1/attributes/bulk", json={"rows": [row("s:1", "x"), row("t:1", "x")]})
    assert code_of(reply) == (503, "unavailable")
    assert (reply.headers["retry-after"], reply.json()["refused"]) == ("2", 2)


@pytest.mark.parametrize(
    "rows", [[], [row("s:1", "x")] * 1001, [row("s:1", "")], [row("", "x")], [{"customer": "s:1"}], ["s:1"]]
)
async def test_bulk__wrong_body__422_and_no_event(database: Database, rows: list[Any]) -> None:
    log = Log()
    async with api(database, log) as client:
        reply = await client.post("/v1/attributes/bulk", json={"rows": rows})
    assert (code_of(reply), log.events) == ((422, "invalid"), [])


async def test_bulk__larger_than_a_mebibyte__413(database: Database) -> None:
    async with api(database) as client:
        reply = await client.post("/v1/attributes/bulk", content=b" " * (BULK_LIMIT_BYTES + 1))
        assert reply.status_code == 413
