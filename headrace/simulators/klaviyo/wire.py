"""How Klaviyo writes things: JSON:API resources, pages, errors."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from headrace.simulators.call import Answer, Call
from headrace.simulators.klaviyo.account import FIELDS, Invalid
from headrace.simulators.klaviyo.rows import List, Profile, Suppression

MEDIA_TYPE: Final = "application/vnd.api+json"
HOST: Final = "https://a.klaviyo.com"
Resource = dict[str, Any]


def answer(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """A JSON:API answer."""
    return Answer(status, msgspec.json.encode(body), headers or {}, MEDIA_TYPE)


def error(status: int, code: str, title: str, detail: str, source: Mapping[str, str] | None = None) -> Answer:
    """An error; `source` is a pointer into the body or the name of a parameter."""
    shape = {
        "id": "00000000-0000-0000-0000-000000000000",
        "status": status,
        "code": code,
        "title": title,
        "detail": detail,
        "source": dict(source or {"pointer": "/data/"}),
        "meta": {},
    }
    return answer({"errors": [shape]}, status)


def invalid(refusal: Invalid) -> Answer:
    """400 for a part of the body."""
    return error(400, "invalid", "Invalid input.", refusal.detail, {"pointer": refusal.pointer})


def bad_parameter(name: str, detail: str) -> Answer:
    """400 for a part of the query."""
    return error(400, "invalid", "Invalid input.", detail, {"parameter": name})


def missing(what: str, key: str) -> Answer:
    """404."""
    return error(404, "not_found", "Not found.", f"A {what} with id {key} does not exist.")


def one(resource: Resource, path: str, status: int = 200) -> Answer:
    """An answer about one resource."""
    return answer({"data": resource, "links": {"self": HOST + path}}, status)


def page(
    call: Call, rows: Sequence[Any], shape: Callable[[Any], Resource], *, default: int = 20, largest: int = 100
) -> Answer:
    """One page of a list."""
    try:
        size = int(call.query.get("page[size]", str(default)))
        start = _start(call.query.get("page[cursor]"))
    except ValueError:
        return bad_parameter("page", "The page size or the cursor is not valid.")
    if not 1 <= size <= largest:
        return bad_parameter("page[size]", f"Page size must be an integer between 1 and {largest}.")
    links = {"self": _address(call)}
    if start + size < len(rows):
        links["next"] = _address(call, _cursor(start + size))
    if start > 0:
        links["prev"] = _address(call, _cursor(max(0, start - size)))
    return answer({"data": [shape(row) for row in rows[start : start + size]], "links": links})


def profile(row: Profile, *, fields: str | None = None, subscriptions: bool = False) -> Resource:
    """A profile; `fields` are those asked for, separated by commas."""
    attributes: dict[str, Any] = {
        "email": row.email,
        **{name: row.fields.get(name) for name in FIELDS},
        "created": date(row.created),
        "updated": date(row.updated),
        "last_event_date": None,
        "location": {},
        "properties": dict(row.properties),
    }
    if subscriptions:
        attributes["subscriptions"] = _subscriptions(row)
    if fields is not None:
        attributes = {name: value for name, value in attributes.items() if name in fields.split(",")}
    links = {"self": f"{HOST}/api/profiles/{row.id}"}
    return {"type": "profile", "id": row.id, "attributes": attributes, "links": links}


def reference(row: Profile) -> Resource:
    """A profile by its id alone."""
    return {"type": "profile", "id": row.id}


def list_(row: List) -> Resource:
    """A list."""
    attributes = {
        "name": row.name,
        "created": date(row.created),
        "updated": date(row.updated),
        "opt_in_process": "double_opt_in",
    }
    links = {"self": f"{HOST}/api/lists/{row.id}"}
    return {"type": "list", "id": row.id, "attributes": attributes, "links": links}


def date(moment: datetime) -> str:
    """As the vendor writes it."""
    return moment.isoformat(timespec="seconds")


def _subscriptions(row: Profile) -> dict[str, Any]:
    whole = [each for each in row.suppressions if each.list_id is None]
    marketing = {
        "can_receive_email_marketing": not whole,
        "consent": row.consent,
        "consent_timestamp": None if row.consent_at is None else date(row.consent_at),
        "last_updated": date(row.updated),
        "method": None,
        "method_detail": "",
        "custom_method_detail": None,
        "double_optin": None,
        "suppression": list(map(_suppression, whole)),
        "list_suppressions": [
            {"list_id": each.list_id, **_suppression(each)} for each in row.suppressions if each.list_id is not None
        ],
    }
    return {"email": {"marketing": marketing}}


def _suppression(each: Suppression) -> dict[str, Any]:
    return {"reason": each.reason, "timestamp": date(each.at)}


def _address(call: Call, cursor: str | None = None) -> str:
    query: Iterable[tuple[str, str]] = [(name, value) for name, value in call.query.items() if name != "page[cursor]"]
    query = [*query, ("page[cursor]", cursor)] if cursor else query
    return f"{HOST}{call.path}" + (f"?{urlencode(list(query))}" if query else "")


def _cursor(start: int) -> str:
    return urlsafe_b64encode(f"next:{start}".encode()).decode()


def _start(cursor: str | None) -> int:
    return 0 if not cursor else int(urlsafe_b64decode(cursor).decode().removeprefix("next:"))
