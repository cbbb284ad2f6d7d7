"""Customer segments (v3, Enterprise only): usable by promotions; a customer may be in many. No webhook tells of them.

A customer takes part by a shopper profile, which has to be made first; guests have none. At most 1000 segments a
store, ten of these calls at once. Nothing here deletes a segment or empties one.
"""

import re
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from headrace.platforms.bigcommerce.calls import PAGE_LIMIT, check_size, get, ids_of
from headrace.platforms.bigcommerce.pages import Row
from headrace.platforms.errors import Rejected
from headrace.platforms.http import Request

SEGMENT_WRITE_LIMIT: Final = 50
SEGMENT_CALLS_AT_ONCE: Final = 10
SEGMENTS_PER_STORE: Final = 1000
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def list_segments(page: int = 1) -> Request:
    """All segments: rows with `id` (a UUID) and `name`."""
    return get("/v3/segments", ("limit", PAGE_LIMIT), ("page", page))


def create_segment(name: str, description: str = "") -> Request:
    """Makes a segment; the reply's row carries its `id`. Twice makes two."""
    return Request("POST", "/v3/segments", json=[{"name": name, "description": description}])


def customers_with_profiles(customer_ids: Sequence[int]) -> Request:
    """Customers with their `shopper_profile_id` and `segment_ids`; read with `shopper_profile_of`, `segments_of`."""
    filters = (("id:in", ids_of(customer_ids)), ("include", "shopper_profile_id,segment_ids"))
    return get("/v3/customers", *filters, ("limit", PAGE_LIMIT))


def create_shopper_profiles(customer_ids: Sequence[int]) -> Request:
    """Makes the profiles of customers who have none; rows with `id` (a UUID) and `customer_id`."""
    check_size(len(customer_ids), SEGMENT_WRITE_LIMIT)
    body = [{"customer_id": customer_id} for customer_id in customer_ids]
    return Request("POST", "/v3/shopper-profiles", json=body, repeatable=True)


def segment_members(segment_id: str, page: int = 1) -> Request:
    """The shopper profiles of a segment: rows with `id` and `customer_id`."""
    return get(f"/v3/segments/{_uuid(segment_id)}/shopper-profiles", ("limit", PAGE_LIMIT), ("page", page))


def add_to_segment(segment_id: str, profile_ids: Sequence[str]) -> Request:
    """Puts up to 50 shopper profiles into a segment. One that is in it already refuses the whole call with 409:
    leave out `already_members` and send the others."""
    check_size(len(profile_ids), SEGMENT_WRITE_LIMIT)
    body = [_uuid(each) for each in profile_ids]
    return Request("POST", f"/v3/segments/{_uuid(segment_id)}/shopper-profiles", json=body, repeatable=True)


def remove_from_segment(segment_id: str, profile_ids: Sequence[str]) -> Request:
    """Takes up to 50 shopper profiles out. Never without naming them: the vendor would empty the segment."""
    check_size(len(profile_ids), SEGMENT_WRITE_LIMIT)
    chosen = ids_of(_uuid(each) for each in profile_ids)
    return Request("DELETE", f"/v3/segments/{_uuid(segment_id)}/shopper-profiles", params=(("id:in", chosen),))


def already_members(refusal: Rejected) -> frozenset[str]:
    """The shopper profiles that a 409 of `add_to_segment` says are in the segment; empty when it names none."""
    if refusal.status != 409:
        return frozenset()
    found = (_UUID.search(text) for text in refusal.errors.values())
    return frozenset(match.group().lower() for match in found if match)


def shopper_profile_of(row: Row) -> str | None:
    """The profile of a customer (a row of `customers_with_profiles`), None when there is none yet."""
    value = row.get("shopper_profile_id")
    return value.lower() if isinstance(value, str) and _UUID.fullmatch(value) else None


def segments_of(row: Row) -> frozenset[str]:
    """The segments a customer is in (a row of `customers_with_profiles`)."""
    given = row.get("segment_ids")
    ids = given if isinstance(given, list) else []
    return frozenset(each.lower() for each in ids if isinstance(each, str) and _UUID.fullmatch(each))


def _uuid(text: str) -> str:
    """Raises ValueError for what is no UUID: it stands in paths and filters."""
    return str(UUID(text))
