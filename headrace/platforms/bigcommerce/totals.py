"""How many customers and orders a store has: to tell how long reading all of them takes."""

from headrace.platforms.bigcommerce.calls import get
from headrace.platforms.bigcommerce.pages import row_of
from headrace.platforms.http import Reply, Request


def customers_total() -> Request:
    """One customer, and beside it how many there are."""
    return get("/v3/customers", ("limit", 1))


def orders_total() -> Request:
    """The count of orders (v2)."""
    return get("/v2/orders/count")


def total_of(reply: Reply) -> int:
    """The number in either reply; 0 where it has none."""
    meta = reply.json.get("meta") if isinstance(reply.json, dict) else None
    pages = meta.get("pagination") if isinstance(meta, dict) else None
    found = pages.get("total") if isinstance(pages, dict) else row_of(reply).get("count")
    return found if isinstance(found, int) and not isinstance(found, bool) and found > 0 else 0
