"""Tags and lists of SendGrid contacts: tags together in one text field, lists as lists.

Whoever is a contact there may be mailed unless suppressed: a contact is made by us only for somebody who subscribed.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, TypeVar

from headrace.consumer import Limits, Result, TryAgain, as_advised
from headrace.consumer.kind import APPLIED
from headrace.contracts.actions import Platform
from headrace.platforms import sendgrid
from headrace.platforms.errors import Rejected
from headrace.platforms.http import Reply, Request, VendorClient
from services.actions.email_tags.audience import Change

_DONE_WITHIN_S: Final = 60.0
"""How long a job may take until it has ended, and until what it did shows."""
_LEFT_OUT_AFTER_S: Final = 5.0
"""What shows no later than this after a job that left rows out is not one of those rows."""
_LOOK_AGAIN_S: Final = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
NO_CONSENT: Final = Result("skipped", "no_consent")
TOO_LONG: Final = Result("overflow", "too_long_for_the_field")

T = TypeVar("T")
Found = Mapping[str, sendgrid.Contact]


class SendGridAudience:
    """The contacts of one account (see `Audience`). `field`: the name of the text field that holds the tags."""

    platform: Platform = "sendgrid"
    limits = Limits(batch=sendgrid.EMAILS_PER_SEARCH, concurrency=1, linger_s=0.5)

    def __init__(self, client: VendorClient, field: str) -> None:
        self._client = client
        self._field = field
        self._field_id: str | None = None
        self._lists: dict[str, str] = {}

    async def write(self, changes: Sequence[Change]) -> Sequence[Result]:
        """Looks the contacts up, writes those that differ, in as few jobs as can be, and waits until all show it."""
        found = await self._search([change.email for change in changes])
        results = {change.email: _judged(change, found) for change in changes}
        left = [change for change in changes if results[change.email] is APPLIED]
        left = [change for change in left if change.wanted or change.email in found]
        await self._know({name for change in left for name in (*change.wanted.lists, *change.take.lists)})
        differing = [change for change in left if not self._is_there(change, found.get(change.email))]
        errored = await self._upsert(differing, found)
        await self._remove(differing, found)
        for email in await self._wait(differing, errored=errored):
            results[email] = Result("refused", "vendor_rejected", "the job left this contact out", dead_letter=True)
        return [results[change.email] for change in changes]

    async def _search(self, emails: Sequence[str]) -> Found:
        if not emails:
            return {}
        try:
            return sendgrid.contacts_of(await self._call(sendgrid.search_emails(emails)))
        except Rejected as error:
            if error.status == 404:
                return {}
            raise TryAgain("vendor_rejected") from error

    def _is_there(self, change: Change, contact: sendgrid.Contact | None) -> bool:
        """It shows all that is wanted, and nothing that was to come off."""
        if contact is None:
            return not change.wanted
        has = str(contact.fields.get(self._field, contact.fields.get(self._field_id or "", "")) or "")
        on = {self._lists[name] for name in change.wanted.lists}
        off = {self._lists[name] for name in change.take.lists if name in self._lists}
        return has == sendgrid.encode_tags(change.wanted.tags) and on <= contact.lists and not off & contact.lists

    async def _upsert(self, changes: Sequence[Change], found: Found) -> int:
        """Gives how many rows the jobs left out."""
        by_lists = defaultdict[tuple[str, ...], list[Change]](list)
        for change in changes:
            by_lists[change.wanted.lists].append(change)
        jobs = []
        for names, several in by_lists.items():
            rows = [self._row(change, found) for change in several]
            request = sendgrid.upsert_contacts(rows, [self._lists[name] for name in names])
            job = sendgrid.job_of(await self._accepted(request))
            if job is not None:
                jobs.append(job)
        return sum([await self._ended(job) for job in jobs])

    def _row(self, change: Change, found: Found) -> dict[str, object]:
        assert self._field_id is not None
        fields = {self._field_id: sendgrid.encode_tags(change.wanted.tags)}
        return sendgrid.contact_row(change.email, fields, found.get(change.email))

    async def _remove(self, changes: Sequence[Change], found: Found) -> None:
        gone = defaultdict[str, list[str]](list)
        for change in changes:
            contact = found.get(change.email)
            for name in change.take.lists:
                if contact is not None and self._lists.get(name) in contact.lists:
                    gone[self._lists[name]].append(contact.id)
        for list_id, ids in gone.items():
            await self._accepted(sendgrid.remove_from_list(list_id, ids))

    async def _ended(self, job: str) -> int:
        async def look() -> sendgrid.Job | None:
            state = sendgrid.job_state(await self._call(sendgrid.job(job)))
            return state if state.finished else None

        return (await _until(look)).errored

    async def _wait(self, changes: Sequence[Change], *, errored: int) -> set[str]:
        """Until all show it; with rows that a job left out, those that do not show it then."""
        if not changes:
            return set()
        clock = asyncio.get_running_loop().time
        sure = clock() + _LEFT_OUT_AFTER_S

        async def look() -> set[str] | None:
            found = await self._search([change.email for change in changes])
            late = {change.email for change in changes if not self._is_there(change, found.get(change.email))}
            return late if not late or (len(late) <= errored and clock() >= sure) else None

        return await _until(look)

    async def _know(self, names: set[str]) -> None:
        """The ids of the field and of these lists; makes what is missing."""
        if self._field_id is None:
            known = sendgrid.fields_by_name(await self._call(sendgrid.field_definitions()))
            self._field_id = known.get(self._field.lower()) or await self._make(sendgrid.create_field(self._field))
        if names <= self._lists.keys():
            return
        token: str | None = ""
        while token is not None:
            reply = await self._call(sendgrid.lists(token))
            self._lists |= sendgrid.ids_by_name(reply)
            token = sendgrid.next_token(reply)
        for name in sorted(names - self._lists.keys()):
            self._lists[name] = await self._make(sendgrid.create_list(name))

    async def _make(self, request: Request) -> str:
        made = sendgrid.made_id(await self._accepted(request))
        if made is None:
            raise TryAgain("reply_without_id", unknown=True)
        return made

    async def _accepted(self, request: Request) -> Reply:
        """A refusal here is about all of them: it is tried again, one by one in the end, and then set aside."""
        try:
            return await self._call(request)
        except Rejected as error:
            raise TryAgain(f"vendor_rejected {error.status}") from error

    async def _call(self, request: Request) -> Reply:
        with as_advised():
            return await self._client.call(request)


def _judged(change: Change, found: Found) -> Result:
    """What needs no call."""
    if len(sendgrid.encode_tags(change.wanted.tags)) > sendgrid.MAX_FIELD_CHARACTERS:
        return TOO_LONG
    if change.wanted and change.email not in found and change.subscribed is not True:
        return NO_CONSENT
    return APPLIED


async def _until(look: Callable[[], Awaitable[T | None]]) -> T:
    """What the look finds, looked for again and again; TryAgain at the deadline."""
    loop = asyncio.get_running_loop()
    end, turn = loop.time() + _DONE_WITHIN_S, 0
    while (found := await look()) is None:
        if loop.time() > end:
            raise TryAgain("not_done_in_time", unknown=True)
        await asyncio.sleep(_LOOK_AGAIN_S[min(turn, len(_LOOK_AGAIN_S) - 1)])
        turn += 1
    return found
