"""Newsletter rows (v3): known by e-mail only; that a row exists is no consent."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Literal

from headrace.platforms.bigcommerce.calls import PAGE_LIMIT, get, iso
from headrace.platforms.bigcommerce.pages import Row
from headrace.platforms.http import Request

Consent = Literal["marketing_newsletter", "abandoned_cart"]
NEWSLETTER: Final = "marketing_newsletter"


def subscribers(page: int = 1, *, since: datetime | None = None) -> Request:
    """Newsletter rows, all or those modified at or after `since`. There is no filter for many e-mails."""
    changed: list[tuple[str, object]] = [("date_modified:min", iso(since))] if since else []
    return get("/v3/customers/subscribers", *changed, ("limit", PAGE_LIMIT), ("page", page))


def subscribers_by_email(email: str) -> Request:
    """The newsletter row of one address."""
    return get("/v3/customers/subscribers", ("email", email), ("limit", PAGE_LIMIT))


def subscribed(row: Row) -> bool:
    """A row without consents is somebody who unsubscribed."""
    return NEWSLETTER in _consents(row)


def other_consents(row: Row) -> tuple[str, ...]:
    """The purposes besides the newsletter: `abandoned_cart`."""
    return tuple(sorted(str(each) for each in _consents(row) if each != NEWSLETTER))


def _consents(row: Row) -> list[Any]:
    given = row.get("consents")
    return given if isinstance(given, list) else []


def create_subscriber(email: str, consents: Sequence[Consent]) -> Request:
    """Makes the row of an address. 409 (`Rejected`) when it has one: read and update it; so twice is safe."""
    body = {"email": email, "source": "custom", "consents": list(consents)}
    return Request("POST", "/v3/customers/subscribers", json=body, repeatable=True)


def update_subscriber(subscriber_id: int, consents: Sequence[Consent]) -> Request:
    """Replaces the consents of a row; () is an unsubscription. 404 (`Rejected`) when there is no such row.

    Rows are never deleted from here: without a filter, that deletes every subscriber of the store.
    """
    return Request("PUT", f"/v3/customers/subscribers/{subscriber_id}", json={"consents": list(consents)})
