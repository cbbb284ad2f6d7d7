"""Rows into records: reads what the rows lack, and puts every customer before the first order that needs it.

Shared by hydrate and feed; which rows are read and when is theirs.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from headrace.contracts.events import OrderSnapshot, Origin, StatusChange, revision
from headrace.runtime.logs import log
from services.ingest import declared, normalise
from services.ingest.currencies import Currencies
from services.ingest.lookups import Categories, Consents, Groups
from services.ingest.normalise import Malformed
from services.ingest.owners import Entry, Owners, Placed
from services.ingest.publish import Events, Record
from services.ingest.reader import Fetched, StoreReader

_KNOWN_CUSTOMERS: Final = 500_000
ODD: Final = (ValueError, TypeError, AttributeError, LookupError, ArithmeticError)
"""What a row of another shape than documented ends in; it must stop nothing but itself."""


class KnownCustomers:
    """Customers whose snapshot this process has published, the latest of them."""

    def __init__(self, limit: int = _KNOWN_CUSTOMERS) -> None:
        self._limit = limit
        self._ids: OrderedDict[int, None] = OrderedDict()

    def __contains__(self, customer_id: int) -> bool:
        return customer_id in self._ids

    def add(self, customer_ids: Collection[int]) -> None:
        """They have been acknowledged."""
        for customer_id in customer_ids:
            self._ids[customer_id] = None
            self._ids.move_to_end(customer_id)
        while len(self._ids) > self._limit:
            self._ids.popitem(last=False)


@dataclass(slots=True)
class Batch:
    """Records in the order they must be written; `bad` names the resources whose rows could not be read."""

    removals: list[Record] = field(default_factory=list)
    """Orders out of the customers they leave: acknowledged before the others are written."""
    placed: list[Placed] = field(default_factory=list)
    """Where the orders among the records are."""
    named: list[Entry] = field(default_factory=list)
    """Addresses of the customers among the records."""
    records: list[Record] = field(default_factory=list)
    customers: set[int] = field(default_factory=set)
    """Whose snapshots are among the records: known once they are acknowledged."""
    refunds: Mapping[int, list[dict[str, object]]] = field(default_factory=dict)
    """All refund rows by order id, declined ones too."""
    bad: dict[tuple[str, int], str] = field(default_factory=dict)
    """("order" or "customer", id) -> which field is wrong."""


class Snapshots:
    """Makes batches of one store's records."""

    def __init__(self, reader: StoreReader, events: Events, owners: Owners) -> None:
        self.owners = owners
        self.consents = Consents(reader)
        self.known = KnownCustomers()
        self._reader = reader
        self._events = events
        self._groups = Groups(reader)
        self.categories = Categories(reader)
        self.currencies = Currencies(reader)

    async def batch(
        self,
        *,
        customers: Mapping[int, Fetched],
        orders: Mapping[int, Fetched],
        origin: Origin,
        status_changes: Mapping[int, StatusChange] | None = None,
        owners: Collection[int] = (),
    ) -> Batch:
        """Records of these rows, and of the customers that the orders need, and of those in `owners` not known yet.

        Raises the vendor's errors.
        """
        batch = Batch()
        needed = {*self._owners(orders, batch), *owners} - {0, *customers}
        unknown = {each for each in needed if each not in self.known}
        refunds, others, _ = await asyncio.gather(
            self._reader.refunds(orders),
            self._reader.customers(unknown),
            self.categories.know(self._products(orders, batch)),
        )
        batch.refunds = refunds
        await self._add_customers({**others, **customers}, origin, batch)
        self._add_orders(orders, refunds, status_changes or {}, origin, batch)
        return batch

    async def _add_customers(self, rows: Mapping[int, Fetched], origin: Origin, batch: Batch) -> None:
        if not rows:
            return
        groups = self._group_ids(rows, batch)
        _, _, addresses, _ = await asyncio.gather(
            self.consents.refresh(),
            self._groups.know(groups.values()),
            self._reader.all_addresses(rows[each] for each in groups),
            self._know_currency(rows),
        )
        for customer_id, group_id in groups.items():
            each = rows[customer_id]
            try:
                snapshot = normalise.customer(
                    each.row,
                    group=self._groups.name(group_id),
                    subscribed=self._subscribed(normalise.text(each.row, "email")),
                    addresses=addresses.get(customer_id),
                    currency=self.currencies.own,
                    consents=self.consents.purposes(normalise.text(each.row, "email")),
                )
                record = self._events.customer(snapshot, each.fetched_at, origin)
            except ODD as error:
                batch.bad["customer", customer_id] = why(error)
                continue
            batch.records.append(record)
            batch.customers.add(customer_id)
            email = snapshot.personal.email if snapshot.personal else None
            revised = revision(snapshot.modified_at, each.fetched_at)
            batch.named += self.owners.named(customer_id, email, revised)

    def _add_orders(
        self,
        rows: Mapping[int, Fetched],
        refunds: Mapping[int, Sequence[dict[str, object]]],
        status_changes: Mapping[int, StatusChange],
        origin: Origin,
        batch: Batch,
    ) -> None:
        for order_id, each in rows.items():
            if ("order", order_id) in batch.bad:
                continue
            try:
                snapshot = normalise.order(
                    each.row,
                    refunds.get(order_id, ()),
                    categories_of=self.categories.of,
                    is_late=self.categories.is_late,
                    status_change=status_changes.get(order_id),
                )
                self._place(snapshot, each, origin, batch)
            except ODD as error:
                batch.bad["order", order_id] = why(error)

    def _place(self, snapshot: OrderSnapshot, each: Fetched, origin: Origin, batch: Batch) -> None:
        """Under its owner; what comes to another than before is no news to act on."""
        email = snapshot.personal.email if snapshot.personal else None
        revised = revision(snapshot.modified_at, each.fetched_at)
        placed = self.owners.place(snapshot.order_id, normalise.customer_id_of(each.row), email, revised)
        if placed is None:
            log.info("order.outdated", order_id=snapshot.order_id)
            return
        key = placed.owner.owner
        batch.records.append(self._events.order(snapshot, key, each.fetched_at, "backfill" if placed.leave else origin))
        batch.removals += [self._events.removed(snapshot, left, key, each.fetched_at) for left in placed.leave]
        batch.placed.append(placed)

    def _subscribed(self, email: str | None) -> bool | None:
        """By the store's list, unless the customer said no elsewhere since."""
        in_store, said_at = self.consents.of(email), self.consents.said_at(email)
        return self.owners.words.subscribed(self.owners.hash(email), in_store, said_at) if email else in_store

    async def _know_currency(self, rows: Mapping[int, Fetched]) -> None:
        """Only where somebody has store credit: an amount without a currency is none."""
        if any(declared.has_store_credit(each.row) for each in rows.values()):
            await self.currencies.know()

    def _group_ids(self, rows: Mapping[int, Fetched], batch: Batch) -> dict[int, int]:
        found = {}
        for customer_id, each in rows.items():
            try:
                found[customer_id] = normalise.group_id_of(each.row)
            except Malformed as error:
                batch.bad["customer", customer_id] = why(error)
        return found

    def _owners(self, orders: Mapping[int, Fetched], batch: Batch) -> set[int]:
        owners = set()
        for order_id, each in orders.items():
            try:
                owners.add(normalise.customer_id_of(each.row))
            except Malformed as error:
                batch.bad["order", order_id] = why(error)
        return owners

    def _products(self, orders: Mapping[int, Fetched], batch: Batch) -> set[int]:
        products: set[int] = set()
        for order_id, each in orders.items():
            try:
                products |= normalise.product_ids_of(each.row)
            except ODD as error:
                batch.bad["order", order_id] = why(error)
        return products


def why(error: Exception) -> str:
    """Never a value of the row: it may be personal."""
    return str(error) if isinstance(error, Malformed) else "a field has another type than the vendor documents"
