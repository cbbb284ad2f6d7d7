"""Deciphering that both vendors' replies share: dates, amounts, and the four shapes of an error body.

What a given resource looks like is in `bigcommerce` and `mailchimp`.
"""

import email.utils
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

_ADDRESS: Final = re.compile(r"[^\s@\"'<>=:,;()\[\]{}]+@[^\s@\"'<>=:,;()\[\]{}]+")
_LONGEST_WAIT_S: Final = 3600
_LARGEST_EXPONENT: Final = 15
"""Nobody sells for 10^16; "1e999999" would be a number of a million digits."""


def error_text(body: Any) -> tuple[str, dict[str, str]]:
    """Title and per-field errors of an error body of any known shape; ("", {}) when it says nothing.

    The title is for outcomes, dead letters and logs: a vendor that names the address it refuses has it taken out.

    Shapes: v3 `{"title","errors":{path: text}}`; v2 `[{"status","message"}]`; v2 groups `{"errors":[{"title"}]}`;
    segments `{"errors":[{"title","errors":{...}}]}`; Mailchimp `{"title","detail","errors":[{"field","message"}]}`;
    SendGrid the same without a title, `field` null where it is about the whole call; Klaviyo (JSON:API)
    `{"errors":[{"title","detail","source":{"pointer" or "parameter"}}]}`.
    """
    titles: list[str] = []
    errors: dict[str, str] = {}
    for part in _parts(body):
        title = part.get("title") or part.get("message") or part.get("detail")
        if isinstance(title, str) and title and not part.get("field"):
            titles.append(title)
        errors.update(_fields(part))
    return (_ADDRESS.sub("[address]", titles[0]) if titles else ""), errors


def retry_after_of(body: Any) -> float | None:
    """The seconds to wait that a refusal's body names (Omnisend's `retryAfter`); None where it names none."""
    value = body.get("retryAfter") if isinstance(body, dict) else None
    known = isinstance(value, int | float | Decimal) and not isinstance(value, bool) and 0 <= value <= _LONGEST_WAIT_S
    return float(value) if known and value is not None else None


def _parts(body: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(body, list):
        yield from (part for part in body if isinstance(part, dict))
    elif isinstance(body, dict):
        yield body
        if isinstance(body.get("errors"), list):
            yield from (part for part in body["errors"] if isinstance(part, dict))


def _fields(part: Mapping[str, Any]) -> dict[str, str]:
    named = part.get("errors")
    if isinstance(named, dict):
        return {str(name): str(text) for name, text in named.items()}
    if isinstance(part.get("field"), str):
        return {part["field"]: str(part.get("message", ""))}
    source = part.get("source")
    if isinstance(source, dict):
        places = (source.get("pointer"), source.get("parameter"))
        return {place: str(part.get("detail", "")) for place in places if isinstance(place, str)}
    return {}


def moment(value: Any) -> datetime | None:
    """A date in RFC 2822 (v2) or ISO 8601 (v3) as aware UTC; None for "" and what is no date."""
    if not isinstance(value, str) or not value:
        return None
    try:
        parsed = datetime.fromisoformat(value) if value[:4].isdigit() else email.utils.parsedate_to_datetime(value)
        return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def decimal(value: Any) -> Decimal:
    """An amount given as text ("69.8400", "") or number; 0 when it is empty or absent. Never through float digits.

    Raises ValueError for what is no finite amount.
    """
    if value is None or value == "":
        return Decimal(0)
    try:
        amount = Decimal(str(value))
    except InvalidOperation as error:
        raise ValueError("not an amount") from error
    if not amount.is_finite() or amount.adjusted() > _LARGEST_EXPONENT:
        raise ValueError("not an amount")
    return amount
