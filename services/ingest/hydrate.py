"""Turns notices into events: reads what they point at, in batches inside our share of the quota.

A notice's offset is committed only when the events of it and of all before it are acknowledged. How rows are read and
what they become is in `reader` and `snapshots`.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from headrace.contracts.events import Origin, revision
from headrace.platforms.errors import Rejected
from headrace.runtime.logs import log
from headrace.runtime.metrics import counter, gauge
from services.ingest.backlog import Backlog, BadNotice, Key, Pending, Place, read_record
from services.ingest.cart_news import cart_id_of
from services.ingest.carts import CartEvents, CartRead
from services.ingest.consent_news import news, speakers
from services.ingest.freshness import Freshness, Policy
from services.ingest.publish import Events, Record
from services.ingest.publisher import Publisher
from services.ingest.reader import Fetched, StoreReader
from services.ingest.snapshots import Batch, Snapshots

LINGER_S: Final = 0.1
"""How long a resource waits for further notices of the same change: one change of an order makes up to three."""
_ORIGIN: Final[Origin] = "live"
_READS_BY_ID: Final = frozenset(
    {"GET /v2/orders", "GET /v3/customers", "GET /v3/orders/payment_actions/refunds", "GET /v3/carts/{}"}
)
"""Only what asks for a notice's own id can be refused because of that notice."""
_REFUSALS: Final = frozenset({400, 413, 414, 422})
"""A list is refused with these because of what is asked; 404 and the like mean a wrong address, not a wrong notice."""


