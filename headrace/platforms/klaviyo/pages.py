"""What all of Klaviyo's lists share: filters, pages, and the rows of a JSON:API reply."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit


def any_of(field: str, values: Sequence[str]) -> str:
    """The filter that a field is one of these texts."""
    return f"any({field},{json.dumps(list(values), ensure_ascii=False)})"


def paged(size: int, cursor: str | None) -> tuple[tuple[str, str], ...]:
    """The parameters of one page; `cursor` None is the first."""
    return (("page[size]", str(size)), *((("page[cursor]", cursor),) if cursor else ()))


def next_cursor(body: Any) -> str | None:
    """Where the page after this one begins; None after the last."""
    links = body.get("links") if isinstance(body, dict) else None
    address = links.get("next") if isinstance(links, dict) else None
    if not isinstance(address, str):
        return None
    try:
        found = parse_qs(urlsplit(address).query).get("page[cursor]")
    except ValueError:
        return None
    return found[0] if found else None


def rows(body: Any, kind: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Id and attributes of every resource of a kind in a reply, be it one or a list; what is none is left out."""
    data = body.get("data") if isinstance(body, dict) else None
    for row in data if isinstance(data, list) else [data]:
        if isinstance(row, dict) and row.get("type") == kind and isinstance(row.get("id"), str):
            attributes = row.get("attributes")
            yield row["id"], attributes if isinstance(attributes, dict) else {}
