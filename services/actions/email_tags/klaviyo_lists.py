"""Klaviyo's lists by name: found, made when missing, their ids kept. Who shall be on them is decided elsewhere."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from headrace.consumer import TryAgain
from headrace.platforms import klaviyo
from headrace.platforms.errors import Rejected
from headrace.platforms.http import Reply, Request

Call = Callable[[Request], Awaitable[Reply]]
_TODAY_S: Final = 300.0
"""Who shall wait longer than this has used the day up, not the minute."""


class ListsUsedUp(Exception):
    """No list can be made any more today."""


class KlaviyoLists:
    """The lists of one account; `call` raises what its client's errors advise."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._ids: dict[str, str] = {}
        self._lock = asyncio.Lock()

    async def change(self, name: str, profile_ids: Sequence[str], *, onto: bool) -> None:
        """Puts profiles on the list, which is made if it is missing, or takes them off it.

        Raises ListsUsedUp; Rejected when one of the profiles is not there, and then nothing was done.
        """
        try:
            await self._once(name, profile_ids, onto=onto)
        except Rejected as error:
            if error.status != 404:
                raise
            self._ids.pop(name, None)  # a list that was deleted, or a profile: the second time tells
            await self._once(name, profile_ids, onto=onto)

    async def _once(self, name: str, profile_ids: Sequence[str], *, onto: bool) -> None:
        list_id = await self._id(name, make=onto)
        if list_id is not None:
            build = klaviyo.add_to_list if onto else klaviyo.remove_from_list
            await self._call(build(list_id, profile_ids))

    async def _id(self, name: str, *, make: bool) -> str | None:
        """The oldest list of the name; None where there is none and none is to be made."""
        async with self._lock:  # two who miss it at one time would make two
            found = self._ids.get(name) or await self._find(name)
            if found is None and make:
                found = await self._make(name)
            if found is not None:
                self._ids[name] = found
            return found

    async def _find(self, name: str) -> str | None:
        reply = await self._call(klaviyo.find_lists([name]))
        return klaviyo.lists_of(reply.json).get(name)

    async def _make(self, name: str) -> str:
        try:
            reply = await self._call(klaviyo.create_list(name))
        except TryAgain as error:
            if error.unknown or (error.delay_s or 0.0) < _TODAY_S:
                raise
            raise ListsUsedUp(f"Klaviyo makes {klaviyo.LISTS_A_DAY} lists a day") from error
        found = klaviyo.list_of(reply.json)
        if found is None:
            raise TryAgain("unreadable_reply", unknown=True)
        return found
