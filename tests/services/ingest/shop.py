"""A simulated store, and ingest's processes as tasks of the test, over a real Kafka.

What is expected of them stands in the tests.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from headrace.contracts import topics
from headrace.contracts.events import CustomerSnapshot, Event, OrderSnapshot, decode_event
from headrace.runtime.kafka import read_to_end, topic
from headrace.runtime.process import Running
from headrace.runtime.settings import ServiceSettings
from headrace.simulators.options import Options
from headrace.simulators.server import serving
from services.ingest.bootstrap import run_feed, run_hydrate, run_receive
from services.ingest.settings import FeedSettings, HydrateSettings, ReceiveSettings

HEADER = ("X-Headrace-Secret", "s3cret")


@dataclass
class Shop:
    """The store's control endpoint, and the topics behind it."""

    url: str
    kafka: ServiceSettings
    http: httpx.AsyncClient
    port: int
    klaviyo: str = ""
    _tasks: list[tuple[Running, asyncio.Task[None]]] = field(default_factory=list)

    async def operate(self, *operations: dict[str, Any]) -> None:
        """Something happens in the store."""
        reply = await self.http.post(f"{self.url}/_sim/orders", json={"operations": operations})
        assert reply.status_code == 200, reply.text

    async def clock(self, **change: Any) -> dict[str, Any]:
        """Reads or moves the store's clock."""
        reply = await self.http.post(f"{self.url}/_sim/clock", json=change)
        return dict(reply.json())

    async def faults(self, *faults: dict[str, Any]) -> None:
        """Orders troubles."""
        reply = await self.http.post(f"{self.url}/_sim/faults", json=faults)
        assert reply.status_code < 300, reply.text

    async def calls(self) -> dict[str, Any]:
        """What the store counted."""
        return dict((await self.http.get(f"{self.url}/_sim/calls")).json())

    async def events(self) -> list[Event]:
        """All that stands in the log, partition by partition."""
        records = await read_to_end(self.kafka, topic(self.kafka, topics.EVENTS))
        return [decode_event(record.value or b"") for record in records]

    async def until(self, holds: Callable[[list[Event]], bool], deadline_s: float = 30.0) -> list[Event]:
        """The log once this holds of it; fails after the deadline."""
        try:
            async with asyncio.timeout(deadline_s):
                while not holds(events := await self.events()):
                    await asyncio.sleep(0.1)
                return events
        except TimeoutError:
            pytest.fail(f"not reached: {[(e.envelope.id, e.envelope.subject) for e in await self.events()][-20:]}")

    def receive(self, **changes: Any) -> Running:
        """Starts receive."""
        fields: dict[str, Any] = {
            "bigcommerce_client_secret": "secret",
            "bigcommerce_webhook_header": ": ".join(HEADER),
            "api_key": "key",
            "port": self.port,
            **changes,
        }
        return self._start(run_receive, [ReceiveSettings(**self._base(), **fields)])

    def hydrate(self, **changes: Any) -> Running:
        """Starts hydrate, which makes the hooks."""
        hook = f"http://127.0.0.1:{self.port}/webhooks/bigcommerce/{self.kafka.store}"
        fields = {"webhook_url": hook, "bigcommerce_webhook_header": ": ".join(HEADER), **changes}
        return self._start(run_hydrate, HydrateSettings(**self._store(), **fields))

    def feed(self, **changes: Any) -> Running:
        """Starts feed."""
        return self._start(run_feed, FeedSettings(**self._store(), **changes))

    async def stop(self, running: Running) -> None:
        """Stops one process as SIGTERM would."""
        running.stopping.set()
        await next(task for one, task in self._tasks if one is running)

    async def kill(self, running: Running) -> None:
        """Ends one process without a last word."""
        task = next(task for one, task in self._tasks if one is running)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def stop_all(self) -> None:
        """At the end of the test; a process that failed fails the test."""
        for running, _ in self._tasks:
            running.stopping.set()
        for result in await asyncio.gather(*(task for _, task in self._tasks), return_exceptions=True):
            if isinstance(result, Exception):
                raise result

    def _start(self, main: Callable[[Any, Running], Coroutine[Any, Any, None]], settings: Any) -> Running:
        running = Running()
        self._tasks.append((running, asyncio.create_task(main(settings, running))))
        return running

    def _base(self) -> dict[str, Any]:
        return {**self.kafka.model_dump(), "hash_key": "hk"}

    def _store(self) -> dict[str, Any]:
        return {**self._base(), "bigcommerce_url": self.url, "bigcommerce_token": "token"}


