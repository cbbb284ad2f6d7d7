"""Price lists v3: which there are, and which groups have them by an assignment (an upsert)."""

from typing import Any

from headrace.simulators.bigcommerce.dates import iso8601
from headrace.simulators.call import Answer, Call, Routes, data, page, v3_error
from headrace.simulators.price_lists import Assignment, PriceList
from headrace.simulators.world import World


def routes(world: World) -> Routes:
    """The handlers of these resources."""
    api = _PriceLists(world)
    return {
        ("GET", "/v3/pricelists"): api.many,
        ("GET", "/v3/pricelists/assignments"): api.assignments,
        ("PUT", "/v3/pricelists/{id}/assignments"): api.assign,
    }


class _PriceLists:
    def __init__(self, world: World) -> None:
        self._rows = world.price_lists
        self._groups = world.people.groups

    def many(self, call: Call) -> Answer:
        name = call.query.get("name")
        return page(call, [row for row in self._rows.rows.values() if name in {None, row.name}], _price_list)

    def assignments(self, call: Call) -> Answer:
        groups, lists = call.id_list("customer_group_id:in"), call.id_list("price_list_id:in")
        rows = [
            row
            for row in self._rows.assignments.values()
            if (groups is None or row.group_id in groups) and (lists is None or row.price_list_id in lists)
        ]
        return page(call, rows, _assignment)

    def assign(self, call: Call) -> Answer:
        fields = call.json()
        group_id, channel_id = (fields.get("customer_group_id"), fields.get("channel_id")) if fields else (None, None)
        if not isinstance(group_id, int) or not isinstance(channel_id, int):
            missing = {"customer_group_id": "is required", "channel_id": "is required"}
            return v3_error(422, "JSON data is missing or invalid", missing)
        if call.ids[0] not in self._rows or group_id not in self._groups:
            return v3_error(404, "A matching customer group or channel was not found.")
        return data(_assignment(self._rows.assign(call.ids[0], group_id, channel_id)))


def _price_list(row: PriceList) -> dict[str, Any]:
    dates = {"date_created": iso8601(row.created), "date_modified": iso8601(row.created)}
    return {"id": row.id, "name": row.name, "active": True, **dates}


def _assignment(row: Assignment) -> dict[str, Any]:
    return {
        "id": row.id,
        "price_list_id": row.price_list_id,
        "customer_group_id": row.group_id,
        "channel_id": row.channel_id,
    }
