"""What the end-to-end tests of the consumers share: real Kafka, a running simulator, waiting for a condition."""

import asyncio
import itertools
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiokafka import TopicPartition
from aiokafka.errors import GroupCoordinatorNotAvailableError
from pydantic import SecretStr

from headrace.contracts import topics
from headrace.contracts.actions import (
    Cause,
    ContactPersonal,
    DesiredAttributes,
    DesiredContact,
    DesiredEmailTags,
    DesiredGroup,
    Platform,
    Version,
    encode,
)
from headrace.contracts.topics import partition_of
from headrace.runtime.kafka import make_admin, make_consumer, make_producer, read_to_end, topic
from headrace.runtime.process import Running
from headrace.runtime.settings import ServiceSettings
from headrace.simulators.options import Options
from headrace.simulators.server import Addresses, serving
from headrace.simulators.simulator import Simulator

STORE = "teststore"
CAUSE = Cause(event="e1")
PARTITIONS = 3
_TOPIC_OF = {
    DesiredGroup: topics.ACTIONS_GROUP,
    DesiredAttributes: topics.ACTIONS_ATTRIBUTES,
    DesiredEmailTags: topics.ACTIONS_EMAIL_TAGS,
    DesiredContact: topics.ACTIONS_CONTACT,
}
Desired = DesiredGroup | DesiredAttributes | DesiredEmailTags | DesiredContact


async def eventually(holds: Callable[[], Awaitable[bool]], *, what: str, deadline_s: float = 30.0) -> None:
    """Waits for a condition."""
    end = asyncio.get_running_loop().time() + deadline_s
    while not await holds():
        assert asyncio.get_running_loop().time() < end, f"not in time: {what}"
        await asyncio.sleep(0.05)


