"""The consumer of `actions.attributes`: keeps the values here, mirrors them into one attribute of the store.

The store holds one text of 255 characters a customer; what does not fit is kept here whole and left alone there.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection

from headrace.consumer import Arrival, Finished, Limits, Result, Skip, Target, Task, as_advised
from headrace.consumer.kind import APPLIED, OutcomeKind
from headrace.contracts import topics
from headrace.contracts.actions import DesiredAttributes
from headrace.platforms import bigcommerce
from headrace.platforms.errors import Rejected
from headrace.platforms.http import VendorClient
from services.attributes.encoding import encode_values, fits
from services.attributes.store import keep


class AttributeMirror:
    """The kind `attributes` (see `headrace.consumer.Kind`). `attribute` is the name of the store's attribute."""

    name = "attributes"
    group = "attributes"
    outcome: tuple[OutcomeKind, str] = ("attribute", "bigcommerce")
    decoders: Mapping[str, Callable[[bytes], Any]] = {
        topics.ACTIONS_ATTRIBUTES: msgspec.json.Decoder(DesiredAttributes).decode
    }
    limits = Limits(batch=bigcommerce.WRITE_LIMIT, concurrency=3, linger_s=0.1, read_back=bigcommerce.IDS_PER_CALL)
    reads_back = True

    def __init__(self, client: VendorClient, store: str, attribute: str) -> None:
        self._client = client
        self._store = store
        self._attribute = attribute
        self._attribute_id: int | None = None
        self._ensuring = asyncio.Lock()

    def prepare(self, connection: Connection, arrivals: Sequence[Arrival]) -> Sequence[Target | Finished]:
        """Keeps the values in the same transaction that the ledger is read in."""
        accepted = keep(connection, [(arrival.desired, arrival.source.timestamp) for arrival in arrivals])
        return [self._answer(one.desired, new=new) for one, new in zip(arrivals, accepted, strict=True)]

    def _answer(self, desired: DesiredAttributes, *, new: bool) -> Target | Finished:
        if not new:
            return Finished("stale", "older", desired.version)
        if _number(desired.customer, self._store) is None:
            return Finished("applied", "kept_here", desired.version)
        text = encode_values(desired.present)
        if not fits(text):
            return Target(desired.version, skip=Skip("overflow", "too_long_for_the_store"))
        # Nobody else writes this attribute: while nothing was ever taken back, a customer new to us has none there.
        return Target(desired.version, text, observed=None if desired.absent else "")

    async def read_back(self, customers: Sequence[str]) -> Mapping[str, str]:
        """What the store's attribute holds; a customer without a value has "" (one that is gone looks the same)."""
        numbers = {self._id(customer): customer for customer in customers}
        found = dict.fromkeys(customers, "")
        request = bigcommerce.attribute_values(await self._ensure(), list(numbers))
        with as_advised():
            reply = await self._client.call(request)
        for row in bigcommerce.rows_of(reply):
            if (customer := numbers.get(int(row["customer_id"]))) is not None:
                found[customer] = str(row.get("attribute_value") or "")
        return found

    async def perform(self, tasks: Sequence[Task]) -> Mapping[str, Result]:
        """One call for up to ten; a refused one is taken apart."""
        try:
            await self._put(tasks)
        except Rejected as error:
            if len(tasks) == 1:
                return {tasks[0].customer: await self._refused(tasks[0], error)}
            results: dict[str, Result] = {}
            for task in tasks:
                results |= await self.perform([task])
            return results
        return {task.customer: APPLIED for task in tasks}

    async def _put(self, tasks: Sequence[Task]) -> None:
        attribute = await self._ensure()
        values = [(attribute, self._id(task.customer), task.target.value) for task in tasks]
        with as_advised():
            await self._client.call(bigcommerce.upsert_attribute_values(values))

    async def _refused(self, task: Task, error: Rejected) -> Result:
        """Is the customer gone, is the attribute, or is it the value?"""
        self._attribute_id = None
        with as_advised():
            reply = await self._client.call(bigcommerce.customers_by_id([self._id(task.customer)]))
        if not bigcommerce.rows_of(reply):
            return Result("refused", "customer_gone")
        return Result("refused", "vendor_rejected", error.message, dead_letter=True)

    async def _ensure(self) -> int:
        """The attribute's id; it is made when the store has none of that name. Raises TryAgain, PauseConsumer."""
        async with self._ensuring:
            if self._attribute_id is None:
                self._attribute_id = await self._find() or await self._create()
            return self._attribute_id

    async def _find(self) -> int | None:
        page: int | None = 1
        while page is not None:
            with as_advised():
                reply = await self._client.call(bigcommerce.attributes(page))
            for row in bigcommerce.rows_of(reply):
                if row["name"] == self._attribute:
                    return int(row["id"])
            page = bigcommerce.next_page_of(reply)
        return None

    async def _create(self) -> int:
        try:
            with as_advised():
                reply = await self._client.call(bigcommerce.create_attribute(self._attribute))
        except Rejected:
            if (found := await self._find()) is None:
                raise
            return found  # another replica was quicker
        return int(bigcommerce.rows_of(reply)[0]["id"])

    def _id(self, customer: str) -> int:
        number = _number(customer, self._store)
        assert number is not None, "prepare lets only store customers through"
        return number


def _number(customer: str, store: str) -> int | None:
    """The store's id of "store:customer"; None for guests and other stores."""
    prefix, _, rest = customer.partition(":")
    return int(rest) if prefix == store and rest.isascii() and rest.isdigit() else None
