"""Calls about profiles and imports."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from headrace.simulators.call import Answer, Call
from headrace.simulators.klaviyo import wire
from headrace.simulators.klaviyo.account import Account, Invalid
from headrace.simulators.klaviyo.filters import conditions
from headrace.simulators.klaviyo.rows import Profile

_DATES: Final = "greater-than greater-or-equal less-than less-or-equal"
_MARKETING: Final = "subscriptions.email.marketing"
_FILTERS: Final[Mapping[str, str]] = {
    "id": "any equals",
    "email": "any equals",
    "external_id": "any equals",
    "phone_number": "any equals",
    "created": "greater-than less-than",
    "updated": "greater-than less-than",
    f"{_MARKETING}.suppression.reason": "equals",
    f"{_MARKETING}.suppression.timestamp": _DATES,
    f"{_MARKETING}.list_suppressions.reason": "equals",
    f"{_MARKETING}.list_suppressions.timestamp": _DATES,
    f"{_MARKETING}.list_suppressions.list_id": "equals",
}
_SORTS: Final = (
    "id",
    "created",
    "updated",
    "email",
    f"{_MARKETING}.suppression.timestamp",
    f"{_MARKETING}.list_suppressions.timestamp",
)


def import_one(account: Account, call: Call) -> Answer:
    """POST /api/profile-import."""
    row, new = account.upsert(_data(call))
    return wire.one(wire.profile(row), f"/api/profiles/{row.id}", 201 if new else 200)


def create(account: Account, call: Call) -> Answer:
    """POST /api/profiles: for new ones only."""
    data = _data(call)
    known = account.by_email(str((data.get("attributes") or {}).get("email") or ""))
    if known is not None:
        detail = "A profile already exists with one of these identifiers."
        return wire.error(409, "duplicate_profile", "Conflict.", detail, {"pointer": "/data/attributes"})
    row, _ = account.upsert(data)
    return wire.one(wire.profile(row), f"/api/profiles/{row.id}", 201)


def get(account: Account, call: Call, key: str) -> Answer:
    """GET /api/profiles/{id}."""
    row = account.profiles.get(key)
    return wire.missing("profile", key) if row is None else wire.one(_shape(call, row), call.path)


def update(account: Account, call: Call, key: str) -> Answer:
    """PATCH /api/profiles/{id}."""
    row, data = account.profiles.get(key), _data(call)
    if row is None:
        return wire.missing("profile", key)
    if data.get("id") != key:
        raise Invalid("The id is not that of the path.", "/data/id")
    changed = account.change(row, data.get("attributes") or {}, data.get("meta"))
    return wire.one(wire.profile(changed), call.path)


def find(account: Account, call: Call) -> Answer:
    """GET /api/profiles."""
    try:
        wanted = conditions(call.query.get("filter"), _FILTERS)
    except ValueError as error:
        return wire.bad_parameter("filter", str(error))
    sort = call.query.get("sort", "id")
    if sort.removeprefix("-") not in _SORTS:
        return wire.bad_parameter("sort", "Not a valid sort field.")
    rows = [row for row in account.profiles.values() if all(each.holds(_values(row, each.name)) for each in wanted)]
    name = sort.removeprefix("-")
    rows.sort(key=lambda row: (max(map(_text, _values(row, name)), default=""), row.id), reverse=sort.startswith("-"))
    return wire.page(call, rows, lambda row: _shape(call, row))


def _shape(call: Call, row: Profile) -> wire.Resource:
    more = call.query.get("additional-fields[profile]", "")
    return wire.profile(row, fields=call.query.get("fields[profile]"), subscriptions="subscriptions" in more.split(","))


def _values(row: Profile, name: str) -> Iterable[Any]:
    if name in ("id", "email", "created", "updated"):
        return [getattr(row, name)]
    if not name.startswith(_MARKETING):
        return [row.fields.get(name)]
    found = [each for each in row.suppressions if (each.list_id is None) == ("list_suppressions" not in name)]
    what = name.rpartition(".")[2]
    return [{"reason": each.reason, "timestamp": each.at, "list_id": each.list_id}[what] for each in found]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else value.isoformat()


def _data(call: Call) -> Mapping[str, Any]:
    body = call.json()
    data = body.get("data") if isinstance(body, dict) else None
    if not isinstance(data, dict):
        raise Invalid("A resource is required.", "/data")
    return data
