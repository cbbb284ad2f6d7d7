"""A simulated store and a mirror onto it, without Kafka."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from headrace.consumer import Applied, Database, Result, Target, Task
from headrace.consumer.database import open_database
from headrace.consumer.patience import Store
from headrace.platforms.store import make_bigcommerce
from headrace.runtime.process import Running
from headrace.simulators.options import Options
from headrace.simulators.server import serving
from headrace.simulators.simulator import Simulator
from services.attributes.metafields import CustomerMetafields
from services.attributes.mirror import AttributeMirror
from services.attributes.settings import AttributesSettings
from services.attributes.store_attributes import StoreAttributes
from services.attributes.tables import migrate_store

STORE = "teststore"
CUSTOMERS = 25


@dataclass
class Shop:
    """A simulated store with customers, and a mirror onto it."""

    simulator: Simulator
    database: Database
    mirror: AttributeMirror
    attributes: StoreAttributes
    told: list[frozenset[str]]

    async def perform(
        self, wanted: Mapping[int, Any], applied: Any = "", told: Result | None = None
    ) -> Mapping[int, Result]:
        """Performs one batch; every customer held `applied` before."""
        return await self.perform_each(wanted, dict.fromkeys(wanted, applied), told)

    async def perform_each(
        self, wanted: Mapping[int, Any], applied: Mapping[int, Any], told: Result | None = None
    ) -> Mapping[int, Result]:
        """Performs one batch; each customer held its own before."""
        tasks = [
            Task(
                f"{STORE}:{number}",
                Target((1, 2, 0), value, told=told or Result("applied")),
                Applied((1, 1, 0), applied[number]),
            )
            for number, value in wanted.items()
        ]
        results = await self.mirror.perform(tasks)
        return {int(customer.partition(":")[2]): result for customer, result in results.items()}

    def holds(self, number: int) -> tuple[dict[str, str], dict[str, str]]:
        """Store attributes and metafields of a customer."""
        people = self.simulator.world.people
        names = {row.id: row.name for row in people.attributes}
        attributes = {names[row.attribute_id]: row.value for row in people.values_of(number)}
        return attributes, {row.key: row.value for row in self.simulator.world.metafields.of_customer(number)}

    def calls(self, route: str = "") -> int:
        """Calls so far, of a route."""
        return sum(count for name, count in self.simulator.calls.by_route.items() if route in name)


@asynccontextmanager
async def opened(database_url: str, *, overflow: bool = True) -> AsyncIterator[Shop]:
    database = open_database(database_url)
    migrate_store(database)
    async with serving(Options(store=STORE, quota=100_000)) as (simulator, addresses):
        for number in range(1, CUSTOMERS + 1):
            fields = {"email": f"c{number}@x.example", "first_name": "A", "last_name": "B"}
            simulator.world.people.create_customer(fields, customer_id=number)
        settings = AttributesSettings(
            kafka_bootstrap_servers="none:1",
            store=STORE,
            bigcommerce_url=addresses.bigcommerce,
            bigcommerce_token=SecretStr("token"),
            bigcommerce_quota_share=1.0,
        )
        client = make_bigcommerce(settings, 1.0)
        told: list[frozenset[str]] = []
        attributes = StoreAttributes(client, told.append)
        mirror = AttributeMirror(
            client,
            STORE,
            "headrace",
            metafields=CustomerMetafields(client, Store(database, Running()), STORE),
            attributes=attributes,
            overflow_to_metafields=overflow,
        )
        yield Shop(simulator, database, mirror, attributes, told)
        await client.aclose()
    await database.close()
