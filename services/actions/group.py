"""Customer groups in the BigCommerce store: one group a customer, written only when it changed.

Which group a customer should be in is the evaluator's matter; groups are never created here.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from time import monotonic
from typing import Any, Final

import msgspec
from sqlalchemy import Connection

from headrace.consumer import Arrival, Finished, Limits, Result, Skip, Target, Task, as_advised
from headrace.consumer.kind import APPLIED, OutcomeKind
from headrace.contracts import topics
from headrace.contracts.actions import DesiredGroup
from headrace.platforms import bigcommerce
from headrace.platforms.errors import Rejected
from headrace.platforms.http import VendorClient

HANDS_OFF: Final = Skip("skipped", "hands_off", forget=True)
"""The merchant's own group: not touched, and from now on anything may be there."""
_REREAD_AFTER_S: Final = 10.0
"""What was found missing is looked for again after this time; a refused write reads the groups at most this often."""


class StoreGroups:
    """The store's groups by name and by id, read when one is unknown. There is no webhook for groups."""

    def __init__(self, client: VendorClient, *, clock: Callable[[], float] = monotonic) -> None:
        self._client = client
        self._clock = clock
        self._ids: dict[str, int] = {}
        self._missing: dict[str, float] = {}
        self._read_at = -_REREAD_AFTER_S
        self._lock = asyncio.Lock()

    async def ids(self, names: Collection[str]) -> dict[str, int]:
        """name -> id for those that exist; "" is 0. Raises TryAgain, PauseConsumer."""
        wanted = {name for name in names if name}
        async with self._lock:
            if any(self._is_open(name) for name in wanted):
                await self._read()
                self._missing |= dict.fromkeys(wanted - self._ids.keys(), self._read_at)
            return {"": 0} | {name: self._ids[name] for name in wanted if name in self._ids}

    async def names(self, ids: Collection[int]) -> dict[int, str]:
        """id -> name; 0 is ""; a group that is not listed is called by its number, as no group is."""
        if any(number and number not in self._ids.values() for number in ids):
            await self.check()
        known = {number: name for name, number in self._ids.items()}
        return {number: known.get(number, f"#{number}") if number else "" for number in ids}

    async def check(self) -> None:
        """Something does not fit what we know of the groups: it may be old."""
        async with self._lock:
            if self._clock() - self._read_at >= _REREAD_AFTER_S:
                await self._read()

    def _is_open(self, name: str) -> bool:
        """True when a look at the store could find it: not known, and not found missing a moment ago."""
        missing = self._missing.get(name)
        return name not in self._ids and (missing is None or self._clock() - missing >= _REREAD_AFTER_S)

    async def _read(self) -> None:
        began = self._clock()
        found: dict[str, int] = {}
        page = 1
        while True:
            with as_advised():
                rows = bigcommerce.rows_of(await self._client.call(bigcommerce.customer_groups(page)))
                for row in rows:
                    found.setdefault(str(row.get("name")), bigcommerce.number_of(row))
            if len(rows) < bigcommerce.PAGE_LIMIT:
                break
            page += 1
        self._ids, self._read_at = found, began


def _group_in(row: bigcommerce.Row) -> int:
    return bigcommerce.number_of(row, "customer_group_id") if row.get("customer_group_id") else 0


