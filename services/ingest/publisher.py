"""A batch into the log in the order that makes a crash between two writes harmless: repeated, it completes.

First orders leave their former customers, then `headrace.owners` says where they go, then they are there. So whoever
has an order, or soon will, is known to the topic; and nobody is left behind for whom nobody looks.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from headrace.runtime.logs import log
from headrace.runtime.metrics import counter
from services.ingest.owner_log import OwnerLog
from services.ingest.owners import Entry
from services.ingest.publish import EventWriter, Record
from services.ingest.reader import StoreReader
from services.ingest.snapshots import Batch, Snapshots

_AT_ONCE: Final = 250


async def write_in_order(writer: EventWriter, owner_log: OwnerLog, batch: Batch, behind: Iterable[Record] = ()) -> None:
    """What `Publisher.write` writes. Raises `KafkaError`."""
    if batch.removals:
        await writer.write(batch.removals)
    await owner_log.write(placed.entry for placed in batch.placed if not placed.known)
    for placed in batch.placed:
        owner_log.owners.take(placed.entry, own=True)
    await writer.write([*batch.records, *behind])
    await owner_log.write(batch.named)  # behind the snapshots: who reads it may count on them
    for entry in batch.named:
        owner_log.owners.take(entry, own=True)


class Publisher:
    """Writes batches, and puts right what stands under the wrong customer."""

    def __init__(self, reader: StoreReader, snapshots: Snapshots, writer: EventWriter, owner_log: OwnerLog) -> None:
        self._reader = reader
        self._snapshots = snapshots
        self._writer = writer
        self._owner_log = owner_log

    async def write(self, batch: Batch, behind: Iterable[Record] = ()) -> None:
        """Returns when Kafka has all of it. Raises `KafkaError`; then the batch may be made and written again."""
        await write_in_order(self._writer, self._owner_log, batch, behind)
        self._snapshots.known.add(batch.customers)
        moved = [placed for placed in batch.placed if placed.leave]
        for placed in moved:
            log.info("order.moved", order_id=placed.order_id, by_email=placed.owner.by_email)
        if moved:
            counter("headrace_orders_moved_total").inc(len(moved))

    async def hear(self, words: Sequence[Entry]) -> None:
        """Keeps what was said of the newsletter, for every snapshot from now on. Raises `KafkaError`."""
        await self._owner_log.write(words)
        for entry in words:
            self._owner_log.owners.take(entry, own=True)

    async def settle(self) -> Mapping[tuple[str, int], str]:
        """Reads the orders again that stand under the wrong customer, and publishes them; gives the odd rows.

        No effect is released by it. Raises the vendor's and Kafka's errors.
        """
        bad: dict[tuple[str, int], str] = {}
        owners = self._owner_log.owners
        while strays := owners.strays(_AT_ONCE):
            ids = {int(each) for each in strays if each.isascii() and each.isdigit()}
            rows = await self._reader.orders(ids) if ids else {}
            batch = await self._snapshots.batch(customers={}, orders=rows, origin="backfill")
            await self.write(batch)
            bad |= batch.bad
            owners.give_up(strays)
        return bad
