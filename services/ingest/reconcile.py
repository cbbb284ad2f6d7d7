"""The change feed as events, pass by pass, and the store's clock that each complete pass earns.

The clock never runs ahead of what is published: T is the `Date` of a pass's first read less the time rows need to
settle, and it is written when everything modified until T has been read and acknowledged.
"""

from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final, Literal

from headrace.runtime.logs import log
from headrace.runtime.metrics import gauge
from services.ingest.backfill import Publish
from services.ingest.changes import changed_between
from services.ingest.lookups import Consents
from services.ingest.normalise import identifier, modified_of
from services.ingest.reader import Fetched, StoreReader

_REMEMBERED: Final = 200_000
Kind = Literal["customer", "order"]


class Published:
    """What was published lately, by resource and date: the overlap of passes need not be published again."""

    def __init__(self, limit: int = _REMEMBERED) -> None:
        self._limit = limit
        self._dates: OrderedDict[tuple[Kind, int], datetime] = OrderedDict()

    def new(self, kind: Kind, rows: dict[int, Fetched]) -> dict[int, Fetched]:
        """The rows that differ in date from what was published."""
        return {key: each for key, each in rows.items() if self._dates.get((kind, key)) != modified_of(each.row)}

    def add(self, kind: Kind, rows: dict[int, Fetched]) -> None:
        """They have been acknowledged."""
        for key, each in rows.items():
            self._dates[kind, key] = modified_of(each.row)
            self._dates.move_to_end((kind, key))
        while len(self._dates) > self._limit:
            self._dates.popitem(last=False)


class Reconcile:
    """One store's passes."""

    def __init__(
        self,
        reader: StoreReader,
        consents: Consents,
        publish: Publish,
        write_clock: Callable[[datetime], Awaitable[None]],
        *,
        settle: timedelta,
        overlap: timedelta,
    ) -> None:
        self._reader = reader
        self._consents = consents
        self._publish = publish
        self._write_clock = write_clock
        self._settle = settle
        self._overlap = overlap
        self._published = Published()
        self._caught_up = False
        self._once_more: set[str] = set()

    async def run_pass(self, since: datetime) -> datetime:
        """Publishes what was modified since the clock stood at `since`, then the clock; returns where it stands now.

        Raises the vendor's and Kafka's errors; then nothing is lost by beginning the pass again.
        """
        date = await self._consents.refresh()
        until = date - self._settle
        if until <= since:
            return since
        start = since - self._overlap
        await self._changed_consents(start)
        customers = await self._customers(start, until)
        orders = await self._orders(start, until)
        await self._write_clock(until)
        gauge("headrace_clock_seconds").set(until.timestamp())
        if customers or orders:
            log.info("reconcile.completed", until=until.isoformat(), customers=customers, orders=orders)
        return until

    async def _changed_consents(self, since: datetime) -> None:
        """Publishes whose consent changed, and once more in the next pass: a date of change says nothing of consent,
        so a read of the same second, made before it changed, bears the same revision and may have come first."""
        if not self._caught_up:  # what changed while there was no feed
            await self._consents.catch_up(since)
            self._caught_up = True
        emails = set(self._consents.changed)
        if emails | self._once_more:
            rows = await self._reader.customers_by_email(sorted(emails | self._once_more))
            await self._publish(rows, {}, "reconcile")
            self._consents.changed -= emails
            self._once_more = emails

    async def _customers(self, since: datetime, until: datetime) -> int:
        count = 0
        async for page in changed_between(since, until, self._reader.customers_modified, self._customers_of_second):
            rows = self._published.new("customer", page)
            if rows:
                await self._publish(rows, {}, "reconcile")
                self._published.add("customer", rows)
            count += len(rows)
        return count

    async def _orders(self, since: datetime, until: datetime) -> int:
        count = 0
        async for page in changed_between(since, until, self._reader.orders_modified, self._orders_of_second):
            rows = self._published.new("order", page)
            if rows:
                await self._publish({}, rows, "reconcile")
                self._published.add("order", rows)
            count += len(rows)
        return count

    async def _customers_of_second(self, second: datetime) -> AsyncIterator[list[Fetched]]:
        cursor: str | None = None
        while True:
            rows, cursor = await self._reader.customers_after(
                cursor, modified_from=second, modified_until=second + timedelta(seconds=1)
            )
            yield rows
            if cursor is None:
                return

    async def _orders_of_second(self, second: datetime) -> AsyncIterator[list[Fetched]]:
        min_id = 1
        while True:
            end = second + timedelta(seconds=1)
            rows, more = await self._reader.orders_modified(second, until=end, min_id=min_id)
            if rows:
                yield rows
            if not more:
                return
            min_id = max(identifier(each.row, "id") for each in rows) + 1
