"""The store's past as events, once: all customers, then all orders, resumable after every page.

What happens afterwards is `reconcile`'s.
"""

from collections.abc import Awaitable, Callable

import msgspec

from headrace.contracts.events import Origin
from headrace.platforms.bigcommerce import PAGE_LIMIT
from headrace.runtime.logs import log
from headrace.runtime.metrics import counter
from services.ingest.normalise import identifier
from services.ingest.progress import Progress
from services.ingest.reader import Fetched, StoreReader

Publish = Callable[[dict[int, Fetched], dict[int, Fetched], Origin], Awaitable[None]]
"""(customers, orders, origin): returns when their events are acknowledged."""


class Backfill:
    """A page at a time; `save` is called after each that was acknowledged."""

    def __init__(
        self,
        reader: StoreReader,
        publish: Publish,
        save: Callable[[Progress], Awaitable[None]],
    ) -> None:
        self._reader = reader
        self._publish = publish
        self._save = save

    async def step(self, progress: Progress) -> Progress:
        """One page; with the last the phase is "changes". Raises the vendor's and Kafka's errors: nothing was done."""
        progress = await (self._customers(progress) if progress.phase == "customers" else self._orders(progress))
        await self._save(progress)
        log.info(
            "backfill.completed" if progress.phase == "changes" else "backfill.advanced",
            phase=progress.phase,
            customers=progress.customers,
            orders=progress.orders,
            order_id=progress.order_id,
        )
        return progress

    async def _customers(self, progress: Progress) -> Progress:
        rows, following = await self._reader.customers_after(progress.customer_cursor)
        await self._publish({identifier(each.row, "id"): each for each in rows}, {}, "backfill")
        counter("headrace_backfill_rows_total", resource="customer").inc(len(rows))
        return msgspec.structs.replace(
            progress,
            customers=progress.customers + len(rows),
            phase="customers" if following else "orders",
            customer_cursor=following,
        )

    async def _orders(self, progress: Progress) -> Progress:
        rows = await self._reader.orders_from(progress.order_id + 1)
        orders = {identifier(each.row, "id"): each for each in rows}
        await self._publish({}, orders, "backfill")
        counter("headrace_backfill_rows_total", resource="order").inc(len(rows))
        return msgspec.structs.replace(
            progress,
            orders=progress.orders + len(rows),
            order_id=max(orders, default=progress.order_id),
            phase="orders" if len(rows) >= PAGE_LIMIT else "changes",
            backfilled=len(rows) < PAGE_LIMIT,
        )
