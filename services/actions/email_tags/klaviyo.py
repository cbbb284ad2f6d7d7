"""Tags and lists at Klaviyo: tags are the values of a list-valued property, lists are the account's own, by name.

Nobody is subscribed or unsubscribed by it: a profile that we make has no consent, and being on a list gives none.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from headrace.consumer import Limits, Result, TryAgain, as_advised
from headrace.consumer.kind import APPLIED
from headrace.contracts.actions import Platform
from headrace.platforms import klaviyo
from headrace.platforms.errors import Rejected
from headrace.platforms.http import Reply, Request, VendorClient
from services.actions.email_tags.at_once import all_of
from services.actions.email_tags.audience import LIST_MARK, Change, together
from services.actions.email_tags.klaviyo_lists import KlaviyoLists, ListsUsedUp

_EMAIL: Final = "/data/attributes/email"
_CREATED: Final = 201
_BATCH: Final = 50
"""Profiles whose tags and lists fit into the time for one batch when all of the account's limits are ours."""
_SPAN_S: Final = 30.0
"""That time: how long after a batch was begun its last call may begin."""
_SOON_S: Final = 10.0
"""Who has to wait longer for one call was told so by the vendor."""


@dataclass(frozen=True, slots=True)
class _Reached:
    """A profile after its tags were changed. `made`: it was missing, so that it is on no list."""

    profile_id: str
    made: bool


@dataclass(slots=True)
class _Batch:
    """What became of the changes so far, by address; who is in neither `reached` nor `results` is nobody."""

    changes: Mapping[str, Change]
    reached: dict[str, _Reached] = field(default_factory=dict)
    results: dict[str, Result] = field(default_factory=dict)

    def listed(self, *, onto: bool) -> dict[str, list[str]]:
        """Name of a list -> addresses to be put on it, or taken off."""
        found: dict[str, list[str]] = {}
        for email, reached in self.reached.items():
            change = self.changes[email]
            labels = change.wanted if onto and reached.made else change.put if onto else change.take
            for name in labels.lists:
                found.setdefault(name, []).append(email)
        return found

    def leave_out(self, email: str, name: str, reason: str, detail: str, *, onto: bool) -> None:
        """One list was not changed, all else is done: the ledger shall know what is there."""
        wanted, mark = self.changes[email].wanted, LIST_MARK + name
        if not wanted:
            self.results[email] = Result("refused", reason, detail, dead_letter=True)
            return
        before = self.results.get(email, APPLIED).value
        labels = {*(together(wanted.tags, wanted.lists) if before is None else before["tags"])}
        labels = labels - {mark} if onto else labels | {mark}
        value = {"email": email, "tags": sorted(labels)}
        self.results[email] = Result("overflow", reason, detail, dead_letter=True, value=value)


