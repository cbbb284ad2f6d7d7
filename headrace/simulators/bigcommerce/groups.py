"""Customer groups v2: bare JSON, 204 for an empty list, one default, discount rules replaced whole.

No webhook tells of groups. An operation (`group.discount_fails`) makes the next writes answer 207: all is saved but
the store-wide discount.
"""

from dataclasses import replace
from typing import Any

from headrace.simulators.bigcommerce import shapes
from headrace.simulators.bigcommerce.discount_rules import category_access, discount_rules
from headrace.simulators.call import DEFAULT_LIMIT, MAX_LIMIT, Answer, Call, Routes, ok, v2_error
from headrace.simulators.people import Refused
from headrace.simulators.rows import Group
from headrace.simulators.world import World


def routes(world: World) -> Routes:
    """The handlers of these resources."""
    api = _Groups(world)
    return {
        ("GET", "/v2/customer_groups"): api.many,
        ("POST", "/v2/customer_groups"): api.create,
        ("GET", "/v2/customer_groups/count"): api.count,
        ("GET", "/v2/customer_groups/{id}"): api.one,
        ("PUT", "/v2/customer_groups/{id}"): api.update,
        ("DELETE", "/v2/customer_groups/{id}"): api.delete,
    }


class _Groups:
    def __init__(self, world: World) -> None:
        self._world = world
        self._people = world.people

    def many(self, call: Call) -> Answer:
        name, default = call.query.get("name"), call.query.get("is_default")
        rows = [
            row
            for row in self._people.groups
            if name in {None, row.name} and (default is None or row.is_default == (default == "true"))
        ]
        limit, number = call.number("limit", DEFAULT_LIMIT, highest=MAX_LIMIT), call.number("page", 1)
        part = rows[(number - 1) * limit : number * limit]
        return ok([shapes.group(row) for row in part]) if part else Answer(204)

    def count(self, call: Call) -> Answer:
        return ok({"count": len(self._people.groups)})

    def one(self, call: Call) -> Answer:
        row = self._people.groups.now(call.ids[0])
        return _missing() if row is None else ok(shapes.group(row))

    def create(self, call: Call) -> Answer:
        fields = call.json()
        if not isinstance(fields, dict):
            return v2_error(400, "Invalid JSON request body.")
        try:
            changes = self._changes(fields)
            row = self._people.create_group(str(fields.get("name") or ""))
        except Refused as refusal:
            return v2_error(400, str(refusal))
        return self._saved(row, {**changes, "name": row.name})

    def update(self, call: Call) -> Answer:
        row = self._people.groups.now(call.ids[0])
        fields = call.json()
        if row is None:
            return _missing()
        if not isinstance(fields, dict):
            return v2_error(400, "Invalid JSON request body.")
        try:
            changes = self._changes(fields)
            self._people.check_group_name(changes.get("name", row.name), row.id)
        except Refused as refusal:
            return v2_error(400, str(refusal))
        return self._saved(row, changes)

    def delete(self, call: Call) -> Answer:
        return Answer(204) if self._people.delete_group(call.ids[0]) else _missing()

    def _changes(self, fields: dict[str, Any]) -> dict[str, Any]:
        changes: dict[str, Any] = {"name": str(fields["name"])} if "name" in fields else {}
        if "is_default" in fields:
            changes["is_default"] = fields["is_default"] is True
        if "discount_rules" in fields:
            has = self._world.price_lists.__contains__
            changes["discount_rules"] = discount_rules(fields["discount_rules"], has)
        if "category_access" in fields:
            changes["access"], changes["category_ids"] = category_access(fields["category_access"])
        return changes

    def _saved(self, row: Group, changes: dict[str, Any]) -> Answer:
        """The whole of `discount_rules` is replaced; when the store-wide one fails, it stays as it was."""
        rules = changes.get("discount_rules", row.discount_rules)
        fails = _store_wide(rules) != _store_wide(row.discount_rules) and self._people.discount_fails()
        if fails:
            rest = tuple(rule for rule in rules if rule["type"] != "all")
            changes["discount_rules"] = _store_wide(row.discount_rules) + rest
        after = replace(row, **changes, modified=self._world.now())
        self._people.put_group(after)
        return ok(shapes.group(after), 207 if fails else 200)


def _store_wide(rules: tuple[dict[str, object], ...]) -> tuple[dict[str, object], ...]:
    return tuple(rule for rule in rules if rule["type"] == "all")


def _missing() -> Answer:
    # Documented as 400 on GET and DELETE, not 404.
    return v2_error(400, "The requested customer group was not found.")
