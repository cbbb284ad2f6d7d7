"""The simulated Mailchimp audience: members, their status and tags.

The rules of consent live here as the vendor keeps them (compliance state, forgotten addresses). No HTTP.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from hashlib import md5
from typing import Any, Final

from headrace.simulators.rows import Member

WRITABLE: Final = frozenset({"subscribed", "unsubscribed", "cleaned", "pending", "transactional"})
COMPLIANCE: Final = frozenset({"unsubscribed", "cleaned"})
"""Members in these states cannot be subscribed by API."""


class NotAllowed(Exception):
    """The vendor refuses; `title` is its problem title."""

    def __init__(self, title: str, detail: str) -> None:
        super().__init__(detail)
        self.title = title
        self.detail = detail


def member_hash(email: str) -> str:
    """md5 of the lower-case address: how the vendor names a member."""
    return md5(email.lower().encode(), usedforsecurity=False).hexdigest()


class Audience:
    """One list."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self.members: dict[str, Member] = {}
        """By hash."""
        self._forgotten: set[str] = set()
        self.tag_ids: dict[str, int] = {}

    def by_email(self, email: str) -> Member | None:
        """None if not a member."""
        return self.members.get(member_hash(email))

    def upsert(self, email: str, fields: Mapping[str, Any]) -> Member:
        """PUT of a member. `status_if_new` counts for new members only, `status` always; raises NotAllowed."""
        key = member_hash(email)
        if key in self._forgotten:
            raise NotAllowed(
                "Forgotten Email Not Subscribed",
                f"{email} was permanently deleted and cannot be re-imported. The contact must re-subscribe to get "
                "back on the list.",
            )
        old, now = self.members.get(key), self._now()
        status = fields.get("status") or (fields["status_if_new"] if old is None else old.status)
        if old is not None and old.status in COMPLIANCE and status == "subscribed":
            raise NotAllowed(
                "Member In Compliance State",
                f"{email} is in a compliance state due to unsubscribe, bounce, or compliance review and cannot be "
                "subscribed.",
            )
        base = old or Member(email, status, now, now)
        merged = {**dict(base.merge_fields), **(fields.get("merge_fields") or {})}
        member = replace(base, email=email, status=status, merge_fields=tuple(merged.items()))
        if member != old:
            member = replace(member, modified=now)
        self.members[key] = member
        return member

    def tag(self, key: str, changes: Mapping[str, bool]) -> bool:
        """Switch tags on or off; unknown names are created. False if there is no such member."""
        member = self.members.get(key)
        if member is None:
            return False
        now = self._now()
        tags = dict(member.tags)
        for name, active in changes.items():
            self.tag_ids.setdefault(name, len(self.tag_ids) + 1)
            if active:
                tags.setdefault(name, now)
            else:
                tags.pop(name, None)
        if tuple(tags.items()) != member.tags:
            self.members[key] = replace(member, tags=tuple(tags.items()), modified=now)
        return True

    def set_status(self, email: str, status: str) -> None:
        """What a person does: unsubscribe, bounce, subscribe again by the form."""
        key = member_hash(email)
        member = self.members.get(key) or Member(email, status, self._now(), self._now())
        self.members[key] = replace(member, status=status, modified=self._now())

    def archive(self, key: str) -> bool:
        """DELETE of a member. False if there is none or it is archived."""
        member = self.members.get(key)
        if member is None or member.status == "archived":
            return False
        self.members[key] = replace(member, status="archived", modified=self._now())
        return True

    def forget(self, key: str) -> bool:
        """Delete permanently: never to be imported again."""
        self._forgotten.add(key)
        return self.members.pop(key, None) is not None
