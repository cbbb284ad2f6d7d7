"""The ids that SendGrid gave our text field and the lists, by name: found, made when missing, kept for a while."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import Final

from headrace.consumer import PauseConsumer, TryAgain
from headrace.platforms import sendgrid
from headrace.platforms.errors import Rejected
from headrace.platforms.http import Reply, Request

Call = Callable[[Request], Awaitable[Reply]]
_KEPT_S: Final = 600.0
"""Somebody may give a list another name, and make a new one of the old name."""
_NO_SUCH_ADDRESS: Final = frozenset({404, 405, 410})


class SendGridNames:
    """Of one account; `call` raises Rejected, and what its client's errors advise."""

    def __init__(self, call: Call, field: str) -> None:
        self._call = call
        self._name: Final = field
        self.field: Final = field.lower()
        self.field_id = ""
        self.lists: dict[str, str] = {}
        self._until = 0.0
        self._lock = asyncio.Lock()

    def forget(self) -> None:
        """One of the ids is no more."""
        self._until = 0.0

    async def know(self, wanted: Collection[str], others: Collection[str]) -> dict[str, str]:
        """Finds the field and these lists; makes the field, and the wanted lists where they are missing.

        Gives those that the account does not take, and its word for why.
        """
        async with self._lock:  # two who miss a list at one time would make two
            now = asyncio.get_running_loop().time()
            if now >= self._until:
                await self._find_field()
                await self._find_lists()
                self._until = now + _KEPT_S
            elif not {*wanted, *others} <= self.lists.keys():
                await self._find_lists()
            missing = [name for name in sorted(wanted) if name not in self.lists]
            return {name: why for name in missing if (why := await self._make_list(name)) is not None}

    async def _find_field(self) -> None:
        known = sendgrid.fields_by_name(await insist(self._call, sendgrid.field_definitions()))
        self.field_id = known.get(self.field) or _id_of(await insist(self._call, sendgrid.create_field(self._name)))

    async def _find_lists(self) -> None:
        found: dict[str, str] = {}
        tokens, token = set[str](), ""
        while token not in tokens:
            tokens.add(token)
            reply = await insist(self._call, sendgrid.lists(token))
            found |= sendgrid.ids_by_name(reply)
            token = sendgrid.next_token(reply) or ""
        self.lists = found

    async def _make_list(self, name: str) -> str | None:
        try:
            self.lists[name] = _id_of(await self._call(sendgrid.create_list(name)))
        except Rejected as error:
            if error.status in _NO_SUCH_ADDRESS:
                raise PauseConsumer(error.message) from error
            return error.message
        return None


async def insist(call: Call, request: Request) -> Reply:
    """For calls that nobody's data can be the reason to refuse."""
    try:
        return await call(request)
    except Rejected as error:
        if error.status in _NO_SUCH_ADDRESS:
            raise PauseConsumer(error.message) from error
        raise TryAgain(f"vendor_rejected {error.status}") from error


def _id_of(reply: Reply) -> str:
    made = sendgrid.made_id(reply)
    if made is None:
        raise TryAgain("reply_without_id", unknown=True)
    return made
