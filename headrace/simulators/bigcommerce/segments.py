"""Segments and shopper profiles v3: 50 profiles a call, 409 for one who is in already, a DELETE that may empty all.

No webhook tells of them.
"""

from collections.abc import Sequence
from typing import Any, Final

from headrace.simulators.bigcommerce.dates import iso8601
from headrace.simulators.call import Answer, Call, CallRefused, Routes, data, ok, page, too_many, v3_error
from headrace.simulators.people import Refused
from headrace.simulators.segments import Segment, ShopperProfile
from headrace.simulators.world import World

BATCH: Final = 50
AT_ONCE: Final = 10


def routes(world: World) -> Routes:
    """The handlers of these resources."""
    api = _Segments(world)
    members = "/v3/segments/{uuid}/shopper-profiles"
    return {
        ("GET", "/v3/segments"): api.many,
        ("POST", "/v3/segments"): api.create,
        ("GET", "/v3/shopper-profiles"): api.profiles,
        ("POST", "/v3/shopper-profiles"): api.create_profiles,
        ("GET", members): api.members,
        ("POST", members): api.add,
        ("DELETE", members): api.remove,
    }


class _Segments:
    def __init__(self, world: World) -> None:
        self._rows = world.segments

    def many(self, call: Call) -> Answer:
        return page(call, list(self._rows.rows.values()), _segment)

    def create(self, call: Call) -> Answer:
        entries = _entries(call)
        try:
            made = [self._rows.create(str(each["name"]), str(each.get("description", ""))) for each in entries]
        except (Refused, KeyError, TypeError, AttributeError) as refusal:
            return v3_error(400, str(refusal))
        return data([_segment(row) for row in made], 201)

    def profiles(self, call: Call) -> Answer:
        return page(call, list(self._rows.profiles.values()), _profile)

    def create_profiles(self, call: Call) -> Answer:
        entries = _entries(call)
        try:
            made = [self._rows.profile(each.get("customer_id")) for each in entries]
        except (Refused, AttributeError) as refusal:
            return v3_error(400, str(refusal))
        return data([_profile(row) for row in made], 201)

    def members(self, call: Call) -> Answer:
        rows = [self._rows.profiles[each] for each in self._members(call)]
        return page(call, rows, _profile)

    def add(self, call: Call) -> Answer:
        members, given = self._members(call), _entries(call)
        if any(each not in self._rows.profiles for each in given):
            return v3_error(404, "A shopper profile was not found.")
        known = next((each for each in given if each in members), None)
        if known is not None:
            return _conflict(known, _segment_id(call), len(given))
        members.update(dict.fromkeys(given))
        return ok({"data": [_profile(self._rows.profiles[each]) for each in given]}, 201)

    def remove(self, call: Call) -> Answer:
        """Without `id:in` nobody stays."""
        members, chosen = self._members(call), call.texts("id:in")
        for each in list(members) if chosen is None else chosen:
            members.pop(each, None)
        return Answer(204)

    def _members(self, call: Call) -> dict[str, None]:
        members = self._rows.members.get(_segment_id(call))
        if members is None:
            raise CallRefused(v3_error(404, "The requested segment was not found."))
        return members


def _segment_id(call: Call) -> str:
    return call.path.rstrip("/").split("/")[-2]


def _entries(call: Call) -> Sequence[Any]:
    entries = call.json()
    if not isinstance(entries, list) or not entries:
        raise CallRefused(v3_error(400, "JSON data is missing or invalid"))
    if len(entries) > BATCH:
        raise CallRefused(too_many(BATCH))
    return entries


def _conflict(profile_id: str, segment_id: str, count: int) -> Answer:
    text = f"Shopper profile `{profile_id}` already exists for segment `{segment_id}`."
    title = "Unable to add shopper profiles to segment due to conflicts."
    error = {"status": 409, "title": title, "type": "", "errors": {"0": text}}
    return ok({"data": [], "errors": [error], "meta": {"total": count, "success": 0, "failed": count}}, 409)


def _segment(row: Segment) -> dict[str, Any]:
    at = iso8601(row.created)
    return {"id": row.id, "name": row.name, "description": row.description, "created_at": at, "updated_at": at}


def _profile(row: ShopperProfile) -> dict[str, Any]:
    at = iso8601(row.created)
    return {"id": row.id, "customer_id": row.customer_id, "created_at": at, "updated_at": at}
