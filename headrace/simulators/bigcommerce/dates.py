"""Dates as BigCommerce states and takes them.

v2 writes RFC 2822, v3 ISO 8601; both take either.
"""

from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from functools import lru_cache


@lru_cache(maxsize=4096)
def rfc2822(moment: datetime) -> str:
    """`Tue, 05 Mar 2019 21:40:11 +0000`."""
    return format_datetime(moment)


@lru_cache(maxsize=4096)
def http_date(moment: datetime) -> str:
    """The `Date` header."""
    return format_datetime(moment, usegmt=True)


@lru_cache(maxsize=4096)
def iso8601(moment: datetime) -> str:
    """`2019-03-05T21:40:11Z`."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_date(text: str) -> datetime:
    """Either form, or unix seconds; without a zone UTC. Raises ValueError."""
    if text.isdigit() and len(text) > 8:
        return datetime.fromtimestamp(int(text), UTC)
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
    except ValueError:
        moment = parsedate_to_datetime(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