@asynccontextmanager
async def open_shop(kafka: ServiceSettings, **options: Any) -> AsyncIterator[Shop]:
    """`async with open_shop(topics_created, speed=20) as shop`: options of the simulated store."""
    chosen = Options(**{"store": kafka.store, "client_secret": "secret", **options})
    async with serving(chosen) as (_, addresses), httpx.AsyncClient() as http:
        shop = Shop(addresses.bigcommerce, kafka, http, free_port(), addresses.klaviyo)
        try:
            yield shop
        finally:
            await shop.stop_all()


async def ready(*processes: Running) -> None:
    """Waits until nothing blocks them."""
    async with asyncio.timeout(20):
        while not all(each.health.ready for each in processes):
            await asyncio.sleep(0.02)


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return int(opened.getsockname()[1])


def customer(number: int, **changes: Any) -> dict[str, Any]:
    """The operation that makes a customer."""
    address = {"city": "London", "postcode": "N1", "country": "United Kingdom", "country_code": "GB"}
    fields = {"id": number, "email": f"c{number}@example.com", "first_name": "Jo", "addresses": [address], **changes}
    return {"op": "customer.create", "customer": fields}


def order(number: int, customer_id: int, **changes: Any) -> dict[str, Any]:
    """The operation that places an order of 2 x 2.55."""
    line = {"product_id": 5, "name": "Mug", "sku": "M", "brand": "Bijou", "categories": ["Kitchen"]}
    lines = [{**line, "quantity": 2, "price": "2.55"}]
    fields = {"id": number, "customer_id": customer_id, "status_id": 11, "currency": "GBP", "lines": lines, **changes}
    return {"op": "order.create", "order": fields}


def newest_orders(events: list[Event]) -> dict[str, OrderSnapshot]:
    """The snapshot of the largest revision of each order, as the evaluator would keep it."""
    found: dict[str, tuple[str, OrderSnapshot]] = {}
    for event in events:
        if isinstance(event.data, OrderSnapshot):
            kept = found.get(event.data.order_id)
            if kept is None or (event.envelope.headracerevision or "") > kept[0]:
                found[event.data.order_id] = (event.envelope.headracerevision or "", event.data)
    return {key: snapshot for key, (_, snapshot) in found.items()}


def newest_customers(events: list[Event]) -> dict[str, CustomerSnapshot]:
    """The same for customers."""
    found: dict[str, tuple[str, CustomerSnapshot]] = {}
    for event in events:
        if isinstance(event.data, CustomerSnapshot):
            kept = found.get(event.data.customer_id)
            if kept is None or (event.envelope.headracerevision or "") > kept[0]:
                found[event.data.customer_id] = (event.envelope.headracerevision or "", event.data)
    return {key: snapshot for key, (_, snapshot) in found.items()}


def strangers(events: list[Event]) -> list[str]:
    """Orders of customers whose snapshot does not stand before them in their partition."""
    seen, found = set(), []
    for event in events:
        subject = event.envelope.subject
        if isinstance(event.data, CustomerSnapshot):
            seen.add(subject)
        elif isinstance(event.data, OrderSnapshot) and ":guest-" not in subject and subject not in seen:
            found.append(event.envelope.id)
    return found
