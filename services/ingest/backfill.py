"""The store's past as events, once: all customers, then all orders, resumable after every page.

What happens afterwards is `reconcile`'s.
"""

import time
from collections.abc import Awaitable, Callable

import msgspec

from headrace.contracts.events import Origin
from headrace.contracts.progress import Progress, eta_s
from headrace.runtime.logs import log
from headrace.runtime.metrics import counter, gauge
from services.ingest.normalise import identifier
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
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._reader = reader
        self._publish = publish
        self._save = save
        self._clock = clock

    async def step(self, progress: Progress) -> Progress:
        """One page; with the last the phase is "changes". Raises the vendor's and Kafka's errors: nothing was done."""
        began = self._clock()
        if progress.phase == "customers" and progress.customer_cursor is None:
            customers_total, orders_total = await self._reader.totals()
            progress = msgspec.structs.replace(progress, customers_total=customers_total, orders_total=orders_total)
        if progress.phase == "customers":
            progress = await self._customers(progress)
            spent = progress.customer_seconds + self._clock() - began
            progress = msgspec.structs.replace(progress, customer_seconds=spent)
        else:
            progress = await self._orders(progress)
            spent = progress.order_seconds + self._clock() - began
            progress = msgspec.structs.replace(progress, order_seconds=spent)
        await self._save(progress)
        _tell(progress)
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
        rows, more = await self._reader.orders_from(progress.order_id + 1)
        orders = {identifier(each.row, "id"): each for each in rows}
        await self._publish({}, orders, "backfill")
        counter("headrace_backfill_rows_total", resource="order").inc(len(rows))
        return msgspec.structs.replace(
            progress,
            orders=progress.orders + len(rows),
            order_id=max(orders, default=progress.order_id),
            phase="orders" if more else "changes",
            backfilled=not more,
        )


def _tell(progress: Progress) -> None:
    left_s = eta_s(progress)
    gauge("headrace_backfill_expected_rows", resource="customer").set(progress.customers_total)
    gauge("headrace_backfill_expected_rows", resource="order").set(progress.orders_total)
    if left_s is not None:
        gauge("headrace_backfill_eta_seconds").set(left_s)
    log.info(
        "backfill.completed" if progress.phase == "changes" else "backfill.advanced",
        phase=progress.phase,
        customers=progress.customers,
        customers_total=progress.customers_total,
        orders=progress.orders,
        orders_total=progress.orders_total,
        order_id=progress.order_id,
        eta_s=None if left_s is None else round(left_s),
    )
