"""The attributes service end to end: values kept, mirrored in batches, served, overflow left alone."""

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar

import pytest
from pydantic import SecretStr
from sqlalchemy import Connection

from headrace.consumer.database import open_database
from headrace.contracts import topics
from headrace.contracts.events import AttributeSet, decode_event
from headrace.runtime.kafka import read_to_end, topic
from headrace.runtime.metrics import exposition, gauge
from headrace.runtime.process import Running
from headrace.simulators.people import MAX_ATTRIBUTES
from services.attributes import watch
from services.attributes.bootstrap import main
from services.attributes.definition_table import outdated, put_definition
from services.attributes.definitions import Definition
from services.attributes.encoding import decode_values
from services.attributes.settings import AttributesSettings
from tests.services.consumer_harness import PARTITIONS, STORE, Bench, eventually, in_process, ready

R = TypeVar("R")
GROUP, TOPIC = "attributes", "actions.attributes"


@dataclass
class Service:
    """A running service."""

    bench: Bench
    running: Running
    url: str
    database_url: str

    async def ask(self, method: str, path: str, body: Any = None, *, key: str | None = "key") -> tuple[int, Any]:
        """Status and JSON of one call."""
        headers = {"X-Api-Key": key} if key else {}
        async with self.bench.session.request(method, f"{self.url}{path}", json=body, headers=headers) as reply:
            return reply.status, await reply.json()

    async def define(self, name: str, **fields: Any) -> None:
        """Writes a definition as another process of the service would."""
        await self._asked(lambda c: put_definition(c, STORE, Definition(name, **fields)))

    async def laid_out(self) -> bool:
        """True when every partition is read again since the newest definition."""
        return not await self._asked(lambda c: outdated(c, range(PARTITIONS)))

    async def all_hold(self, count: int, attributes: dict[str, str]) -> bool:
        """True when customers 1 to `count` hold these store attributes."""
        truth = (await self.bench.truth())["customers"]
        return all(truth[str(number)]["attributes"] == attributes for number in range(1, count + 1))

    async def _asked(self, act: Callable[[Connection], R]) -> R:
        database = open_database(self.database_url)
        try:
            return await database.write(act)
        finally:
            await database.close()


class Start(Protocol):
    """Starts the service with settings of the test's own."""

    def __call__(self, **settings: Any) -> AbstractAsyncContextManager[Service]: ...


ON_SQLITE = pytest.mark.parametrize(
    "database_url", ["sqlite", pytest.param("postgres", marks=pytest.mark.slow)], indirect=True
)
"""For what asks no more of the database than other tests here do, or nothing."""


