"""The attributes service end to end: values kept, mirrored in batches, served, overflow left alone."""

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from pydantic import SecretStr

from headrace.consumer import Applied, Target, Task
from headrace.contracts import topics
from headrace.contracts.events import AttributeSet, decode_event
from headrace.platforms.errors import Rejected
from headrace.platforms.http import Reply, Request, VendorClient
from headrace.runtime.kafka import read_to_end, topic
from headrace.runtime.process import Running
from services.attributes.bootstrap import main
from services.attributes.mirror import AttributeMirror
from services.attributes.settings import AttributesSettings
from tests.services.consumer_harness import PARTITIONS, STORE, Bench, in_process, ready

GROUP, TOPIC = "attributes", "actions.attributes"


@dataclass
class Service:
    """A running service."""

    bench: Bench
    running: Running
    url: str

    async def ask(self, method: str, path: str, body: Any = None, *, key: str | None = "key") -> tuple[int, Any]:
        """Status and JSON of one call."""
        headers = {"X-Api-Key": key} if key else {}
        async with self.bench.session.request(method, f"{self.url}{path}", json=body, headers=headers) as reply:
            return reply.status, await reply.json()


Start = Callable[[], AbstractAsyncContextManager[Service]]


@pytest.fixture
def start(bench: Bench, database_url: str) -> Start:
    """Starts the service; its database stays from one start to the next."""

    @asynccontextmanager
    async def run() -> AsyncIterator[Service]:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        settings = AttributesSettings(
            **bench.environment, database_url=SecretStr(database_url), port=port, api_key=SecretStr("key")
        )
        async with in_process(lambda running: main(settings, running)) as running:
            await ready(running)
            yield Service(bench, running, f"http://127.0.0.1:{port}")

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


async def test_attributes__too_long_for_the_store__is_kept_here_whole(bench: Bench, start: Start) -> None:
    (customer,) = await bench.make_customers(1)
    async with start() as service:
        await bench.publish(bench.attributes(customer, country=["France"]))
        await bench.settled(GROUP, TOPIC)
        await bench.publish(bench.attributes(customer, interests=[f"interest-{n:03}" for n in range(30)]))
        await bench.settled(GROUP, TOPIC)
        _, found = await service.ask("GET", f"/v1/customers/{customer}/attributes")
        assert len(found["attributes"]["interests"]) == 30
    assert (await bench.truth())["customers"]["1"]["attributes"] == {"headrace": ";country=France;"}
    assert [one["result"] for one in await bench.outcomes()] == ["applied", "overflow"]


async def test_attributes__customer_gone__is_refused_alone(bench: Bench, start: Start) -> None:
    customers = await bench.make_customers(3)
    await bench.operate({"op": "customer.delete", "customer_id": 2})
    async with start():
        await bench.publish(*(bench.attributes(customer, country=["France"]) for customer in customers))
        await bench.settled(GROUP, TOPIC)
    results = {one["customer"]: one["result"] for one in await bench.outcomes()}
    assert results == {f"{STORE}:1": "applied", f"{STORE}:2": "refused", f"{STORE}:3": "applied"}


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


async def test_mirror__another_replica_makes_the_attribute_first__its_id_is_taken() -> None:
    class Store:
        """Lists the attribute from the second look on, and refuses to make a second one of that name."""

        def __init__(self) -> None:
            self.looks = 0
            self.written: Any = None

        async def call(self, request: Request) -> Reply:
            if request.method == "POST":
                raise Rejected(request.route, 422, "name taken")
            if request.method == "PUT":
                self.written = request.json
                return reply([])
            self.looks += 1
            return reply([{"id": 7, "name": "headrace"}] if self.looks > 1 else [])

    def reply(rows: list[dict[str, Any]]) -> Reply:
        return Reply(200, {}, {"data": rows, "meta": {}}, datetime(2026, 1, 1, tzinfo=UTC))

    store = Store()
    mirror = AttributeMirror(cast("VendorClient", store), STORE, "headrace")
    results = await mirror.perform([Task(f"{STORE}:1", Target((1, 1, 0), ";a=b;"), Applied())])
    assert [result.result for result in results.values()] == ["applied"]
    assert [row["attribute_id"] for row in store.written] == [7]
