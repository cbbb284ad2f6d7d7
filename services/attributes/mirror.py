"""The consumer of `actions.attributes`: keeps the values here, mirrors them where their definitions say.

What a customer shall hold where is `layout`'s matter; how a store attribute or a metafield is written, that of
`store_attributes` and `metafields`. What does not fit is kept here whole, and said.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec
from sqlalchemy import Connection

from headrace.consumer import Arrival, Finished, Limits, Result, Target, Task, TryAgain, as_advised
from headrace.consumer.kind import APPLIED, OutcomeKind
from headrace.contracts import topics
from headrace.contracts.actions import DesiredAttributes
from headrace.platforms import bigcommerce
from headrace.platforms.errors import Rejected
from headrace.platforms.http import VendorClient
from services.attributes.definition_table import load_definitions
from services.attributes.definitions import NONE, Definitions
from services.attributes.layout import (
    ATTRIBUTE,
    METAFIELD,
    Room,
    Texts,
    from_ledger,
    lay_out,
    metafield_key,
    to_ledger,
    told_of,
)
from services.attributes.metafields import CustomerMetafields
from services.attributes.store import keep
from services.attributes.store_attributes import StoreAttributes


class AttributeMirror:
    """The kind `attributes` (see `headrace.consumer.Kind`). `together` is the name of the common store attribute."""

    name = "attributes"
    group = "attributes"
    outcome: tuple[OutcomeKind, str] = ("attribute", "bigcommerce")
    decoders: Mapping[str, Callable[[bytes], Any]] = {
        topics.ACTIONS_ATTRIBUTES: msgspec.json.Decoder(DesiredAttributes).decode
    }
    limits = Limits(batch=bigcommerce.WRITE_LIMIT, concurrency=3, linger_s=0.1, read_back=bigcommerce.IDS_PER_CALL)
    reads_back = True

    def __init__(
        self,
        client: VendorClient,
        store: str,
        together: str,
        *,
        metafields: CustomerMetafields,
        attributes: StoreAttributes | None = None,
        overflow_to_metafields: bool = True,
    ) -> None:
        self._client = client
        self._store = store
        self._together = together
        self._attributes = attributes or StoreAttributes(client)
        self._metafields = metafields
        self._overflow = overflow_to_metafields
        self._definitions: Definitions = NONE

    @property
    def room(self) -> Room:
        """What the store offers, as far as it was asked."""
        return Room(self._together, self._attributes.missing, self._overflow)

    async def look_for_room(self) -> bool:
        """True when a store attribute that was missing is there now. Raises TryAgain, PauseConsumer."""
        return bool(self._attributes.missing) and await self._attributes.look_again()

    def weigh(self, part: float) -> None:
        """Its part of the role's quota."""
        self._client.weigh(part)

    def prepare(self, connection: Connection, arrivals: Sequence[Arrival]) -> Sequence[Target | Finished]:
        """Keeps the values in the same transaction that the ledger is read in."""
        accepted = keep(connection, [(arrival.desired, arrival.source.timestamp) for arrival in arrivals])
        self._definitions = load_definitions(connection, self._store)
        return [self._answer(one.desired, new=new) for one, new in zip(arrivals, accepted, strict=True)]

    def _answer(self, desired: DesiredAttributes, *, new: bool) -> Target | Finished:
        if not new:
            return Finished("stale", "older", desired.version)
        if _number(desired.customer, self._store) is None:
            return Finished("applied", "kept_here", desired.version)
        layout = lay_out(desired.present, self._definitions, self.room)
        # Nobody else writes what is ours: while nothing was ever taken back, a customer new to us has nothing there.
        observed = None if desired.absent else ""
        value = to_ledger(layout.texts, self._together)
        return Target(desired.version, value, observed=observed, told=told_of(layout))

    async def read_back(self, customers: Sequence[str]) -> Mapping[str, Any]:
        """What the store holds of ours; a customer without anything has "" (one that is gone looks the same)."""
        numbers = {self._id(customer): customer for customer in customers}
        found: dict[str, Texts] = {customer: {} for customer in customers}
        own = [one.name for one in self._definitions.values() if one.mirror == "store_attribute"]
        for name, attribute in (await self._attributes.known([self._together, *own])).items():
            async for number, text in self._values(attribute, list(numbers)):
                if text and number in numbers:
                    found[numbers[number]][ATTRIBUTE + name] = text
        keys = [metafield_key(name) for name in (self._together, *self._keyed())]
        metafields = await self._metafields.read(customers, keys) if self._overflow or len(keys) > 1 else {}
        for customer, texts in metafields.items():
            found[customer] |= {METAFIELD + key: text for key, text in texts.items()}
        return {customer: to_ledger(texts, self._together) for customer, texts in found.items()}

    async def perform(self, tasks: Sequence[Task]) -> Mapping[str, Result]:
        """In calls for ten customers each; if the store refuses any of it, one by one."""
        try:
            await self._attributes.ensure(sorted(self._wanted_attributes(tasks)))
            chosen = {task.customer: self._resolved(task) for task in tasks}
            await self._write(tasks, {customer: texts for customer, (texts, _) in chosen.items()})
        except Rejected as error:
            if len(tasks) == 1:
                return {tasks[0].customer: await self._refused(tasks[0], error)}
            self._attributes.forget()
            results: dict[str, Result] = {}
            for task in tasks:
                results |= await self.perform([task])
            return results
        return {customer: result for customer, (_, result) in chosen.items()}

    async def _write(self, tasks: Sequence[Task], wanted: Mapping[str, Texts]) -> None:
        """First what is new, then what goes: a value that moves is nowhere missing meanwhile."""
        changes: dict[str, dict[str, str]] = {}
        for task in tasks:
            texts, known = wanted[task.customer], from_ledger(task.applied.value, self._together)
            for place in texts.keys() | known.keys():
                if (text := texts.get(place, "")) != known.get(place, ""):
                    changes.setdefault(place, {})[task.customer] = text
        metafields = {
            (customer, place.removeprefix(METAFIELD)): text
            for place, texts in changes.items()
            if place.startswith(METAFIELD)
            for customer, text in texts.items()
        }
        if written := {name: text for name, text in metafields.items() if text}:
            await self._metafields.write(written)
        await self._put({place: texts for place, texts in changes.items() if place.startswith(ATTRIBUTE)})
        if gone := [name for name, text in metafields.items() if not text]:
            await self._metafields.delete(gone)

    async def _put(self, changes: Mapping[str, Mapping[str, str]]) -> None:
        names = {place.removeprefix(ATTRIBUTE): texts for place, texts in changes.items()}
        ids = await self._attributes.known(sorted(names))
        if any(text for name in names.keys() - ids.keys() for text in names[name].values()):
            raise TryAgain("attribute_not_found", unknown=True)  # taken away by others, or not shown yet
        # A text that goes and whose attribute is gone went along.
        values = sorted(
            (self._id(customer), ids[name], text)
            for name, texts in names.items()
            if name in ids
            for customer, text in texts.items()
        )
        for start in range(0, len(values), bigcommerce.WRITE_LIMIT):
            part = values[start : start + bigcommerce.WRITE_LIMIT]
            request = bigcommerce.upsert_attribute_values([(own, number, text) for number, own, text in part])
            with as_advised():
                await self._client.call(request)

    def _resolved(self, task: Task) -> tuple[Texts, Result]:
        """The texts wanted and what to say: since it was prepared, an attribute may have turned out to be missing."""
        texts, told = from_ledger(task.target.value, self._together), task.target.told
        missing = self._attributes.missing
        moved = [name for name in _attributes_in(texts) if name in missing]
        if not moved:
            return texts, told
        for name in moved:
            text = texts.pop(ATTRIBUTE + name)
            if self._overflow:
                texts[METAFIELD + metafield_key(name)] = text
        if told == APPLIED:
            result: Any = "applied" if self._overflow else "overflow"
            told = Result(result, "attribute_limit", "; ".join(f"{name}: attribute_limit" for name in moved))
        return texts, replace(told, value=to_ledger(texts, self._together))

    async def _refused(self, task: Task, error: Rejected) -> Result:
        """Is the customer gone, is the attribute, or is it the value?"""
        self._attributes.forget()
        with as_advised():
            reply = await self._client.call(bigcommerce.customers_by_id([self._id(task.customer)]))
        if not bigcommerce.rows_of(reply):
            return Result("refused", "customer_gone")
        return Result("refused", "vendor_rejected", error.message, dead_letter=True)

    async def _values(self, attribute: int, numbers: Sequence[int]) -> AsyncIterator[tuple[int, str]]:
        page: int | None = 1
        while page is not None:
            with as_advised():
                reply = await self._client.call(bigcommerce.attribute_values(attribute, numbers, page))
                found = [(bigcommerce.number_of(row, "customer_id"), row) for row in bigcommerce.rows_of(reply)]
            for number, row in found:
                yield number, str(row.get("attribute_value") or "")
            page = bigcommerce.next_page_of(reply)

    def _wanted_attributes(self, tasks: Sequence[Task]) -> set[str]:
        return {name for task in tasks for name in _attributes_in(from_ledger(task.target.value, self._together))}

    def _keyed(self) -> Iterator[str]:
        """Attributes that may have a metafield of their own."""
        for definition in self._definitions.values():
            if definition.mirror in ("store_attribute", "metafield"):
                yield definition.name

    def _id(self, customer: str) -> int:
        number = _number(customer, self._store)
        assert number is not None, "prepare lets only store customers through"
        return number


def _attributes_in(texts: Mapping[str, str]) -> list[str]:
    return [place.removeprefix(ATTRIBUTE) for place in texts if place.startswith(ATTRIBUTE)]


def _number(customer: str, store: str) -> int | None:
    """The store's id of "store:customer"; None for guests and other stores."""
    prefix, _, rest = customer.partition(":")
    return int(rest) if prefix == store and rest.isascii() and rest.isdigit() else None
