"""Price lists (v3, Enterprise only) and which customer groups have them: to change a group is to change prices.

A group has a price list either as its only discount rule (`discounts`) or by an assignment for a channel.
"""

from collections.abc import Sequence
from typing import Final

from headrace.platforms.bigcommerce.calls import PAGE_LIMIT, get, ids_of
from headrace.platforms.http import Request

ASSIGNMENTS_AT_ONCE: Final = 25


def list_price_lists(page: int = 1) -> Request:
    """All price lists: rows with `id`, `name` and `active`."""
    return get("/v3/pricelists", ("limit", PAGE_LIMIT), ("page", page))


def price_list_assignments(group_ids: Sequence[int], page: int = 1) -> Request:
    """What these groups have: rows with `id`, `price_list_id`, `customer_group_id` and `channel_id`."""
    chosen = ("customer_group_id:in", ids_of(group_ids))
    return get("/v3/pricelists/assignments", chosen, ("limit", PAGE_LIMIT), ("page", page))


def assign_price_list(price_list_id: int, group_id: int, channel_id: int) -> Request:
    """Gives a group a price list for a channel, in place of another. 404 (`Rejected`) when one of them is missing."""
    body = {"customer_group_id": group_id, "channel_id": channel_id}
    return Request("PUT", f"/v3/pricelists/{price_list_id}/assignments", json=body)
