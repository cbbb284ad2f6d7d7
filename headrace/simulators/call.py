"""One call to a simulated vendor and its answer, as values: handlers are plain functions from one to the other.

Also the shapes of BigCommerce's errors and lists. No sockets.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

DEFAULT_LIMIT: Final = 50
MAX_LIMIT: Final = 250


@dataclass(frozen=True, slots=True)
class Answer:
    """`body` None is an empty body. `drip_s`: seconds between two of its bytes; 0: all at once."""

    status: int
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    drip_s: float = 0.0


class CallRefused(Exception):
    """Ends a handler with this answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Call:
    """`template` is the path with numbers as {id}; `ids` are those numbers."""

    method: str
    path: str
    template: str
    ids: tuple[int, ...] = ()
    query: Mapping[str, str] = field(default_factory=dict)
    raw: bytes = b""

    def json(self) -> Any:
        """The decoded body; refuses what is no JSON."""
        try:
            return msgspec.json.decode(self.raw)
        except msgspec.DecodeError:
            raise CallRefused(v3_error(422, "JSON data is missing or invalid", {"": "invalid JSON"})) from None

    def number(self, name: str, default: int, *, highest: int | None = None) -> int:
        """A query parameter from 1 (`highest` cuts it); refuses what is no number."""
        value = self.query.get(name)
        if value is None or value == "":
            return default
        if not value.isdigit() or int(value) < 1:
            raise CallRefused(v3_error(422, "Invalid filter parameter(s).", {name: f"{name} is not valid"}))
        return int(value) if highest is None else min(int(value), highest)

    def id_list(self, name: str) -> list[int] | None:
        """`id:in=1,2`; None if not given; refuses what is no number."""
        value = self.query.get(name)
        if value is None:
            return None
        parts = [part.strip() for part in value.split(",") if part.strip()]
        if not all(part.isdigit() for part in parts):
            raise CallRefused(v3_error(422, "Invalid filter parameter(s).", {name: "must be a list of integers"}))
        return [int(part) for part in parts]

    def texts(self, name: str) -> list[str] | None:
        """`email:in=a,b`; None if not given."""
        value = self.query.get(name)
        return None if value is None else [part.strip() for part in value.split(",") if part.strip()]


Handler = Callable[[Call], Answer]
Routes = dict[tuple[str, str], Handler]
"""By (method, template)."""


def ok(value: Any, status: int = 200) -> Answer:
    """A JSON answer."""
    return Answer(status, msgspec.json.encode(value))


def data(value: Any, status: int = 200) -> Answer:
    """A v3 answer without pages."""
    return ok({"data": value, "meta": {}}, status)


def v3_error(status: int, title: str, errors: Mapping[str, str] | None = None) -> Answer:
    """An error as v3 words it."""
    kind = "https://developer.bigcommerce.com/api-docs/getting-started/api-status-codes"
    return ok({"status": status, "title": title, "type": kind, "errors": dict(errors or {})}, status)


def v2_error(status: int, message: str) -> Answer:
    """An error as v2 words it."""
    return ok([{"status": status, "message": message}], status)


def too_many(limit: int) -> Answer:
    """More objects than a call may hold."""
    return v3_error(413, f"Too many objects: at most {limit} per call")


def page(call: Call, rows: Sequence[Any], render: Callable[[Any], Any]) -> Answer:
    """One page of a v3 list."""
    part, meta = pagination(call, rows)
    return ok({"data": [render(row) for row in part], "meta": {"pagination": meta}})


def pagination(call: Call, rows: Sequence[Any]) -> tuple[Sequence[Any], dict[str, Any]]:
    """The rows of the page asked for, and `meta.pagination`."""
    limit = call.number("limit", DEFAULT_LIMIT, highest=MAX_LIMIT)
    current, pages = call.number("page", 1), -(-len(rows) // limit)
    part = rows[(current - 1) * limit : current * limit]
    links = {"current": link(call, page=str(current))}
    if current > 1:
        links["previous"] = link(call, page=str(current - 1))
    if current < pages:
        links["next"] = link(call, page=str(current + 1))
    meta = {"total": len(rows), "count": len(part), "per_page": limit, "current_page": current, "total_pages": pages}
    return part, {**meta, "links": links}


def link(call: Call, **changes: str) -> str:
    """The query of another page of the same list, as `meta.*.links` state it."""
    return "?" + urlencode({**call.query, **changes})
