"""Omnisend: requests for contacts, their tags and events, and what the replies say. Pure.

A contact's channels, which hold its consent, are never written. Source: the vendor's API of version 2026-03-15.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from headrace.platforms.http import Reply, Request

VERSION: Final = "2026-03-15"
"""Of the API, sent with every call: a version that was retired is refused with 410."""
TAGS_PER_CALL: Final = 100
EMAILS_PER_CALL: Final = 250
CALLS_A_MINUTE: Final = 400
"""Of one brand, all apps together, in any 60 seconds; no header tells how many are left."""
TAG_CALLS_A_MINUTE: Final = 60
"""Of these, calls that put tags on or take them off."""
TAGS_PATH: Final = "/contacts/tags"


def upsert_contact(email: str) -> Request:
    """Makes the contact if it is missing, without consent and without a welcome mail; one that is there stays as it is.

    201 says that it was missing.
    400 (`Rejected`) for what is no address.
    """
    identifier = {"type": "email", "id": email.strip(), "sendWelcomeMessage": False}
    return Request("POST", "/contacts", json={"identifiers": [identifier]}, repeatable=True)


def add_tags(emails: Sequence[str], tags: Sequence[str]) -> Request:
    """Puts tags on contacts. Done a while after the reply; an address that is no contact is passed over in silence."""
    return _tags("POST", emails, tags)


def remove_tags(emails: Sequence[str], tags: Sequence[str]) -> Request:
    """Takes tags off contacts, with the same reservations."""
    return _tags("DELETE", emails, tags)


def contact(email: str) -> Request:
    """The contact of an address: no row when there is none (`tags_of` gives None)."""
    return Request("GET", "/contacts", params=(("email", email.strip()),))


def send_event(
    name: str, email: str, *, id: str, at: datetime, properties: Mapping[str, str | int | float | bool]
) -> Request:
    """An event that automations may wait for. Repeats are told apart by the vendor for events of the past only."""
    body = {
        "eventName": name,
        "origin": "api",
        "contact": {"email": email.strip()},
        "eventID": id,
        "eventTime": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "properties": dict(properties),
    }
    return Request("POST", "/events", json=body, repeatable=False)


def tags_of(reply: Reply) -> frozenset[str] | None:
    """The tags of the first contact of a reply; None without one."""
    rows = reply.json.get("contacts") if isinstance(reply.json, dict) else None
    row = next((row for row in rows if isinstance(row, dict)), None) if isinstance(rows, list) else None
    if row is None:
        return None
    tags = row.get("tags")
    return frozenset(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else frozenset()


def _tags(method: str, emails: Sequence[str], tags: Sequence[str]) -> Request:
    if not 1 <= len(emails) <= EMAILS_PER_CALL or not 1 <= len(tags) <= TAGS_PER_CALL:
        raise ValueError(f"1 to {EMAILS_PER_CALL} addresses and 1 to {TAGS_PER_CALL} tags in one call")
    body: dict[str, Any] = {"tags": list(tags), "emails": [email.strip() for email in emails]}
    return Request(method, TAGS_PATH, json=body, repeatable=True)
