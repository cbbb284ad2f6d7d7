"""Tags of Omnisend contacts. Many contacts get the same tags in one call; the vendor does it a while after its answer.

A contact's consent is never written: one that we make is not subscribed.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Final

from headrace.consumer import Limits, Result, TryAgain, as_advised
from headrace.consumer.kind import APPLIED
from headrace.contracts.actions import Platform
from headrace.platforms import omnisend
from headrace.platforms.errors import Rejected
from headrace.platforms.gate import Gate
from headrace.platforms.http import Reply, Request, VendorClient
from services.actions.email_tags.audience import Change, as_tags

_SEEN_WITHIN_S: Final = 30.0
"""How long what the vendor took in may take until it shows."""
_LOOK_AGAIN_S: Final = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)

Build = Callable[[Sequence[str], Sequence[str]], Request]


class OmnisendAudience:
    """Contacts of one brand (see `Audience`). It has no lists of ours to be on: a list is a tag."""

    platform: Platform = "omnisend"
    # Between its calls it waits for the quota and for what was asked to show.
    limits = Limits(batch=omnisend.EMAILS_PER_CALL, concurrency=1, linger_s=0.5, deadline_s=120.0)

    def __init__(self, client: VendorClient, tag_calls: Gate) -> None:
        """`tag_calls`: the narrower limit of calls that put tags on or take them off."""
        self._client = client
        self._tag_calls = tag_calls

    async def write(self, changes: Sequence[Change]) -> Sequence[Result]:
        """Contacts that may be missing first, one by one; then tags, a call for all who get the same ones."""
        made = await asyncio.gather(*(self._make(change) for change in changes))
        results = {change.email: result for change, result in zip(changes, made, strict=True)}
        left = [change for change in changes if results[change.email] is APPLIED]
        missing = await self._tag(left, results)
        if missing:  # known to us, and gone from there since
            again = [change for change in left if change.email in missing]
            for change in again:
                results[change.email] = await self._upsert(change.email)
            await self._tag([change for change in again if results[change.email] is APPLIED], results, whole=True)
        return [results[change.email] for change in changes]

    async def _make(self, change: Change) -> Result:
        return APPLIED if change.certain or not change.wanted else await self._upsert(change.email)

    async def _upsert(self, email: str) -> Result:
        try:
            await self._call(omnisend.upsert_contact(email))
        except Rejected as error:
            if error.status == 400:
                return Result("refused", "invalid_email")
            return Result("refused", "vendor_rejected", error.message, dead_letter=True)
        return APPLIED

    async def _tag(self, changes: Sequence[Change], results: dict[str, Result], *, whole: bool = False) -> set[str]:
        """Puts and takes; gives the addresses found to be no contact though something is wanted there.

        `whole`: all that is wanted is put on, whatever was there.
        """
        put, take = defaultdict[tuple[str, ...], list[str]](list), defaultdict[tuple[str, ...], list[str]](list)
        for change in changes:
            on, off, wanted = as_tags(change)
            put[tuple(wanted if whole else on)].append(change.email)
            take[tuple(off)].append(change.email)
        for tags, emails in take.items():
            await self._each(omnisend.remove_tags, emails, tags, results)
        for tags, emails in put.items():
            await self._each(omnisend.add_tags, emails, tags, results)
        wanted_at = {change.email for change in changes if change.wanted}
        probes = [(tags, emails[-1], True) for tags, emails in put.items() if tags]
        probes += [(tags, emails[-1], False) for tags, emails in take.items() if tags]
        missing: set[str] = set()
        for tags, email, present in probes:
            if results[email] is APPLIED and not await self._shows(email, tags, present=present):
                missing |= {email} & wanted_at
        return missing

    async def _each(self, build: Build, emails: Sequence[str], tags: Sequence[str], results: dict[str, Result]) -> None:
        """One call for all; a refused one is taken apart."""
        for start in range(0, len(tags), omnisend.TAGS_PER_CALL):
            part = tags[start : start + omnisend.TAGS_PER_CALL]
            try:
                await self._slowly(build(emails, part))
            except Rejected as error:
                if len(emails) > 1:
                    for email in emails:
                        await self._each(build, [email], part, results)
                else:
                    results[emails[0]] = Result("refused", "vendor_rejected", error.message, dead_letter=True)

    async def _slowly(self, request: Request) -> None:
        ticket = await self._tag_calls.enter()
        try:
            await self._call(request)
        finally:
            self._tag_calls.leave(ticket)

    async def _shows(self, email: str, tags: Sequence[str], *, present: bool) -> bool:
        """Waits until a contact of a call shows what it asked for; False when there is no such contact.

        Calls are worked off in the order in which they were taken in: what stands before it is done too.
        """
        loop = asyncio.get_running_loop()
        end, turn = loop.time() + _SEEN_WITHIN_S, 0
        while True:
            found = omnisend.tags_of(await self._call(omnisend.contact(email)))
            if found is None:
                return False
            if found.issuperset(tags) if present else found.isdisjoint(tags):
                return True
            if loop.time() > end:
                raise TryAgain("not_done_in_time", unknown=True)
            await asyncio.sleep(_LOOK_AGAIN_S[min(turn, len(_LOOK_AGAIN_S) - 1)])
            turn += 1

    async def _call(self, request: Request) -> Reply:
        with as_advised():
            return await self._client.call(request)