class GroupAssignment:
    """The kind `group` (see `headrace.consumer.Kind`)."""

    name = "group"
    group = "actions.group"
    outcome: tuple[OutcomeKind, str] = ("group", "bigcommerce")
    decoders: Mapping[str, Callable[[bytes], Any]] = {topics.ACTIONS_GROUP: msgspec.json.Decoder(DesiredGroup).decode}
    limits = Limits(batch=bigcommerce.WRITE_LIMIT, concurrency=3, linger_s=0.1, read_back=bigcommerce.IDS_PER_CALL)
    reads_back = True

    def __init__(self, client: VendorClient, store: str) -> None:
        self.limits = replace(type(self).limits, deadline_s=2 * client.deadline_s)
        self._client = client
        self._store = store
        self._groups = StoreGroups(client)

    def weigh(self, part: float) -> None:
        """Its part of the role's quota."""
        self._client.weigh(part)

    def prepare(self, connection: Connection, arrivals: Sequence[Arrival]) -> Sequence[Target | Finished]:
        """Guests have no group; null lets go of the customer."""
        return [self._target(arrival.desired) for arrival in arrivals]

    def _target(self, desired: DesiredGroup) -> Target | Finished:
        if _number(desired.customer, self._store) is None:
            return Finished("skipped", "not_a_store_customer", desired.version)
        if desired.value is None:
            return Target(desired.version, skip=HANDS_OFF)
        return Target(desired.version, desired.value, observed=desired.observed, overwrite=desired.overwrite)

    async def read_back(self, customers: Sequence[str]) -> Mapping[str, str]:
        """Up to 250 customers in one call."""
        numbers = {self._id(customer): customer for customer in customers}
        with as_advised():
            reply = await self._client.call(bigcommerce.customers_by_id(list(numbers)))
            rows = bigcommerce.rows_of(reply)
            held = {bigcommerce.number_of(row): _group_in(row) for row in rows}
        names = await self._groups.names(set(held.values()))
        return {numbers[number]: names[held[number]] for number in held if number in numbers}

    async def perform(self, tasks: Sequence[Task]) -> Mapping[str, Result]:
        """One call for up to ten; a refused one is taken apart."""
        ids = await self._groups.ids({task.target.value for task in tasks})
        known = [task for task in tasks if task.target.value in ids]
        results = {task.customer: _unknown(task) for task in tasks if task.target.value not in ids}
        if known:
            try:
                await self._put([(self._id(task.customer), ids[task.target.value]) for task in known])
            except Rejected as error:
                return results | await self._resolve(known, error)
        return results | {task.customer: APPLIED for task in known}

    async def _put(self, groups: Sequence[tuple[int, int]]) -> None:
        # Not to be repeated blindly: a second sending of what arrived would write unchanged groups.
        request = replace(bigcommerce.update_customer_groups(groups), repeatable=False)
        with as_advised():
            await self._client.call(request)

    async def _resolve(self, tasks: Sequence[Task], error: Rejected) -> dict[str, Result]:
        """The whole call was refused for one of them: who is gone, who is done already, then one by one."""
        await self._groups.check()
        held = await self.read_back([task.customer for task in tasks])
        results: dict[str, Result] = {}
        for task in tasks:
            if task.customer not in held:
                results[task.customer] = Result("refused", "customer_gone")
            elif held[task.customer] == task.target.value:
                results[task.customer] = APPLIED
            elif len(tasks) == 1:
                results[task.customer] = await self._refused(task, error)
            else:
                results[task.customer] = await self._alone(task)
        return results

    async def _alone(self, task: Task) -> Result:
        ids = await self._groups.ids({task.target.value})
        if task.target.value not in ids:
            return _unknown(task)
        try:
            await self._put([(self._id(task.customer), ids[task.target.value])])
        except Rejected as error:
            return await self._refused(task, error)
        return APPLIED

    async def _refused(self, task: Task, error: Rejected) -> Result:
        if task.target.value not in await self._groups.ids({task.target.value}):
            return _unknown(task)
        return Result("refused", "vendor_rejected", error.message, dead_letter=True)

    def _id(self, customer: str) -> int:
        number = _number(customer, self._store)
        assert number is not None, "prepare lets only store customers through"
        return number


def _unknown(task: Task) -> Result:
    return Result("refused", "unknown_group", f"the store has no group {task.target.value!r}")


def _number(customer: str, store: str) -> int | None:
    """The store's id of "store:customer"; None for guests and other stores."""
    prefix, _, rest = customer.partition(":")
    return int(rest) if prefix == store and rest.isascii() and rest.isdigit() else None
