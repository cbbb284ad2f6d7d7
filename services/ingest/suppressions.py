"""Klaviyo's suppressed profiles, asked for every few minutes: for accounts whose plan has no system webhooks.

What a suppression does is the same as with a webhook: a notice without the address (`consent_hooks`).
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Final

import msgspec
from aiokafka.errors import KafkaError
from msgspec import Struct

from headrace.contracts import topics
from headrace.contracts.actions import Notice, encode
from headrace.contracts.topics import partition_of
from headrace.platforms import klaviyo
from headrace.platforms.errors import VendorError
from headrace.platforms.store import make_klaviyo
from headrace.runtime.health import STARTING
from headrace.runtime.kafka import read_to_end, topic
from headrace.runtime.logs import log
from headrace.runtime.process import Running
from services.ingest.consent_hooks import KLAVIYO, consent_notice
from services.ingest.identity import email_hash
from services.ingest.lasting import started_producer, through_outages
from services.ingest.publish import all_acknowledged
from services.ingest.reader import Caller
from services.ingest.settings import SuppressionSettings
from services.ingest.vendor_troubles import Troubles, pause, unless_stopped
from services.ingest.webhook import notice_key
from services.ingest.words import Word

_BEGINNING: Final = datetime(2012, 1, 1, tzinfo=UTC)
"""Before there was a Klaviyo."""
_FLUSH_S: Final = 3.0


class Reached(Struct, frozen=True):
    """Up to when suppressions have been told, in `headrace.owners` under a key that no owner has."""

    since: datetime


class Suppressions:
    """Reads what is new; `tell` returns when Kafka has the notices."""

    def __init__(
        self, caller: Caller, store: str, hash_key: bytes, tell: Callable[[list[Notice]], Awaitable[None]]
    ) -> None:
        self._caller = caller
        self._store = store
        self._hash_key = hash_key
        self._tell = tell
        self._told: set[tuple[str, datetime]] = set()
        """Of the newest second, which is read again."""

    async def read(self, since: datetime) -> datetime:
        """Tells everything from `since` on; gives the newest there was. Raises the vendor's and Kafka's errors."""
        newest = since
        async for page in self._pages(since):
            new = [each for each in page if each not in self._told]
            now = datetime.now(UTC)
            await self._tell(
                [consent_notice(self._store, KLAVIYO, hashed, Word.said(at, granted=False), now) for hashed, at in new]
            )
            self._told |= {*new}
            newest = max((newest, *(at for _, at in page)))
            if new:
                log.info("suppressions.read", profiles=len(new))
        self._told = {each for each in self._told if each[1] >= newest.replace(microsecond=0)}
        return newest

    async def _pages(self, since: datetime) -> AsyncIterator[list[tuple[str, datetime]]]:
        cursor: str | None = None
        while True:
            reply = await self._caller.call(klaviyo.suppressed_profiles(since, cursor))
            yield [
                (email_hash(profile.email, self._hash_key), each.at)
                for profile in klaviyo.profiles_of(reply.json)
                for each in profile.suppressions
                if "@" in profile.email and each.list_id is None and each.at is not None and each.at >= since
            ]
            cursor = klaviyo.next_cursor(reply.json)
            if cursor is None:
                return


async def run_suppressions(settings: SuppressionSettings, running: Running) -> None:
    """`python -m services.ingest suppressions`."""
    await through_outages(lambda: _run(settings, running), running)


async def _run(settings: SuppressionSettings, running: Running) -> None:
    producer = await started_producer(settings, running)
    client = make_klaviyo(settings)
    owners, key = topic(settings, topics.OWNERS), f"~suppressions:{settings.store}".encode()
    troubles = Troubles(running.health, unauthorized_retry_s=settings.unauthorized_retry_s, vendor="klaviyo")

    async def tell(notices: list[Notice]) -> None:
        name = topic(settings, topics.NOTICES)
        await all_acknowledged([await producer.send(name, encode(each), key=notice_key(each)) for each in notices])

    polled = Suppressions(client, settings.store, settings.hash_key.get_secret_value().encode(), tell)
    try:
        partition = partition_of(key, len(await producer.partitions_for(owners)))
        reached = [each.value for each in await read_to_end(settings, owners, [partition]) if each.key == key]
        since = msgspec.json.decode(reached[-1], type=Reached).since if reached and reached[-1] else _BEGINNING
        while not running.stopping.is_set():
            try:
                newest = await unless_stopped(polled.read(since), running.stopping)
            except VendorError as error:
                await troubles.wait(error, running.stopping)
                continue
            if newest is None:
                break
            troubles.over()
            if newest > since:
                await producer.send_and_wait(owners, msgspec.json.encode(Reached(newest)), key=key)
                since = newest
            running.health.clear(STARTING)
            await pause(settings.every_s, running.stopping)
    finally:
        await client.aclose()
        with contextlib.suppress(KafkaError, TimeoutError):
            async with asyncio.timeout(_FLUSH_S):
                await producer.stop()