class NoticeRecord(Protocol):
    """A record of `headrace.notices`."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...


SetAside = Callable[[Sequence[tuple[NoticeRecord, str, str]]], Awaitable[None]]
"""Writes dead letters: (record, reason, detail) each; returns when Kafka has them."""
SetRowsAside = Callable[[Mapping[Key, str]], Awaitable[None]]
"""The same for rows that no notice asked for: (resource, id) -> what is wrong."""


@dataclass(slots=True)
class Sorted:
    """What the first reads of a batch told: rows to publish, resources to read again, and gone ones."""

    orders: dict[int, Fetched] = field(default_factory=dict)
    customers: dict[int, Fetched] = field(default_factory=dict)
    deleted: list[Record] = field(default_factory=list)
    gone: list[tuple[int, None, str]] = field(default_factory=list)
    """Deleted customers, without an address, as of a revision."""
    again: list[Pending] = field(default_factory=list)
    carts: CartRead = field(default_factory=CartRead)


class Hydrator:
    """The work on batches of notices; who calls it owns the consumer.

    `is_ours`: whether a notice is of this store, by its record's key; others are passed over.
    """

    def __init__(
        self,
        reader: StoreReader,
        snapshots: Snapshots,
        events: Events,
        publisher: Publisher,
        set_aside: SetAside,
        set_rows_aside: SetRowsAside,
        policy: Policy,
        *,
        is_ours: Callable[[bytes | None], bool] = lambda _: True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.backlog = Backlog()
        self._records: dict[Place, NoticeRecord] = {}
        self._reader = reader
        self._snapshots = snapshots
        self._events = events
        self._publisher = publisher
        self._set_aside = set_aside
        self._set_rows_aside = set_rows_aside
        self._policy = policy
        self._carts = CartEvents(snapshots, events)
        self._is_ours = is_ours
        self._clock = clock
        self._fresh = Freshness(policy, clock)

    async def take_in(self, records: Iterable[NoticeRecord]) -> None:
        """Puts records of the notices topic into the backlog; what is no notice is set aside."""
        # All of them before the first wait: a partition that is lost meanwhile must not come back as one of ours.
        bad = [each for each in map(self._take, records) if each is not None]
        gauge("headrace_notices_pending").set(len(self.backlog))
        if bad:
            await self._set_aside(bad)
            self._finish([Place(record.partition, record.offset) for record, _, _ in bad], "dead_letter")

    @property
    def waiting(self) -> int:
        """How much is held: notices, and so at least as many as resources."""
        return len(self._records)

    def _take(self, record: NoticeRecord) -> tuple[NoticeRecord, str, str] | None:
        place = Place(record.partition, record.offset)
        self.backlog.see(place)
        if not self._is_ours(record.key):
            self.backlog.finish([place])
            return None
        try:
            pending = read_record(record.value, place)
        except BadNotice as error:
            return record, "undecodable", str(error)
        pending.due = self._clock() + LINGER_S
        self._records[place] = record
        self.backlog.add(pending)
        return None

    def lose(self, partitions: Sequence[int]) -> None:
        """These partitions went to another process."""
        self.backlog.lose(partitions)
        self._records = {place: record for place, record in self._records.items() if place.partition not in partitions}

    async def work(self) -> bool:
        """One batch, if anything is due. Raises the vendor's and Kafka's errors; the batch then waits again."""
        batch = self.backlog.take(self._clock(), self._policy.batch_size)
        if not batch:
            await self._set_rows_aside(await self._publisher.settle())
            return False
        try:
            await self._work(batch)
            await self._set_rows_aside(await self._publisher.settle())
        except BaseException:
            for pending in batch:
                self.backlog.add(pending)
            raise
        gauge("headrace_notices_pending").set(len(self.backlog))
        return True

    async def _work(self, batch: list[Pending]) -> None:
        try:
            await self._publish(batch)
        except Rejected as error:
            if error.route not in _READS_BY_ID or error.status not in _REFUSALS:
                raise
            if len(batch) > 1:  # the store refuses to read one of them: find out which
                for pending in list(batch):
                    await self._work([pending])
                    batch.remove(pending)
                return
            await self._give_up(batch[0].places, "vendor_rejected", f"{error.route}: {error.status}")
        batch.clear()

    async def _publish(self, batch: list[Pending]) -> None:
        read = await self._read(batch)
        made = await self._snapshots.batch(
            customers=read.customers,
            orders=read.orders,
            origin=_ORIGIN,
            status_changes={each.key[1]: each.status_change for each in batch if each.status_change is not None},
            owners=read.carts.owners,
        )
        carts = await self._carts.behind(made, batch, read.carts)
        again = [*read.again, *self._refunds_missing(batch, made, read)]
        skipped = {pending.key for pending in again}
        made.named += [entry for each in read.gone for entry in self._snapshots.owners.named(*each)]
        await self._publisher.write(made, [*carts, *read.deleted])
        self._fresh.remember("order", read.orders)
        self._fresh.remember("customer", read.customers)
        log.info(
            "batch.published",
            notices=sum(len(pending.places) for pending in batch),
            orders=len(read.orders),
            customers=len(made.customers),
            again=len(again),
        )
        await self._set_bad_aside(batch, made)
        self._finish(
            [place for each in batch if each.key not in skipped and each.key not in made.bad for place in each.places],
            "published",
        )
        for pending in again:
            self.backlog.add(pending)

    async def _read(self, batch: list[Pending]) -> Sorted:
        by_kind: dict[str, list[Pending]] = {"order": [], "customer": [], "subscriber": [], "cart": [], "consent": []}
        for pending in batch:
            by_kind[pending.key[0]].append(pending)
        became = {pending.cart.order_id for pending in by_kind["cart"]} - {0}
        await self._publisher.hear(news(by_kind["consent"], self._snapshots.owners))
        said_by = speakers(by_kind["consent"], self._snapshots.owners)
        orders, customers, subscribers, carts = await asyncio.gather(
            self._reader.orders({*(pending.key[1] for pending in by_kind["order"]), *became}),
            self._reader.customers({*(pending.key[1] for pending in by_kind["customer"]), *said_by.values()}),
            self._subscribers(by_kind["subscriber"]),
            self._reader.carts(cart_id_of(each.key[1]) for each in by_kind["cart"] if each.cart.abandoned_at),
        )
        read = Sorted(customers=dict(subscribers))
        for pending in by_kind["consent"]:
            customer_id = said_by.get(pending.key, 0)
            if (row := customers.get(customer_id)) is not None:
                self._sort_consent(pending, customer_id, row, read)
        read.carts = CartRead(carts, {each: orders[each] for each in became if each in orders})
        for pending in by_kind["order"]:
            self._sort(pending, orders.get(pending.key[1]), read.orders, read)
        for pending in by_kind["customer"]:
            self._sort(pending, customers.get(pending.key[1]), read.customers, read)
        return read

    def _sort(self, pending: Pending, row: Fetched | None, found: dict[int, Fetched], read: Sorted) -> None:
        if row is None and pending.deleted_at is not None:
            deleted_at = pending.deleted_at
            read.deleted.append(self._events.deleted(pending.key[1], deleted_at, deleted_at, _ORIGIN))
            read.gone.append((pending.key[1], None, revision(deleted_at, deleted_at)))
        elif self._fresh.is_old(pending, row) and self._fresh.again(pending):
            read.again.append(pending)
        elif row is not None:
            found[pending.key[1]] = row
        else:
            counter("headrace_notices_total", outcome="missing").inc(len(pending.places))
            log.info("notice.dropped", resource=pending.key[0], resource_id=pending.key[1], reason="not in the store")

    def _sort_consent(self, pending: Pending, customer_id: int, row: Fetched, read: Sorted) -> None:
        """The customer who said it, now and once more: a date of change says nothing of consent, so a snapshot that
        another process made in the same second, or did not know of the word, may have come first."""
        read.customers[customer_id] = row
        same = self._fresh.is_published(("customer", customer_id), row)
        if (same or not pending.attempt) and self._fresh.again(pending):
            read.again.append(pending)

    def _refunds_missing(self, batch: list[Pending], made: Batch, read: Sorted) -> list[Pending]:
        """Orders whose refund was told of and is not among those read; they are published and read again."""
        missing = []
        for pending in batch:
            if pending.key[0] != "order" or pending.key[1] not in read.orders or not pending.refund_ids:
                continue
            told = pending.refund_ids - {_id(row) for row in made.refunds.get(pending.key[1], ())}
            if told and self._fresh.again(pending):
                missing.append(pending)
        return missing

    async def _subscribers(self, batch: list[Pending]) -> dict[int, Fetched]:
        """The customers whose consent changed."""
        if not batch:
            return {}
        await self._snapshots.consents.refresh()
        emails = []
        for pending in batch:
            consents, subscriber_id = self._snapshots.consents, pending.key[1]
            deleted = pending.deleted_at is not None
            emails.append(consents.forget(subscriber_id) if deleted else consents.email_of(subscriber_id))
        return await self._reader.customers_by_email(sorted({email for email in emails if email}))

    async def _set_bad_aside(self, batch: list[Pending], made: Batch) -> None:
        asked = {pending.key for pending in batch}
        await self._set_rows_aside({key: problem for key, problem in made.bad.items() if key not in asked})
        for pending in batch:
            if problem := made.bad.get(pending.key):
                await self._give_up(pending.places, "malformed_row", problem)

    async def _give_up(self, places: Sequence[Place], reason: str, detail: str) -> None:
        records = [(self._records[place], reason, detail) for place in places if place in self._records]
        await self._set_aside(records)
        self._finish(places, "dead_letter")

    def _finish(self, places: Sequence[Place], outcome: str) -> None:
        self.backlog.finish(places)
        for place in places:
            self._records.pop(place, None)
        if places:
            counter("headrace_notices_total", outcome=outcome).inc(len(places))


def _id(row: Mapping[str, object]) -> int:
    return int(str(row.get("id") or 0))
