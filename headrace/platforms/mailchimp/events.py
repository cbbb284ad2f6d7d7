"""Events of a member, which automations may wait for. There is no key: sent twice, it is recorded twice. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from headrace.platforms.http import Request
from headrace.platforms.mailchimp import subscriber_hash

SHORTEST_NAME: Final = 2
LONGEST_NAME: Final = 30


def send_event(list_id: str, email: str, name: str, at: datetime, properties: Mapping[str, str]) -> Request:
    """204; 404 (`Rejected`) when there is no member. Raises ValueError for a name that the vendor does not take."""
    if not SHORTEST_NAME <= len(name) <= LONGEST_NAME:
        raise ValueError(f"an event's name at Mailchimp has {SHORTEST_NAME} to {LONGEST_NAME} characters")
    return Request(
        "POST",
        f"/lists/{list_id}/members/{subscriber_hash(email)}/events",
        json={
            "name": name,
            "properties": dict(properties),
            "occurred_at": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00"),
            "is_syncing": False,
        },
        repeatable=False,
        pattern="/lists/{}/members/{}/events",
    )
