"""Newsletter rows (v3): known by e-mail only; that a row exists is no consent."""

from datetime import datetime
from typing import Final

from headrace.platforms.bigcommerce.calls import PAGE_LIMIT, get, iso
from headrace.platforms.bigcommerce.pages import Row
from headrace.platforms.http import Request


def subscribers(page: int = 1, *, since: datetime | None = None) -> Request:
    """Newsletter rows, all or those modified at or after `since`. There is no filter for many e-mails."""
    changed: list[tuple[str, object]] = [("date_modified:min", iso(since))] if since else []
    return get("/v3/customers/subscribers", *changed, ("limit", PAGE_LIMIT), ("page", page))


def subscribers_by_email(email: str) -> Request:
    """The newsletter row of one address."""
    return get("/v3/customers/subscribers", ("email", email), ("limit", PAGE_LIMIT))


NEWSLETTER: Final = "marketing_newsletter"


def subscribed(row: Row) -> bool:
    """A row without consents is somebody who unsubscribed."""
    return NEWSLETTER in (row.get("consents") or ())


def other_consents(row: Row) -> tuple[str, ...]:
    """The purposes besides the newsletter: `abandoned_cart`."""
    return tuple(sorted(str(each) for each in row.get("consents") or () if each != NEWSLETTER))
