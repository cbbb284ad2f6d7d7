"""Orders with their consignments (v2) and refunds (v3)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from headrace.platforms.bigcommerce.calls import PAGE_LIMIT, get, ids_of, iso
from headrace.platforms.http import Request

_ORDER_PARAMS: Final = (
    ("include", "consignments.line_items"),
    ("consignment_structure", "object"),
)


def orders_by_span(min_id: int, max_id: int | None = None, *, limit: int = PAGE_LIMIT) -> Request:
    """Orders with their lines, ids from `min_id` to `max_id`, by id; so many at most."""
    upper: list[tuple[str, object]] = [] if max_id is None else [("max_id", max_id)]
    ordered = ("sort", "id:asc"), ("page", 1), *_ORDER_PARAMS, ("limit", limit)
    return get("/v2/orders", ("min_id", min_id), *upper, *ordered)


def orders_modified(
    since: datetime, *, until: datetime | None = None, min_id: int | None = None, limit: int = PAGE_LIMIT
) -> Request:
    """Orders modified at or after `since` (whole seconds), oldest change first; by id when `min_id` is given."""
    bounds: list[tuple[str, object]] = [("min_date_modified", iso(since))]
    if until is not None:
        bounds.append(("max_date_modified", iso(until)))
    if min_id is not None:
        bounds.append(("min_id", min_id))
    sort = "date_modified:asc" if min_id is None else "id:asc"
    return get("/v2/orders", *bounds, ("sort", sort), ("page", 1), *_ORDER_PARAMS, ("limit", limit))


def refunds_of(order_ids: Sequence[int], page: int = 1) -> Request:
    """All refunds of these orders, declined ones too; rows carry `order_id`."""
    return get(
        "/v3/orders/payment_actions/refunds",
        ("order_id:in", ids_of(order_ids)),
        ("limit", PAGE_LIMIT),
        ("page", page),
    )
