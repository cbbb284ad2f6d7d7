"""Metafields of customers v3: one by one under the customer, or many in a call that may succeed in part.

The list of all has cursors and filters by name, none by customer; the batch tells what failed and does the rest.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from headrace.simulators.bigcommerce.dates import iso8601
from headrace.simulators.bigcommerce.writes import Writes
from headrace.simulators.call import (
    DEFAULT_LIMIT,
    MAX_LIMIT,
    Answer,
    Call,
    CallRefused,
    Routes,
    data,
    ok,
    page,
    pagination,
    v3_error,
)
from headrace.simulators.metafields import Conflict, Metafield
from headrace.simulators.people import Refused
from headrace.simulators.world import World

_OWNER: Final = "headrace-client-id"


def routes(world: World, writes: Writes) -> Routes:
    """The handlers of these resources."""
    api = _Metafields(world, writes)
    return {
        ("GET", "/v3/customers/metafields"): api.all,
        ("POST", "/v3/customers/metafields"): api.create_many,
        ("PUT", "/v3/customers/metafields"): api.update_many,
        ("GET", "/v3/customers/{id}/metafields"): api.of_customer,
        ("POST", "/v3/customers/{id}/metafields"): api.create,
        ("GET", "/v3/customers/{id}/metafields/{id}"): api.one,
        ("PUT", "/v3/customers/{id}/metafields/{id}"): api.update,
        ("DELETE", "/v3/customers/{id}/metafields/{id}"): api.delete,
    }


class _Metafields:
    def __init__(self, world: World, writes: Writes) -> None:
        self._rows = world.metafields
        self._people = world.people
        self._writes = writes.metafield

    def all(self, call: Call) -> Answer:
        rows = [row for row in self._rows.rows if _named(row, call)]
        if "after" not in call.query:
            part, meta = pagination(call, rows)
            both = {"pagination": meta, "cursor_pagination": _cursors(call, part, len(rows) > len(part))}
            return ok({"data": [_shape(row) for row in part], "meta": both})
        limit = call.number("limit", DEFAULT_LIMIT, highest=MAX_LIMIT)
        behind = [row for row in rows if row.id > _position(call.query["after"])]
        part = behind[:limit]
        meta = {"cursor_pagination": _cursors(call, part, len(behind) > limit)}
        return ok({"data": [_shape(row) for row in part], "meta": meta})

    def of_customer(self, call: Call) -> Answer:
        rows = [row for row in self._rows.of_customer(call.ids[0]) if _named(row, call)]
        return page(call, rows, _shape)

    def create_many(self, call: Call) -> Answer:
        return self._many(call, lambda entry: (self._rows.create(entry.get("resource_id"), entry), True))

    def update_many(self, call: Call) -> Answer:
        return self._many(call, lambda entry: self._rows.update(entry.get("id"), entry))

    def create(self, call: Call) -> Answer:
        try:
            row = self._rows.create(call.ids[0], _object(call))
        except Conflict as refusal:
            return v3_error(409, str(refusal))
        except Refused as refusal:
            return v3_error(422, str(refusal))
        self._writes.add(1, 0)
        return data(_shape(row))

    def one(self, call: Call) -> Answer:
        row = self._found(call)
        return _missing() if row is None else data(_shape(row))

    def update(self, call: Call) -> Answer:
        if self._found(call) is None:
            return _missing()
        try:
            row, changed = self._rows.update(call.ids[1], _object(call))
        except Refused as refusal:
            return v3_error(422, str(refusal))
        self._writes.add(1, 0 if changed else 1)
        return data(_shape(row))

    def delete(self, call: Call) -> Answer:
        if self._found(call) is None:
            return _missing()
        self._rows.delete(call.ids[1])
        self._writes.add(1, 0)
        return Answer(204)

    def _found(self, call: Call) -> Metafield | None:
        row = self._rows.rows.now(call.ids[1])
        return row if row is not None and row.customer_id == call.ids[0] else None

    def _many(self, call: Call, act: Callable[[Mapping[str, Any]], tuple[Metafield, bool]]) -> Answer:
        entries = call.json()
        if not isinstance(entries, list) or not entries or not all(isinstance(each, dict) for each in entries):
            return v3_error(400, "Input is invalid")
        made, errors, unchanged = [], [], 0
        for index, entry in enumerate(entries):
            try:
                row, changed = act(entry)
            except Refused as refusal:
                status = 409 if isinstance(refusal, Conflict) else 422
                details = {str(index): str(refusal)}
                errors.append({"status": status, "title": "Bulk operation has failed", "type": "", "errors": details})
            else:
                made.append(_shape(row))
                unchanged += not changed
        if made:
            self._writes.add(len({each["resource_id"] for each in made}), unchanged)
        meta = {"total": len(entries), "success": len(made), "failed": len(errors)}
        return ok({"data": made, "errors": errors, "meta": meta}, 422 if errors else 200)


def _shape(row: Metafield) -> dict[str, Any]:
    return {
        "id": row.id,
        "namespace": row.namespace,
        "key": row.key,
        "value": row.value,
        "permission_set": row.permission_set,
        "description": row.description,
        "resource_type": "customer",
        "resource_id": row.customer_id,
        "owner_client_id": _OWNER,
        "date_created": iso8601(row.created),
        "date_modified": iso8601(row.modified),
    }


def _named(row: Metafield, call: Call) -> bool:
    wanted = {name: call.texts(f"{name}:in") or call.texts(name) for name in ("namespace", "key")}
    return all(texts is None or getattr(row, name) in texts for name, texts in wanted.items())


def _object(call: Call) -> Mapping[str, Any]:
    entry = call.json()
    if not isinstance(entry, dict):
        raise CallRefused(v3_error(422, "JSON data is missing or invalid"))
    return entry


def _cursors(call: Call, part: Any, more: bool) -> dict[str, Any]:  # noqa: FBT001  # one caller
    limit = call.number("limit", DEFAULT_LIMIT, highest=MAX_LIMIT)
    shape: dict[str, Any] = {"count": len(part), "per_page": limit, "links": {}}
    if part and more:
        shape["start_cursor"], shape["end_cursor"] = str(part[0].id), str(part[-1].id)
    return shape


def _position(cursor: str) -> int:
    if not cursor.isdigit():
        raise CallRefused(v3_error(422, "Invalid cursor.", {"after": "cursor is not valid"}))
    return int(cursor)


def _missing() -> Answer:
    return v3_error(404, "The resource at that URL is not found.")
