"""Tags and lists at Klaviyo: tags are the values of a list-valued property, lists are the account's own, by name.

Nobody is subscribed or unsubscribed by it: a profile that we make has no consent, and being on a list gives none.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from headrace.consumer import Limits, Result, as_advised
from headrace.consumer.kind import APPLIED
from headrace.contracts.actions import Platform
from headrace.platforms import klaviyo
from headrace.platforms.errors import Rejected
from headrace.platforms.http import Reply, Request, VendorClient
from services.actions.email_tags.at_once import all_of
from services.actions.email_tags.audience import Change
from services.actions.email_tags.klaviyo_lists import KlaviyoLists, ListsUsedUp

_EMAIL: Final = "/data/attributes/email"
_CREATED: Final = 201


@dataclass(frozen=True, slots=True)
class _Reached:
    """A profile after its tags were changed. `made`: it was missing, so that it is on no list."""

    profile_id: str
    made: bool


class KlaviyoAudience:
    """Profiles of one account (see `Audience`).

    A call a profile for its tags, several at once as far as the account's limits allow; then one call for all who get
    on a list, and one for all who get off it. Jobs that import many profiles are not used: they take their time, and
    what was put into one cannot be called back when something newer is known of a customer.
    """

    platform: Platform = "klaviyo"
    limits = Limits(batch=40, concurrency=1, linger_s=0.2, deadline_s=30.0)

    def __init__(self, client: VendorClient, name: str) -> None:
        """`name`: the property whose values are the tags."""
        self._client = client
        self._name = name
        self._lists = KlaviyoLists(self._call)

    async def write(self, changes: Sequence[Change]) -> Sequence[Result]:
        """Tags first; lists of those whose profile took them."""
        results = {change.email: APPLIED for change in changes}
        found = await self._found([change.email for change in changes if not change.wanted])
        reached = await all_of([self._tags(change, found.get(change.email), results) for change in changes])
        there = {change.email: each for change, each in zip(changes, reached, strict=True) if each is not None}
        for onto in (True, False):
            for name, emails in _listed(changes, there, onto=onto).items():
                await self._on_list(name, emails, there, results, onto=onto)
        return [results[change.email] for change in changes]

    async def _found(self, emails: Sequence[str]) -> dict[str, klaviyo.Profile]:
        """The profiles there are of those who want nothing: an upsert would make the missing ones."""
        if not emails:
            return {}
        reply = await self._call(klaviyo.profiles_by_email(emails))
        return {profile.email: profile for profile in klaviyo.profiles_of(reply.json)}

    async def _tags(self, change: Change, found: klaviyo.Profile | None, results: dict[str, Result]) -> _Reached | None:
        """None where there is no profile, or it was refused."""
        try:
            return await self._patched(change, found)
        except Rejected as error:
            if change.wanted or error.status != 404:  # else it is gone since it was found
                results[change.email] = _refusal(error)
            return None

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
        have = profile.values(self._name)
        right = _right(have, wanted=change.wanted.tags, gone=change.take.tags)
        if right != have:
            await self._call(klaviyo.set_values(profile.id, self._name, right))

    async def _on_list(
        self, name: str, emails: Sequence[str], there: Mapping[str, _Reached], results: dict[str, Result], *, onto: bool
    ) -> None:
        """A call that is refused is taken apart: one profile that is gone must not stop the others."""
        try:
            await self._lists.change(name, [there[email].profile_id for email in emails], onto=onto)
        except ListsUsedUp as error:
            refused = Result("refused", "list_limit", str(error), dead_letter=True)
            results.update(dict.fromkeys(emails, refused))
        except Rejected as error:
            if len(emails) == 1:
                results[emails[0]] = _refusal(error)
                return
            for email in emails:
                await self._on_list(name, [email], there, results, onto=onto)

    async def _call(self, request: Request) -> Reply:
        with as_advised():
            return await self._client.call(request)


def _listed(changes: Sequence[Change], there: Mapping[str, _Reached], *, onto: bool) -> dict[str, list[str]]:
    """Name of a list -> addresses to be put on it, or taken off."""
    found: dict[str, list[str]] = {}
    for change in changes:
        reached = there.get(change.email)
        if reached is None:
            continue
        lists = change.wanted if onto and reached.made else change.put if onto else change.take
        for name in lists.lists:
            found.setdefault(name, []).append(change.email)
    return found


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
