"""Tags of Mailchimp members. A member's status is its own; one we make is subscribed only by consent."""

from collections.abc import Sequence
from typing import Final

from headrace.consumer import Limits, Result, as_advised
from headrace.consumer.kind import APPLIED
from headrace.contracts.actions import Platform
from headrace.platforms import mailchimp
from headrace.platforms.errors import Rejected
from headrace.platforms.http import VendorClient
from services.actions.email_tags.audience import Change, as_tags

_SPAN_S: Final = 30.0
"""How long after a change was begun its last call may begin: a slow vendor must come to it."""
_REFUSALS: Final = {
    "Member In Compliance State": "compliance_state",
    "Forgotten Email Not Subscribed": "forgotten_email",
    "Invalid Resource": "invalid_email",
}
"""Mailchimp's titles for addresses it will not take, whatever we do."""


class MailchimpAudience:
    """Members of one audience (see `Audience`). Audiences are not ours to make: a list is a tag of this one."""

    platform: Platform = "mailchimp"

    def __init__(self, client: VendorClient, list_id: str) -> None:
        self.limits = Limits(batch=1, concurrency=8, deadline_s=_SPAN_S + client.deadline_s)
        self._client = client
        self._list = list_id

    async def write(self, changes: Sequence[Change]) -> Sequence[Result]:
        """One call or two a change."""
        return [await self._one(change) for change in changes]

    async def _one(self, change: Change) -> Result:
        try:
            await self._apply(change)
        except Rejected as error:
            title = error.message.partition(" ")[2]
            reason = next((reason for start, reason in _REFUSALS.items() if title.startswith(start)), None)
            if reason is None:
                return Result("refused", "vendor_rejected", error.message, dead_letter=True)
            return Result("refused", reason)
        return APPLIED

    async def _apply(self, change: Change) -> None:
        put, take, wanted = as_tags(change)
        if change.certain or not wanted:
            if await self._set(change.email, put, take) or not wanted:
                return
            put = wanted
        consent: mailchimp.StatusIfNew = "subscribed" if change.subscribed is True else "transactional"
        with as_advised():
            await self._client.call(mailchimp.upsert_member(self._list, change.email, consent))
        await self._set(change.email, put, take)

    async def _set(self, email: str, active: Sequence[str], inactive: Sequence[str]) -> bool:
        """False when there is no such member."""
        if not active and not inactive:
            return True
        try:
            with as_advised():
                await self._client.call(mailchimp.set_tags(self._list, email, active, inactive))
        except Rejected as error:
            if error.status != 404:
                raise
            return False
        return True
