"""Tags of Omnisend contacts. Many contacts get the same tags in one call; the vendor does it a while after its answer.

A contact's consent is never written: one that we make is not subscribed.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from headrace.consumer import Limits, PauseConsumer, Result, TryAgain, as_advised
from headrace.consumer.kind import APPLIED
from headrace.contracts.actions import Platform
from headrace.platforms import omnisend
from headrace.platforms.errors import Rejected
from headrace.platforms.http import Reply, Request, VendorClient
from services.actions.email_tags.at_once import all_of
from services.actions.email_tags.audience import Change, as_tags, is_address, together
from services.actions.email_tags.looking import NotDoneInTime, until
from services.actions.email_tags.omnisend_asked import Asked

SEEN_WITHIN_S: Final = 30.0
"""How long what the vendor took in may take until it shows."""
_SPAN_S: Final = 35.0
"""How long after a batch was begun its last call that changes something may begin; what does not fit in comes again."""
_CREATED: Final = 201
_NO_SUCH_ADDRESS: Final = frozenset({404, 405, 410})
"""Of the API, or a version of it that was retired."""
INVALID: Final = Result("refused", "invalid_email")

Build = Callable[[Sequence[str], Sequence[str]], Request]


@dataclass(slots=True)
class _Batch:
    """What became of the changes so far, by address; `made`: contacts that were missing."""

    results: dict[str, Result] = field(default_factory=dict)
    made: set[str] = field(default_factory=set)
    refused: dict[str, tuple[set[str], set[str], str]] = field(default_factory=dict)
    """Tags not put, tags not taken, and why."""

    def refuse(self, emails: Sequence[str], tags: Sequence[str], why: str, *, onto: bool) -> None:
        """These tags stay as they are at these addresses."""
        for email in emails:
            not_put, not_taken, _ = self.refused.setdefault(email, (set(), set(), why))
            (not_put if onto else not_taken).update(tags)

    def asked(self, email: str, tags: Sequence[str], *, onto: bool) -> bool:
        """True when none of these was refused."""
        not_put, not_taken, _ = self.refused.get(email, (set(), set(), ""))
        return (not_put if onto else not_taken).isdisjoint(tags)

    def result(self, change: Change) -> Result:
        """What was done is what the ledger shall know."""
        if change.email in self.results:
            return self.results[change.email]
        if change.email not in self.refused:
            return APPLIED
        not_put, not_taken, why = self.refused[change.email]
        tags = [name for name in change.wanted.tags if name not in not_put]
        lists = [name for name in change.wanted.lists if name not in not_put]
        value = {"email": change.email, "tags": together([*tags, *not_taken], lists)}
        return Result("overflow", "vendor_rejected", why, dead_letter=True, value=value)


class OmnisendAudience:
    """Contacts of one brand (see `Audience`). It has no lists of ours to be on: a list is a tag."""

    platform: Platform = "omnisend"

    def __init__(self, client: VendorClient) -> None:
        self.limits = Limits(
            batch=omnisend.EMAILS_PER_CALL, concurrency=1, linger_s=0.5, deadline_s=_SPAN_S + client.deadline_s
        )
        self._client = client
        self._asked = Asked()

    async def write(self, changes: Sequence[Change]) -> Sequence[Result]:
        """Contacts first, since a call for tags passes over those that are missing; then tags, the same for many."""
        batch = _Batch({change.email: INVALID for change in changes if not is_address(change.email)})
        self._asked.begin(changes, asyncio.get_running_loop().time())
        there = [change for change in changes if change.wanted and change.email not in batch.results]
        await all_of([self._make(change.email, batch) for change in there])
        await self._tag([change for change in changes if change.email not in batch.results], batch)
        return [batch.result(change) for change in changes]

    async def _make(self, email: str, batch: _Batch) -> None:
        if self._asked.is_there(email):
            return
        try:
            reply = await self._call(omnisend.upsert_contact(email))
        except Rejected as error:
            rejected = Result("refused", "vendor_rejected", error.message, dead_letter=True)
            batch.results[email] = INVALID if error.status == 400 else rejected
            return
        self._asked.found(email)
        if reply.status == _CREATED:
            batch.made.add(email)

    async def _tag(self, changes: Sequence[Change], batch: _Batch) -> None:
        put, take = dict[str, Sequence[str]](), dict[str, Sequence[str]]()
        for change in changes:
            on, off, wanted = as_tags(change)
            put[change.email] = wanted if change.doubtful or change.email in batch.made else on
            take[change.email] = off
        probes: list[tuple[list[str], str, bool]] = []
        for onto, build, names in ((False, omnisend.remove_tags, take), (True, omnisend.add_tags, put)):
            left = {email: self._asked.left(email, several, onto=onto) for email, several in names.items()}
            for tags, emails in fewest_calls(left):
                await self._each(build, emails, tags, batch, onto=onto)
            probes += [(tags, emails[-1], onto) for tags, emails in fewest_calls(left)[-1:] or fewest_calls(names)[-1:]]
        nothing_wanted = {change.email for change in changes if not change.wanted}
        for tags, email, present in probes:
            if batch.asked(email, tags, onto=present):
                await self._shows(email, tags, present=present, may_be_gone=email in nothing_wanted)

    async def _each(
        self, build: Build, emails: Sequence[str], tags: Sequence[str], batch: _Batch, *, onto: bool
    ) -> None:
        """One call for all; a refused one is taken apart until it is known what is refused."""
        for start in range(0, len(tags), omnisend.TAGS_PER_CALL):
            part = tags[start : start + omnisend.TAGS_PER_CALL]
            self._asked.sent(emails, part)
            try:
                await self._call(build(emails, part))
                self._asked.taken_in(emails, part, onto=onto)
            except Rejected as error:
                about_tags = any(name.startswith("tags") for name in error.errors)
                about_emails = any(name.startswith("emails") for name in error.errors)
                if len(part) > 1 and not about_emails:
                    for half in _halves(part):
                        await self._each(build, emails, half, batch, onto=onto)
                elif len(emails) > 1 and not about_tags:
                    for half in _halves(emails):
                        await self._each(build, half, part, batch, onto=onto)
                else:
                    batch.refuse(emails, part, error.message, onto=onto)

    async def _shows(self, email: str, tags: Sequence[str], *, present: bool, may_be_gone: bool) -> None:
        """Waits until a contact of the last call shows what it asked for.

        Calls are worked off in the order in which they were taken in: what stands before it is done too.
        """

        async def look() -> bool | None:
            found = omnisend.tags_of(await self._call(omnisend.contact(email)))
            if found is None:
                return True if may_be_gone else None
            return (found.issuperset(tags) if present else found.isdisjoint(tags)) or None

        try:
            await until(look, within_s=SEEN_WITHIN_S)
        except NotDoneInTime:
            self._asked.forget()
            raise

    async def _call(self, request: Request) -> Reply:
        try:
            with as_advised():
                return await self._client.call(request)
        except Rejected as error:
            if error.status in _NO_SUCH_ADDRESS:
                raise PauseConsumer(error.message) from error
            if request.method == "GET":
                raise TryAgain(f"vendor_rejected {error.status}", unknown=True) from error
            raise


def fewest_calls(names: Mapping[str, Sequence[str]]) -> list[tuple[list[str], list[str]]]:
    """Tags and addresses of each call, so that each address gets its names; those with none get no call.

    Either a call for all who get the same names, or one for all names that the same addresses get: the fewer.
    """
    by_names, by_name = defaultdict[tuple[str, ...], list[str]](list), defaultdict[str, list[str]](list)
    for email, several in names.items():
        if several:
            by_names[tuple(several)].append(email)
        for name in several:
            by_name[name].append(email)
    by_emails = defaultdict[tuple[str, ...], list[str]](list)
    for name, emails in by_name.items():
        by_emails[tuple(emails)].append(name)
    if len(by_emails) < len(by_names):
        return [(several, [*emails]) for emails, several in by_emails.items()]
    return [([*several], emails) for several, emails in by_names.items()]


def _halves(some: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    middle = len(some) // 2
    return some[:middle], some[middle:]