class KlaviyoAudience:
    """Profiles of one account (see `Audience`).

    A call a profile for its tags, several at once as far as the account's limits allow; then one call for all who get
    on a list, and one for all who get off it. Jobs that import many profiles are not used: they take their time, and
    what was put into one cannot be called back when something newer is known of a customer.
    """

    platform: Platform = "klaviyo"

    def __init__(self, client: VendorClient, name: str, share: float = 1.0) -> None:
        """`name`: the property whose values are the tags; `share`: our part of the account's limits."""
        batch = max(1, int(_BATCH * min(share, 1.0)))
        self.limits = Limits(batch=batch, concurrency=1, linger_s=0.2, deadline_s=_SPAN_S + client.deadline_s)
        self._client = client
        self._name = name
        self._lists = KlaviyoLists(self._call)

    async def write(self, changes: Sequence[Change]) -> Sequence[Result]:
        """Tags first; lists of those whose profile took them."""
        batch = _Batch({change.email: change for change in changes})
        found = await self._found([change.email for change in changes if not change.wanted])
        await all_of([self._tags(change, found.get(change.email), batch) for change in changes])
        await all_of([self._on_lists(batch, onto=onto) for onto in (True, False)])
        return [batch.results.get(change.email, APPLIED) for change in changes]

    async def _found(self, emails: Sequence[str]) -> dict[str, klaviyo.Profile]:
        """The profiles there are of those who want nothing: an upsert would make the missing ones."""
        if not emails:
            return {}
        reply = await self._call(klaviyo.profiles_by_email(emails))
        return {profile.email: profile for profile in klaviyo.profiles_of(reply.json)}

    async def _tags(self, change: Change, found: klaviyo.Profile | None, batch: _Batch) -> None:
        try:
            reached = await self._patched(change, found)
        except Rejected as error:
            if change.wanted or error.status != 404:  # else it is gone since it was found
                batch.results[change.email] = _refusal(error)
            return
        if reached is not None:
            batch.reached[change.email] = reached

    async def _patched(self, change: Change, found: klaviyo.Profile | None) -> _Reached | None:
        shall_go = [name for name in change.take.tags if name not in change.put.tags]
        patch = klaviyo.Patch(self._name, change.put.tags, tuple(shall_go))
        if change.wanted:
            reply = await self._call(klaviyo.upsert_profile(change.email, patch))
        elif found is None:
            return None
        elif not patch:
            return _Reached(found.id, made=False)
        else:
            reply = await self._call(klaviyo.patch_profile(found.id, patch))
        profile = klaviyo.profile_of(reply.json) or found
        if profile is None:
            return None
        await self._mend(change, profile)
        return _Reached(profile.id, made=reply.status == _CREATED)

    async def _mend(self, change: Change, profile: klaviyo.Profile) -> None:
        """Puts right what the patch did not: a value that is there twice, or ours that somebody had taken away."""
        if profile.properties is None:
            return
        have = profile.values(self._name)
        right = _right(have, wanted=change.wanted.tags, gone=change.take.tags)
        if right != have:
            await self._call(klaviyo.set_values(profile.id, self._name, right))

    async def _on_lists(self, batch: _Batch, *, onto: bool) -> None:
        """Raises a TryAgain that takes the batch apart when it is about more lists than there is time for."""
        try:
            for name, emails in batch.listed(onto=onto).items():
                await self._on_list(name, emails, batch, onto=onto)
        except TryAgain as error:
            if error.tried or len(batch.changes) == 1 or (error.delay_s or 0.0) > _SOON_S:
                raise
            raise TryAgain("too_many_lists_at_once", unknown=True) from error

    async def _on_list(self, name: str, emails: Sequence[str], batch: _Batch, *, onto: bool) -> None:
        """A call that is refused is taken apart: one profile that is gone must not stop the others."""
        try:
            await self._lists.change(name, [batch.reached[email].profile_id for email in emails], onto=onto)
        except ListsUsedUp as error:
            for email in emails:
                batch.leave_out(email, name, "list_limit", str(error), onto=onto)
        except Rejected as error:
            if len(emails) == 1:
                batch.leave_out(emails[0], name, "vendor_rejected", error.message, onto=onto)
                return
            for email in emails:
                await self._on_list(name, [email], batch, onto=onto)

    async def _call(self, request: Request) -> Reply:
        with as_advised():
            return await self._client.call(request)


def _right(have: Sequence[Any], *, wanted: Iterable[str], gone: Iterable[str]) -> list[Any]:
    """Every value once, all that is wanted, nothing that shall be gone; values of others stay, in their order."""
    shall_go = {*gone}.difference(wanted)
    right: list[Any] = []
    for value in (*have, *wanted):
        if value not in right and not (isinstance(value, str) and value in shall_go):
            right.append(value)
    return right


def _refusal(error: Rejected) -> Result:
    if error.status == 400 and _EMAIL in error.errors:
        return Result("refused", "invalid_email")
    return Result("refused", "vendor_rejected", error.message, dead_letter=True)
