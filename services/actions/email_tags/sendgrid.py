"""Tags and lists of SendGrid contacts: tags together in one text field, lists as lists.

Whoever is a contact there may be mailed unless suppressed: a contact is made by us only for somebody who subscribed.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from headrace.consumer import Limits, PauseConsumer, Result, TryAgain, as_advised
from headrace.consumer.kind import APPLIED
from headrace.contracts.actions import Platform
from headrace.platforms import sendgrid
from headrace.platforms.errors import Rejected
from headrace.platforms.http import Reply, Request, VendorClient
from services.actions.email_tags import sendgrid_jobs
from services.actions.email_tags.audience import Change, Labels, is_address, together
from services.actions.email_tags.looking import until
from services.actions.email_tags.sendgrid_jobs import SendGridJobs
from services.actions.email_tags.sendgrid_names import SendGridNames

_SPAN_S: Final = 30.0
"""How long after a batch was begun its last call that changes something may begin."""
_BATCHES_AT_ONCE: Final = 8
"""Jobs take their time whatever their size; several go on beside each other."""
_LEFT_OUT_AFTER_S: Final = 5.0
"""What shows no later than this after a job that left rows out is not one of those rows."""
_NO_SUCH_ADDRESS: Final = frozenset({404, 405, 410})
INVALID: Final = Result("refused", "invalid_email")
NO_CONSENT: Final = Result("skipped", "no_consent")
LEFT_OUT: Final = Result("refused", "vendor_rejected", "the job left this contact out", dead_letter=True)

Found = Mapping[str, sendgrid.Contact]


class _IdsGone(Exception):
    """A list or the field may not be there any more."""


@dataclass(slots=True)
class _Batch:
    """What became of the changes so far, by address; who has no result yet goes on."""

    results: dict[str, Result] = field(default_factory=dict)
    jobs: list[str] = field(default_factory=list)

    def left(self, changes: Sequence[Change]) -> list[Change]:
        """Those without a result."""
        return [change for change in changes if change.email not in self.results]


class SendGridAudience:
    """The contacts of one account (see `Audience`). `field`: the name of the text field that holds the tags."""

    platform: Platform = "sendgrid"

    def __init__(self, client: VendorClient, field: str) -> None:
        self.limits = Limits(
            batch=sendgrid.EMAILS_PER_SEARCH,
            concurrency=_BATCHES_AT_ONCE,
            linger_s=0.5,
            deadline_s=_SPAN_S + client.deadline_s,
        )
        self._client = client
        self._names = SendGridNames(self._call, field)
        self._jobs = SendGridJobs(self._call)

    async def write(self, changes: Sequence[Change]) -> Sequence[Result]:
        """Looks the contacts up, writes those that differ, in as few jobs as can be, and waits until all show it."""
        same = await self._jobs.earlier(changes)
        changes = [replace(change, doubtful=change.doubtful and change.email not in same) for change in changes]
        batch = _Batch({change.email: INVALID for change in changes if not is_address(change.email)})
        found = await self._find([change.email for change in batch.left(changes)], batch)
        changes, everybody = batch.left(changes), changes
        try:
            await self._all(changes, found, batch, sure=False)
        except _IdsGone:
            self._names.forget()
            for change in changes:
                batch.results.pop(change.email, None)
            await self._all(changes, found, batch, sure=True)
        return [batch.results.get(change.email, APPLIED) for change in everybody]

    async def _find(self, emails: Sequence[str], batch: _Batch) -> Found:
        """The contacts there are; one address that the vendor takes for none spoils the search for all."""
        try:
            return await self._search(emails)
        except Rejected as error:
            if error.status != 400:
                raise TryAgain(f"vendor_rejected {error.status}") from error
        if len(emails) == 1:
            batch.results[emails[0]] = INVALID
            return {}
        middle = len(emails) // 2
        return {**await self._find(emails[:middle], batch), **await self._find(emails[middle:], batch)}

    async def _search(self, emails: Sequence[str]) -> Found:
        if not emails:
            return {}
        try:
            return sendgrid.contacts_of(await self._call(sendgrid.search_emails(emails)))
        except Rejected as error:
            if error.status != 404:
                raise
            return {}

    async def _all(self, changes: Sequence[Change], found: Found, batch: _Batch, *, sure: bool) -> None:
        """`sure`: the ids of lists and field were looked up just now. Raises _IdsGone."""
        for change in batch.left(changes):
            if change.wanted and change.email not in found and change.subscribed is not True:
                batch.results[change.email] = NO_CONSENT
        left = [change for change in batch.left(changes) if change.wanted or change.email in found]
        left = await self._known(left, batch)
        left = self._short(left, found, batch)
        differing = [change for change in left if change.doubtful or not self._is_there(change, found)]
        await self._upsert(differing, found, batch, sure=sure)
        written = [change for change in differing if batch.results.get(change.email, APPLIED).result != "refused"]
        await self._remove(written, found)
        errored = await self._jobs.ended(batch.jobs)
        batch.results |= dict.fromkeys(await self._late(written, errored=errored), LEFT_OUT)

    async def _known(self, changes: Sequence[Change], batch: _Batch) -> list[Change]:
        """Without the lists that cannot be made: the ledger shall know that nobody is on them."""
        wanted = {name for change in changes for name in change.wanted.lists}
        others = {name for change in changes for name in change.take.lists}
        if not changes:
            return []
        refused = await self._names.know(wanted, others)
        return [self._without(change, refused, batch) for change in changes]

    def _without(self, change: Change, refused: Mapping[str, str], batch: _Batch) -> Change:
        why = [refused[name] for name in change.wanted.lists if name in refused]
        if not why:
            return change
        lists = tuple(name for name in change.wanted.lists if name not in refused)
        value = {"email": change.email, "tags": together(change.wanted.tags, lists)}
        batch.results[change.email] = Result("overflow", "list_refused", why[0], dead_letter=True, value=value)
        return replace(change, wanted=Labels(change.wanted.tags, lists))

    def _short(self, changes: Sequence[Change], found: Found, batch: _Batch) -> list[Change]:
        """Without those whose tags are too long for the field: they stay as they are, which the ledger shall know."""
        short = []
        for change in changes:
            if len(sendgrid.encode_tags(change.wanted.tags)) <= sendgrid.MAX_FIELD_CHARACTERS:
                short.append(change)
                continue
            contact = found.get(change.email)
            on = contact.lists if contact else ()
            lists = [name for name in (*change.wanted.lists, *change.take.lists) if self._names.lists.get(name) in on]
            value = {"email": change.email, "tags": together(sendgrid.decode_tags(self._text(contact)), lists)}
            batch.results[change.email] = Result("overflow", "too_long_for_the_field", value=value)
        return short

    def _text(self, contact: sendgrid.Contact | None) -> str:
        fields = {name.lower(): value for name, value in contact.fields.items()} if contact else {}
        return str(fields.get(self._names.field, fields.get(self._names.field_id.lower(), "")) or "")

    def _is_there(self, change: Change, found: Found) -> bool:
        """It shows all that is wanted, and nothing that was to come off."""
        contact = found.get(change.email)
        if contact is None:
            return not change.wanted
        on = {self._names.lists.get(name, "") for name in change.wanted.lists}
        off = {self._names.lists[name] for name in change.take.lists if name in self._names.lists}
        tags = sendgrid.encode_tags(change.wanted.tags)
        return self._text(contact) == tags and on <= contact.lists and not off & contact.lists

    async def _upsert(self, changes: Sequence[Change], found: Found, batch: _Batch, *, sure: bool) -> None:
        by_lists = defaultdict[tuple[str, ...], list[Change]](list)
        for change in changes:
            by_lists[change.wanted.lists].append(change)
        for names, several in by_lists.items():
            await self._put(several, [self._names.lists[name] for name in names], found, batch, sure=sure)

    async def _put(
        self, changes: Sequence[Change], lists: Sequence[str], found: Found, batch: _Batch, *, sure: bool
    ) -> None:
        """Begins a job; a call that is refused for one contact of many is taken apart."""
        request = sendgrid.upsert_contacts([self._row(change, found) for change in changes], lists)
        try:
            reply = await self._call(request)
        except Rejected as error:
            if not sure:
                raise _IdsGone from error
            if error.status in _NO_SUCH_ADDRESS:
                raise PauseConsumer(error.message) from error
            if len(changes) == 1:
                result = Result("refused", "vendor_rejected", error.message, dead_letter=True)
                batch.results[changes[0].email] = result
                return
            middle = len(changes) // 2
            for part in (changes[:middle], changes[middle:]):
                await self._put(part, lists, found, batch, sure=True)
            return
        job = sendgrid.job_of(reply)
        if job is not None:
            self._jobs.begun(job, changes)
            batch.jobs.append(job)

    def _row(self, change: Change, found: Found) -> dict[str, object]:
        fields = {self._names.field_id: sendgrid.encode_tags(change.wanted.tags)}
        return sendgrid.contact_row(change.email, fields, found.get(change.email))

    async def _remove(self, changes: Sequence[Change], found: Found) -> None:
        gone = defaultdict[str, list[str]](list)
        for change in changes:
            contact = found.get(change.email)
            for list_id in (self._names.lists.get(name) for name in change.take.lists):
                if contact is not None and list_id is not None and (change.doubtful or list_id in contact.lists):
                    gone[list_id].append(contact.id)
        for list_id, ids in gone.items():
            await self._off(list_id, ids)

    async def _off(self, list_id: str, ids: Sequence[str]) -> None:
        """A list or contact that is gone is as good as left."""
        try:
            await self._call(sendgrid.remove_from_list(list_id, ids))
        except Rejected as error:
            if error.status != 404:
                raise TryAgain(f"vendor_rejected {error.status}") from error
            self._names.forget()
            for one in ids if len(ids) > 1 else ():
                await self._off(list_id, [one])

    async def _late(self, changes: Sequence[Change], *, errored: int) -> set[str]:
        """Waits until all show it; gives, with rows that a job left out, those that do not show it then."""
        if not changes:
            return set()
        clock = asyncio.get_running_loop().time
        sure = clock() + _LEFT_OUT_AFTER_S

        async def look() -> set[str] | None:
            try:
                found = await self._search([change.email for change in changes])
            except Rejected as error:
                raise TryAgain(f"vendor_rejected {error.status}", unknown=True) from error
            late = {change.email for change in changes if not self._is_there(change, found)}
            return late if not late or (len(late) <= errored and clock() >= sure) else None

        return await until(look, within_s=sendgrid_jobs.DONE_WITHIN_S)

    async def _call(self, request: Request) -> Reply:
        with as_advised():
            return await self._client.call(request)