@pytest.fixture
def start(bench: Bench, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Starts the service, which soon sees a definition; its database stays from one start to the next."""
    monkeypatch.setattr(watch, "LOOK_EVERY_S", 0.2)

    @asynccontextmanager
    async def run(**more: Any) -> AsyncIterator[Service]:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        settings = AttributesSettings(
            **bench.environment, database_url=SecretStr(database_url), port=port, api_key=SecretStr("key"), **more
        )
        async with in_process(lambda running: main([settings], running)) as running:
            await ready(running)
            yield Service(bench, running, f"http://127.0.0.1:{port}", database_url)

    return run


async def test_attributes__values__are_kept_mirrored_and_served(bench: Bench, start: Start) -> None:
    customers = await bench.make_customers(25)
    guest = f"{STORE}:guest-ab"
    async with start() as service:
        await bench.publish(
            *(bench.attributes(customer, country=["France"], interests=["b", "a"]) for customer in customers),
            bench.attributes(guest, country=["France"]),
        )
        await bench.settled(GROUP, TOPIC)
        status, found = await service.ask("GET", f"/v1/customers/{customers[0]}/attributes")
        assert status == 200
        assert [one["value"] for one in found["attributes"]["interests"]] == ["a", "b"]
        status, found = await service.ask("GET", "/v1/attributes/country/customers?value=France&limit=20")
        assert (len(found["customers"]), found["next"]) == (20, found["customers"][-1])
        _, rest = await service.ask("GET", f"/v1/attributes/country/customers?limit=20&after={found['next']}")
        assert (len(rest["customers"]), rest["next"]) == (6, None)
        written = (await bench.calls())["attribute_writes"]
        assert (written["calls"], written["customers"]) == (3, 25)
        await bench.publish(bench.attributes(customers[0], country=["France"], interests=["a", "b"]))
        await bench.publish(bench.attributes(customers[1]))
        await bench.settled(GROUP, TOPIC)
        assert (await bench.calls())["attribute_writes"]["calls"] == 4
    truth = (await bench.truth())["customers"]
    assert truth["1"]["attributes"] == {"headrace": ";country=France;interests=a;interests=b;"}
    assert truth["2"]["attributes"]["headrace"] == ""


@ON_SQLITE
@pytest.mark.parametrize("overflow", ["metafield", "keep"])
async def test_attributes__too_long_for_the_store__is_kept_here_whole(
    bench: Bench, start: Start, overflow: Literal["metafield", "keep"]
) -> None:
    (customer,) = await bench.make_customers(1)
    async with start(mirror_overflow=overflow) as service:
        await bench.publish(bench.attributes(customer, country=["France"]))
        await bench.settled(GROUP, TOPIC)
        await bench.publish(bench.attributes(customer, interests=[f"interest-{n:03}" for n in range(30)]))
        await bench.settled(GROUP, TOPIC)
        _, found = await service.ask("GET", f"/v1/customers/{customer}/attributes")
        assert len(found["attributes"]["interests"]) == 30
    truth = (await bench.truth())["customers"]["1"]
    outcomes = [(one["result"], one.get("reason", "")) for one in await bench.outcomes()]
    assert truth["attributes"] == {"headrace": ""}
    if overflow == "keep":
        assert "metafields" not in truth
        assert outcomes == [("applied", ""), ("overflow", "too_long_for_the_store")]
    else:
        assert len(decode_values(truth["metafields"]["headrace.headrace"])["interests"]) == 30
        assert outcomes == [("applied", ""), ("overflow", "kept_in_metafield")]


async def test_attributes__definition_changes__everybody_is_laid_out_anew(bench: Bench, start: Start) -> None:
    customers = await bench.make_customers(12)
    async with start() as service:
        await bench.publish(*(bench.attributes(one, country=["France"], tier=["VIP"]) for one in customers))
        await bench.settled(GROUP, TOPIC)
        await service.define("tier", mirror="store_attribute")
        await eventually(lambda: service.all_hold(12, {"headrace": ";country=France;", "tier": ";VIP;"}), what="own")
        await service.define("tier", mirror="metafield", allowed=("VIP",))
        await eventually(lambda: service.all_hold(12, {"headrace": ";country=France;", "tier": ""}), what="metafields")
        truth = (await bench.truth())["customers"]
        assert {truth[str(n)]["metafields"]["headrace.tier"] for n in range(1, 13)} == {";VIP;"}
    writes = (await bench.calls())["attribute_writes"]
    async with start() as service:  # what is there costs no call after a restart
        await bench.settled(GROUP, TOPIC)
        await service.define("tier", mirror="metafield", allowed=("VIP", "Gold"))
        await eventually(service.laid_out, what="read again")
        await bench.settled(GROUP, TOPIC)
    assert (await bench.calls())["attribute_writes"] == writes


@ON_SQLITE
async def test_attributes__store_has_no_room__metafield_and_everybody_is_told(bench: Bench, start: Start) -> None:
    (customer,) = await bench.make_customers(1)
    for number in range(MAX_ATTRIBUTES):
        bench.simulator.world.people.create_attribute(f"theirs-{number}", "string")
    async with start() as service:
        await bench.publish(bench.attributes(customer, country=["France"]))
        await bench.settled(GROUP, TOPIC)
        truth = (await bench.truth())["customers"]["1"]
        assert (truth["attributes"], truth["metafields"]) == ({}, {"headrace.headrace": ";country=France;"})
        assert [note for note in service.running.health.notes if "no customer attribute for headrace" in note]
        assert "headrace_attributes_missing 1.0" in exposition().decode()
        _, found = await service.ask("GET", "/v1/attributes/country")
        assert found["problem"] == "the store has no customer attribute headrace: a metafield"
    (outcome,) = await bench.outcomes()
    assert (outcome["result"], outcome["reason"]) == ("applied", "attribute_limit")
    gauge("headrace_attributes_missing").set(0)


@ON_SQLITE
async def test_attributes__claimed_and_not_allowed__kept_and_said(bench: Bench, start: Start) -> None:
    (customer,) = await bench.make_customers(1)
    async with start() as service:
        await service.define("tier", allowed=("VIP", "Gold"))
        for _ in range(2):
            await bench.publish(bench.attributes(customer, tier=["VIP", "odd"]))
            await bench.settled(GROUP, TOPIC)
        _, found = await service.ask("GET", f"/v1/customers/{customer}/attributes")
        shown = {one["value"]: (one["mirrored"], one["reason"]) for one in found["attributes"]["tier"]}
    assert shown == {"VIP": ("attribute:headrace", None), "odd": (None, "value_not_allowed")}
    assert (await bench.truth())["customers"]["1"]["attributes"] == {"headrace": ";tier=VIP;"}
    told = [(one["result"], one["reason"]) for one in await bench.outcomes()]
    # Partitions are read again once for the definition: what is older by then is stale.
    assert set(told) - {("stale", "older")} == {("applied", "value_not_allowed"), ("unchanged", "value_not_allowed")}


@ON_SQLITE
async def test_attributes__customer_gone__is_refused_alone(bench: Bench, start: Start) -> None:
    customers = await bench.make_customers(3)
    await bench.operate({"op": "customer.delete", "customer_id": 2})
    async with start():
        await bench.publish(*(bench.attributes(customer, country=["France"]) for customer in customers))
        await bench.settled(GROUP, TOPIC)
    results = {one["customer"]: one["result"] for one in await bench.outcomes()}
    assert results == {f"{STORE}:1": "applied", f"{STORE}:2": "refused", f"{STORE}:3": "applied"}


@ON_SQLITE
async def test_api__put__becomes_an_event_where_the_customer_lives(bench: Bench, start: Start) -> None:
    async with start() as service:
        path = f"/v1/customers/{STORE}:7/attributes/interests"
        status, answer = await service.ask("PUT", path, {"values": ["apple", "apple", "pear"]})
        assert status == 202
    records = await read_to_end(bench.settings, topic(bench.settings, topics.EVENTS), range(PARTITIONS))
    event = decode_event(records[0].value or b"")
    assert (event.envelope.id, event.envelope.subject) == (answer["id"], f"{STORE}:7")
    assert event.data == AttributeSet(name="interests", values=("apple", "pear"))
    assert records[0].partition == topics.partition_of(f"{STORE}:7".encode(), PARTITIONS)


@ON_SQLITE
async def test_api__bulk__each_row_an_event_where_its_customer_lives(bench: Bench, start: Start) -> None:
    rows = [{"customer": f"{STORE}:{number}", "name": "tier", "values": ["VIP"]} for number in range(50)]
    async with start() as service:
        status, report = await service.ask("POST", "/v1/attributes/bulk", {"rows": rows})
        assert (status, report["accepted"]) == (202, 50)
        assert (await service.ask("GET", "/v1/attributes"))[1]["attributes"] == []
    records = await read_to_end(bench.settings, topic(bench.settings, topics.EVENTS), range(PARTITIONS))
    found = {decode_event(record.value or b"").envelope.id: record for record in records}
    assert found.keys() == {row["id"] for row in report["rows"]}
    for record in records:
        assert record.partition == topics.partition_of(record.key or b"", PARTITIONS)
    assert len(records) == 50


@ON_SQLITE
async def test_api__wrong_callers_and_bodies__are_refused(start: Start) -> None:
    path = f"/v1/customers/{STORE}:7/attributes"
    async with start() as service:
        assert (await service.ask("GET", path, key=None))[0] == 401
        assert (await service.ask("GET", path, key="wrong"))[0] == 401
        assert (await service.ask("GET", "/v1/customers/other:7/attributes"))[0] == 404
        assert (await service.ask("PUT", f"{path}/x", {"values": "apple"}))[0] == 422
        assert (await service.ask("PUT", f"{path}/x", {"values": ["a"], "more": 1}))[0] == 422
        assert (await service.ask("PUT", f"{path}/x", {"values": ["a" * 70_000]}))[0] == 413
        assert (await service.ask("GET", path)) == (200, {"customer": f"{STORE}:7", "attributes": {}})
