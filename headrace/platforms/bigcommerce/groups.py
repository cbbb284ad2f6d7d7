"""Customer groups, which exist in v2 only. No webhook tells of their changes."""

from headrace.platforms.bigcommerce.calls import PAGE_LIMIT, get
from headrace.platforms.http import Request


def customer_groups(page: int = 1) -> Request:
    """All customer groups: rows with `id` and `name`."""
    return get("/v2/customer_groups", ("limit", PAGE_LIMIT), ("page", page))


def create_customer_group(name: str) -> Request:
    """Makes a group. The reply is the group itself."""
    return Request("POST", "/v2/customer_groups", json={"name": name})
