"""The rows of BigCommerce's replies, and how to go on to the next page, the same for v2 and v3."""

from collections.abc import Mapping
from typing import Any

from headrace.platforms.errors import Unavailable
from headrace.platforms.http import Reply

Row = Mapping[str, Any]


def rows_of(reply: Reply) -> list[dict[str, Any]]:
    """The rows of a v2 list (an array, or 204 with no body) or a v3 list (`data`); what is no object is left out."""
    body = reply.json
    found = body.get("data") if isinstance(body, dict) else body
    if isinstance(found, dict):
        found = [found]
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []


def row_of(reply: Reply) -> dict[str, Any]:
    """The one thing a reply holds: v2's body itself, or v3's `data`; {} for none, or for a list."""
    body = reply.json
    found = body["data"] if isinstance(body, dict) and "data" in body else body
    return found if isinstance(found, dict) else {}


def number_of(row: Row, name: str = "id") -> int:
    """An id in a row. Raises `Unavailable`: a reply whose rows have none is not the vendor's, and what it leaves out
    is not gone."""
    try:
        return int(row[name])
    except (LookupError, TypeError, ValueError, OverflowError) as error:
        raise Unavailable("BigCommerce", f"a row whose {name} is no number") from error


def next_page_of(reply: Reply) -> int | None:
    """The number of the page after this one of a v3 list, None at the end."""
    meta = reply.json.get("meta") if isinstance(reply.json, dict) else None
    pages = meta.get("pagination") if isinstance(meta, dict) else None
    if not isinstance(pages, dict):
        return None
    current, total = pages.get("current_page"), pages.get("total_pages")
    return current + 1 if isinstance(current, int) and isinstance(total, int) and current < total else None


def next_cursor_of(reply: Reply) -> str | None:
    """Behind which the next page of a v3 list stands that has cursors; None when the vendor states none."""
    meta = reply.json.get("meta") if isinstance(reply.json, dict) else None
    cursors = meta.get("cursor_pagination") if isinstance(meta, dict) else None
    end = cursors.get("end_cursor") if isinstance(cursors, dict) else None
    return end if isinstance(end, str) and end else None
