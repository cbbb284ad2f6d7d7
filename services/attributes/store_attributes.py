"""The store's customer attributes that mirror values: found by name, made when there is room for one (a store has 50).

A name without an attribute is `missing`: its values go to metafields, and the process says so.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from headrace.consumer import as_advised
from headrace.platforms import bigcommerce
from headrace.platforms.errors import Rejected
from headrace.platforms.http import VendorClient
from headrace.runtime.logs import log
from headrace.runtime.metrics import gauge

_TEXT = "string"


class StoreAttributes:
    """Ids by name, asked for once. `changed` is told every new set of missing names."""

    def __init__(self, client: VendorClient, changed: Callable[[frozenset[str]], None] = lambda _: None) -> None:
        self._client = client
        self._changed = changed
        self._ids: dict[str, int] | None = None
        self._missing: dict[str, str] = {}
        self._others: dict[str, str] = {}
        """Attributes of the store that hold no text, and what they hold."""
        self._looking = asyncio.Lock()

    @property
    def missing(self) -> frozenset[str]:
        """Names for which the store has no attribute, as far as it was asked."""
        return frozenset(self._missing)

    @property
    def reasons(self) -> Mapping[str, str]:
        """Why, by name."""
        return dict(self._missing)

    async def known(self, names: Sequence[str]) -> dict[str, int]:
        """Ids of those that the store has. Raises TryAgain, PauseConsumer."""
        async with self._looking:
            ids = await self._listed()
        return {name: ids[name] for name in names if name in ids}

    async def ensure(self, names: Sequence[str]) -> dict[str, int]:
        """Ids; those that are not there are made, and `missing` from then on if they cannot be. Raises as `known`."""
        async with self._looking:
            for name in names:
                if name not in await self._listed() and name not in self._missing:
                    await self._make(name)
            ids = await self._listed()
        return {name: ids[name] for name in names if name in ids}

    async def look_again(self) -> bool:
        """Asks anew for all of them; True when a missing one has been found or made. Raises as `known`."""
        self.forget()
        before, self._missing = self._missing, {}
        try:
            await self.ensure(list(before))
        except BaseException:
            self._missing = before | self._missing
            raise
        self._tell()
        return self._missing.keys() < before.keys()

    def forget(self) -> None:
        """An id was refused: all are looked up again."""
        self._ids = None
        self._others = {}

    async def _listed(self) -> dict[str, int]:
        if self._ids is None:
            found: dict[str, int] = {}
            page: int | None = 1
            while page is not None:
                with as_advised():
                    reply = await self._client.call(bigcommerce.attributes(page))
                    for row in bigcommerce.rows_of(reply):
                        if (kind := row.get("type", _TEXT)) == _TEXT:
                            found[str(row.get("name"))] = bigcommerce.number_of(row)
                        else:
                            self._others[str(row.get("name"))] = str(kind)
                page = bigcommerce.next_page_of(reply)
            self._ids = found
        return self._ids

    async def _make(self, name: str) -> None:
        if name in self._others:
            self._miss(name, f"the store's attribute of this name is a {self._others[name]}, not a text")
            return
        try:
            with as_advised():
                reply = await self._client.call(bigcommerce.create_attribute(name))
                made = bigcommerce.number_of(next(iter(bigcommerce.rows_of(reply)), {}))
        except Rejected as error:
            self.forget()
            if name not in await self._listed():  # else another replica was quicker
                self._miss(name, error.message)
        else:
            if self._ids is not None:  # else all are looked up again anyway
                self._ids[name] = made

    def _miss(self, name: str, reason: str) -> None:
        self._missing[name] = reason
        log.warning("attribute.missing", name=name, reason=reason)
        self._tell()

    def _tell(self) -> None:
        gauge("headrace_attributes_missing").set(len(self._missing))
        self._changed(self.missing)