@dataclass
class Bench:
    """Kafka with this test's topics, and a simulated store with its vendor's counts."""

    settings: ServiceSettings
    simulator: Simulator
    addresses: Addresses
    session: aiohttp.ClientSession
    store: str = STORE
    steps: Any = field(default_factory=lambda: itertools.count(1))

    @property
    def environment(self) -> dict[str, Any]:
        """Fields of a service's settings."""
        return {
            "kafka_bootstrap_servers": self.settings.kafka_bootstrap_servers,
            "topic_prefix": self.settings.topic_prefix,
            "store": self.store,
            "bigcommerce_url": self.addresses.bigcommerce,
            "bigcommerce_token": SecretStr("token"),
            "bigcommerce_quota_share": 1.0,
            "quota_weight": 1.0,
            "mailchimp_url": self.addresses.mailchimp,
            "mailchimp_key": SecretStr("key-us1"),
            "mailchimp_list": "list",
            "klaviyo_url": self.addresses.klaviyo,
            "klaviyo_key": SecretStr("klaviyo-key"),
            "omnisend_url": self.addresses.omnisend,
            "omnisend_key": SecretStr("omnisend-key"),
            "sendgrid_url": self.addresses.sendgrid,
            "sendgrid_key": SecretStr("sendgrid-key"),
        }

    async def sim(self, path: str, body: Any = None) -> Any:
        """GET, or POST with a body, of a control endpoint."""
        method = "GET" if body is None else "POST"
        async with self.session.request(method, f"{self.addresses.bigcommerce}/_sim{path}", json=body) as reply:
            assert reply.status < 300, await reply.text()
            return await reply.json()

    async def operate(self, *operations: Mapping[str, Any]) -> None:
        """Operations of the scenario's kind."""
        await self.sim("/orders", {"operations": list(operations)})

    async def make_customers(self, count: int, *groups: str, group: str = "") -> list[str]:
        """Customers 1 to `count`, and groups."""
        made = [{"op": "group.create", "group": {"name": name}} for name in groups]
        for number in range(1, count + 1):
            customer = {"id": number, "email": f"c{number}@example.com", "first_name": "A", "last_name": "B"}
            made.append({"op": "customer.create", "customer": {**customer, "group": group}})
        await self.operate(*made)
        return [f"{self.store}:{number}" for number in range(1, count + 1)]

    async def fault(self, match: Mapping[str, Any], reply: Mapping[str, Any], times: int | None = 1) -> None:
        """Orders a fault for coming calls."""
        await self.sim("/faults", [{"match": match, "reply": reply, "times": times}])

    async def calls(self) -> Any:
        """The simulator's counts."""
        return await self.sim("/calls")

    async def truth(self) -> Any:
        """What the vendors hold."""
        return await self.sim("/truth")

    async def group_of(self, number: int) -> str:
        """The name of a customer's group in the store."""
        return str((await self.truth())["customers"][str(number)]["group"])

    def version(self) -> Version:
        """A newer version than any before."""
        return (1, next(self.steps), 0)

    def group(
        self, customer: str, value: str | None, *, observed: str | None = "", version: Version | None = None
    ) -> DesiredGroup:
        """An action record."""
        return DesiredGroup(
            customer=customer,
            version=version or self.version(),
            value=value,
            cause=CAUSE,
            rules_version=1,
            observed=observed,
        )

    def contact(self, customer: str, email: str | None, *, subscribed: bool | None = None) -> DesiredContact:
        """A contact record."""
        return DesiredContact(
            customer=customer,
            version=self.version(),
            subscribed=subscribed,
            cause=CAUSE,
            rules_version=1,
            personal=ContactPersonal(email=email),
        )

    def tags(
        self,
        customer: str,
        *present: str,
        absent: Sequence[str] = (),
        lists: Sequence[str] = (),
        lists_absent: Sequence[str] = (),
        platform: Platform = "mailchimp",
    ) -> DesiredEmailTags:
        """A record of tags and lists."""
        return DesiredEmailTags(
            customer=customer,
            version=self.version(),
            present={platform: present},
            absent={platform: tuple(absent)},
            cause=CAUSE,
            rules_version=1,
            lists={platform: tuple(lists)} if lists else {},
            lists_absent={platform: tuple(lists_absent)} if lists_absent else {},
        )

    def attributes(self, customer: str, **present: Sequence[str]) -> DesiredAttributes:
        """An attributes record."""
        values = {name: tuple(several) for name, several in present.items()}
        return DesiredAttributes(
            customer=customer, version=self.version(), present=values, absent={}, cause=CAUSE, rules_version=1
        )

    async def publish(self, *records: Desired) -> None:
        """In one transaction, as the evaluator does."""
        raw = [(_TOPIC_OF[type(one)], one.customer.encode(), encode(one)) for one in records]
        await self.publish_raw(raw)

    async def publish_raw(self, records: Sequence[tuple[str, bytes, bytes | None]]) -> None:
        """Topic, key, value."""
        producer = make_producer(self.settings, transactional_id=f"bench-{secrets.token_hex(4)}")
        await producer.start()
        try:
            async with producer.transaction():
                for name, key, value in records:
                    partition = partition_of(key, PARTITIONS)
                    await producer.send(topic(self.settings, name), value, key=key, partition=partition)
        finally:
            await producer.stop()

    async def lag(self, group: str, *names: str) -> int:
        """Records and markers not committed; what was never committed counts whole."""
        consumer = make_consumer(self.settings, read_committed=False)
        admin = make_admin(self.settings)
        await consumer.start()
        await admin.start()
        try:
            parts = [TopicPartition(topic(self.settings, name), n) for name in names for n in range(PARTITIONS)]
            ends = await consumer.end_offsets(parts)
            committed = await admin.list_consumer_group_offsets(self.settings.topic_prefix + group)
        except GroupCoordinatorNotAvailableError:  # the broker has just started
            return sum(int(end) for end in ends.values()) + len(parts)
        else:
            return sum(int(ends[at]) - (int(committed[at].offset) if at in committed else -1) for at in parts)
        finally:
            await admin.close()
            await consumer.stop()

    async def settled(self, group: str, *names: str, deadline_s: float = 30.0) -> None:
        """Waits until everything published is committed."""

        async def holds() -> bool:
            return await self.lag(group, *names) == 0

        await eventually(holds, what=f"lag of {group}", deadline_s=deadline_s)

    async def outcomes(self) -> list[dict[str, Any]]:
        """All outcomes so far, as JSON."""
        return await self._read(topics.OUTCOMES)

    async def dead_letters(self) -> list[dict[str, Any]]:
        """All dead letters so far, as JSON."""
        return await self._read(topics.DEAD_LETTERS)

    async def _read(self, name: str) -> list[dict[str, Any]]:
        records = await read_to_end(self.settings, topic(self.settings, name), range(PARTITIONS))
        return [json.loads(record.value or b"null") for record in records]


@asynccontextmanager
async def bench_of(settings: ServiceSettings, **options: Any) -> AsyncIterator[Bench]:
    """A bench whose simulator has these options."""
    chosen = Options(**{"store": STORE, "quota": 100_000, **options})
    async with serving(chosen) as (simulator, addresses), aiohttp.ClientSession() as session:
        yield Bench(settings, simulator, addresses, session, chosen.store)


@asynccontextmanager
async def in_process(main: Callable[[Running], Awaitable[None]]) -> AsyncIterator[Running]:
    """Runs a service's main in this loop until the block ends; then it must end by itself."""
    running = Running()
    task = asyncio.ensure_future(main(running))
    try:
        yield running
    finally:
        running.stopping.set()
        async with asyncio.timeout(10):
            await task


async def ready(running: Running) -> None:
    """Waits until the process says so."""

    async def holds() -> bool:
        return running.health.ready

    await eventually(holds, what="readiness")
