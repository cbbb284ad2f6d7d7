"""Texts in metafields of the store's customers, in as few calls as there can be: ten customers a call.

A metafield is written again by its id. Ids are remembered in the database; one that is not known is looked up when the
store says that the metafield is there.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Final

from sqlalchemy import Connection

from headrace.consumer import as_advised
from headrace.consumer.patience import Store
from headrace.platforms import bigcommerce
from headrace.platforms.bigcommerce import Metafield
from headrace.platforms.errors import Rejected
from headrace.platforms.http import Request, VendorClient
from services.attributes.bulk import delete_rows, replace_rows, rows_of
from services.attributes.tables import METAFIELDS

NAMESPACE: Final = "headrace"
_BATCH: Final = bigcommerce.METAFIELDS_AT_ONCE
_FEW: Final = 3
"""So many customers are read one by one."""
Name = tuple[str, str]
"""Customer ("store:id") and key."""


class CustomerMetafields:
    """Ours of one store. Methods raise TryAgain, PauseConsumer, and `Rejected` where one customer's is refused."""

    def __init__(self, client: VendorClient, database: Store, store: str) -> None:
        self._client = client
        self._database = database
        self._prefix = f"{store}:"

    async def write(self, texts: Mapping[Name, str]) -> None:
        """Makes or sets them; none is empty."""
        ids = await self._ids({customer for customer, _ in texts})
        known = [(name, text) for name, text in texts.items() if name in ids]
        for part in _parts(known):
            await self._update([(name, ids[name], text) for name, text in part])
        new = sorted((name[1], name[0], text) for name, text in texts.items() if name not in ids)
        for key, entries in groupby(new, key=lambda entry: entry[0]):
            for chunk in _parts([((customer, key), text) for _, customer, text in entries]):
                await self._create(key, chunk)

    async def delete(self, names: Iterable[Name]) -> None:
        """Takes them away; what is not there is no error."""
        wanted = list(names)
        ids = await self._ids({customer for customer, _ in wanted})
        for name in wanted:
            found = ids.get(name) or (await self._look(name[0])).get(name[1], (None, ""))[0]
            if found is None:
                continue
            try:
                await self._call(bigcommerce.delete_metafield(self._number(name[0]), found))
            except Rejected as error:
                if error.status != 404:
                    raise
        await self._database.write(lambda connection: delete_rows(connection, METAFIELDS, wanted))

    async def read(self, customers: Sequence[str], keys: Sequence[str]) -> dict[str, dict[str, str]]:
        """Customer -> key -> text. Many customers are found in the lists of `keys`, if these are short enough."""
        listed = None if len(customers) <= _FEW else await self._listed(keys, most=len(customers))
        if listed is None:
            pairs = [(customer, await self._look(customer)) for customer in customers]
            return {customer: {key: text for key, (_, text) in found.items()} for customer, found in pairs}
        wanted = set(customers)
        ours = [(self._prefix + str(row.customer_id), row) for row in listed]
        await self._remember([(customer, row) for customer, row in ours if customer in wanted])
        found: dict[str, dict[str, str]] = {customer: {} for customer in customers}
        for customer, row in ours:
            if customer in wanted:
                found[customer][row.key] = row.value
        return found

    async def _update(self, part: Sequence[tuple[Name, int, str]]) -> None:
        try:
            await self._call(bigcommerce.update_metafields([(own, text) for _, own, text in part]))
        except Rejected:
            await self._database.write(
                lambda connection: delete_rows(connection, METAFIELDS, [name for name, _, _ in part])
            )
            for name, _, text in part:
                await self._put(name, text)

    async def _create(self, key: str, part: Sequence[tuple[Name, str]]) -> None:
        values = [(self._number(name[0]), text) for name, text in part]
        try:
            rows = await self._call(bigcommerce.create_metafields(NAMESPACE, key, values))
        except Rejected:
            for name, text in part:
                await self._put(name, text)
        else:
            await self._remember([(self._prefix + str(row.customer_id), row) for row in rows])

    async def _put(self, name: Name, text: str) -> None:
        """One, after a look at what is there: a call before may have made it, all or in part."""
        customer, key = name
        own, there = (await self._look(customer)).get(key, (None, ""))
        if own is None:
            request = bigcommerce.create_metafields(NAMESPACE, key, [(self._number(customer), text)])
            await self._remember([(customer, row) for row in await self._call(request)])
        elif there != text:
            await self._call(bigcommerce.update_metafields([(own, text)]))

    async def _look(self, customer: str) -> dict[str, tuple[int, str]]:
        """Key -> id and text of one customer's; a customer who is gone has none."""
        try:
            rows = await self._call(bigcommerce.metafields_of(self._number(customer), NAMESPACE))
        except Rejected as error:
            if error.status != 404:
                raise
            rows = []
        await self._remember([(customer, row) for row in rows])
        return {row.key: (row.id, row.value) for row in rows}

    async def _listed(self, keys: Sequence[str], *, most: int) -> list[Metafield] | None:
        """Everybody's metafields of these keys; None when that takes more than `most` calls."""
        found: list[Metafield] = []
        for key in keys:
            cursor: str | None = None
            while True:
                if most == 0:
                    return None
                most -= 1
                with as_advised():
                    reply = await self._client.call(bigcommerce.metafields_named(NAMESPACE, key, cursor))
                rows = bigcommerce.rows_of(reply)
                found += [row for row in map(bigcommerce.metafield_of, rows) if row is not None]
                cursor = bigcommerce.next_cursor_of(reply)
                if cursor is None or not rows:
                    break
        return found

    async def _call(self, request: Request) -> list[Metafield]:
        with as_advised():
            reply = await self._client.call(request)
        return [row for row in map(bigcommerce.metafield_of, bigcommerce.rows_of(reply)) if row is not None]

    async def _ids(self, customers: Iterable[str]) -> dict[Name, int]:
        wanted = sorted(customers)

        def load(connection: Connection) -> dict[Name, int]:
            return {(row.customer, row.key): row.id for row in rows_of(connection, METAFIELDS, wanted)}

        return await self._database.write(load)

    async def _remember(self, found: Sequence[tuple[str, Metafield]]) -> None:
        rows = {(customer, row.key): {"customer": customer, "key": row.key, "id": row.id} for customer, row in found}
        if rows:
            await self._database.write(lambda connection: replace_rows(connection, METAFIELDS, list(rows.values())))

    def _number(self, customer: str) -> int:
        return int(customer.removeprefix(self._prefix))


def _parts(entries: Sequence[tuple[Name, str]]) -> Iterable[Sequence[tuple[Name, str]]]:
    return (entries[start : start + _BATCH] for start in range(0, len(entries), _BATCH))
