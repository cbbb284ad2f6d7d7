"""Mailchimp Marketing 3.0: requests for members and tags. Pure.

A member's `status` is never written: it belongs to the person; `status_if_new` speaks only of members made by us.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Literal

from headrace.platforms.http import Request

StatusIfNew = Literal["subscribed", "transactional"]


def subscriber_hash(email: str) -> str:
    """The id of a member in paths: md5 of the lower-case address (an identifier, no protection)."""
    return hashlib.md5(email.strip().lower().encode(), usedforsecurity=False).hexdigest()


def upsert_member(
    list_id: str, email: str, status_if_new: StatusIfNew, merge_fields: Mapping[str, str] | None = None
) -> Request:
    """Makes the member if it is missing; an existing one keeps its status."""
    body = {"email_address": email.strip(), "status_if_new": status_if_new}
    return Request(
        "PUT",
        f"/lists/{list_id}/members/{subscriber_hash(email)}",
        params=(("skip_merge_validation", "true"),),
        json=body | ({"merge_fields": dict(merge_fields)} if merge_fields else {}),
        pattern="/lists/{}/members/{}",
    )


def set_tags(
    list_id: str, email: str, active: Sequence[str], inactive: Sequence[str], *, is_syncing: bool = False
) -> Request:
    """Puts tags on and takes tags off a member; unknown names are made. 404 (`Rejected`) when there is no member.

    `is_syncing` keeps tag-triggered automations silent. Doing it twice is the same as once.
    """
    tags = [{"name": name, "status": "active"} for name in active]
    tags += [{"name": name, "status": "inactive"} for name in inactive]
    return Request(
        "POST",
        f"/lists/{list_id}/members/{subscriber_hash(email)}/tags",
        json={"tags": tags, "is_syncing": is_syncing},
        repeatable=True,
        pattern="/lists/{}/members/{}/tags",
    )


def member(list_id: str, email: str) -> Request:
    """The member with its status. 404 (`Rejected`) when there is none."""
    return Request("GET", f"/lists/{list_id}/members/{subscriber_hash(email)}", pattern="/lists/{}/members/{}")
