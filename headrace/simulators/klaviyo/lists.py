"""Calls about lists and who is on them."""

from typing import Any, Final

from headrace.simulators.call import Answer, Call
from headrace.simulators.klaviyo import wire
from headrace.simulators.klaviyo.account import Account, Invalid
from headrace.simulators.klaviyo.filters import conditions

_FILTERS: Final = {"name": "any equals", "id": "any equals", "created": "greater-than", "updated": "greater-than"}
_SORTS: Final = ("created", "id", "name", "updated")
_MOST_PROFILES: Final = 1000


def find(account: Account, call: Call) -> Answer:
    """GET /api/lists."""
    try:
        wanted = conditions(call.query.get("filter"), _FILTERS)
    except ValueError as error:
        return wire.bad_parameter("filter", str(error))
    sort = call.query.get("sort", "id")
    name = sort.removeprefix("-")
    if name not in _SORTS:
        return wire.bad_parameter("sort", "Not a valid sort field.")
    rows = [row for row in account.lists.values() if all(each.holds([getattr(row, each.name)]) for each in wanted)]
    rows.sort(key=lambda row: (getattr(row, name), row.id), reverse=sort.startswith("-"))
    return wire.page(call, rows, wire.list_, default=10, largest=10)


def create(account: Account, call: Call) -> Answer:
    """POST /api/lists."""
    name = _attributes(call).get("name")
    if not isinstance(name, str) or not name:
        raise Invalid("The list's name is required.", "/data/attributes/name")
    row = account.create_list(name)
    return wire.one(wire.list_(row), f"/api/lists/{row.id}", 201)


def get(account: Account, call: Call, key: str) -> Answer:
    """GET /api/lists/{id}."""
    row = account.lists.get(key)
    return wire.missing("list", key) if row is None else wire.one(wire.list_(row), call.path)


def delete(account: Account, key: str) -> Answer:
    """DELETE /api/lists/{id}."""
    return wire.missing("list", key) if account.lists.pop(key, None) is None else Answer(204)


def members(account: Account, call: Call, key: str) -> Answer:
    """GET /api/lists/{id}/relationships/profiles."""
    row = account.lists.get(key)
    if row is None:
        return wire.missing("list", key)
    rows = [account.profiles[each] for each in row.members]
    return wire.page(call, rows, wire.reference, largest=1000)


def change(account: Account, call: Call, key: str) -> Answer:
    """POST and DELETE /api/lists/{id}/relationships/profiles. One unknown profile, and nothing is done."""
    if key not in account.lists:
        return wire.missing("list", key)
    body = call.json()
    entries = body.get("data") if isinstance(body, dict) else None
    if not isinstance(entries, list) or not 1 <= len(entries) <= _MOST_PROFILES:
        raise Invalid(f"1 to {_MOST_PROFILES} profiles are required.", "/data")
    ids: list[str] = []
    for number, entry in enumerate(entries):
        if not isinstance(entry, dict) or entry.get("type") != "profile":
            raise Invalid("A profile is required.", f"/data/{number}")
        if entry.get("id") not in account.profiles:
            return wire.missing("profile", str(entry.get("id")))
        ids.append(entry["id"])
    (account.add if call.method == "POST" else account.remove)(key, ids)
    return Answer(204)


def _attributes(call: Call) -> dict[str, Any]:
    body = call.json()
    data = body.get("data") if isinstance(body, dict) else None
    if not isinstance(data, dict) or data.get("type") != "list" or not isinstance(data.get("attributes"), dict):
        raise Invalid("A list is required.", "/data")
    return dict(data["attributes"])
