"""BigCommerce REST: requests for what we read and write, and the rows of its replies. Pure.

What the rows mean to us (snapshots, events) is in `services/ingest`; what is written when, in the consumers.
Sources: the vendor's OpenAPI files; facts about v2's empty replies and filters as in design/vendors.md 2.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from headrace.platforms.http import Reply, Request

PAGE_LIMIT: Final = 250
WRITE_LIMIT: Final = 10
"""Customers, and customers' attribute values, per call."""
INCLUDED_ADDRESSES: Final = 10
"""`include=addresses` is capped; more are read with `addresses_of`."""
IDS_PER_CALL: Final = 250
"""Ids in one `:in` filter: keeps the address of a call under 4 kB."""

Row = Mapping[str, Any]


def rows_of(reply: Reply) -> list[dict[str, Any]]:
    """The rows of a v2 list (an array, or 204 with no body) or a v3 list (`data`); what is no object is left out."""
    body = reply.json
    found = body.get("data") if isinstance(body, dict) else body
    if isinstance(found, dict):
        found = [found]
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []


def next_page_of(reply: Reply) -> int | None:
    """The number of the page after this one of a v3 list, None at the end."""
    meta = reply.json.get("meta") if isinstance(reply.json, dict) else None
    pages = meta.get("pagination") if isinstance(meta, dict) else None
    if not isinstance(pages, dict):
        return None
    current, total = pages.get("current_page"), pages.get("total_pages")
    return current + 1 if isinstance(current, int) and isinstance(total, int) and current < total else None


def next_cursor_of(reply: Reply) -> str | None:
    """Behind which the next page of a v3 list stands that has cursors; None when the vendor states none."""
    meta = reply.json.get("meta") if isinstance(reply.json, dict) else None
    cursors = meta.get("cursor_pagination") if isinstance(meta, dict) else None
    end = cursors.get("end_cursor") if isinstance(cursors, dict) else None
    return end if isinstance(end, str) and end else None


def _get(path: str, *params: tuple[str, object]) -> Request:
    return Request("GET", path, params=tuple((name, str(value)) for name, value in params))


def _ids(values: Iterable[object]) -> str:
    return ",".join(str(value) for value in values)


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


# Customers

_CUSTOMER_PARAMS: Final = (("include", "addresses,storecredit,formfields"), ("limit", PAGE_LIMIT))


def customers_by_id(ids: Sequence[int]) -> Request:
    """Customers with up to ten addresses each; ids that do not exist are simply missing from the reply."""
    return _get("/v3/customers", ("id:in", _ids(ids)), *_CUSTOMER_PARAMS)


def customers_by_email(emails: Sequence[str]) -> Request:
    """Customers with these addresses."""
    return _get("/v3/customers", ("email:in", _ids(emails)), *_CUSTOMER_PARAMS)


def customers_modified(since: datetime) -> Request:
    """The first page of customers modified at or after `since` (whole seconds), oldest change first."""
    return _get("/v3/customers", ("date_modified:min", _iso(since)), ("sort", "date_modified:asc"), *_CUSTOMER_PARAMS)


def customers_after(
    cursor: str | None, *, modified_from: datetime | None = None, modified_until: datetime | None = None
) -> Request:
    """The page of customers behind a cursor (`next_cursor_of`), None for the first: by id, so that none is skipped
    when others are deleted or change meanwhile."""
    bounds = [("date_modified:min", modified_from), ("date_modified:max", modified_until)]
    given = [(name, _iso(at)) for name, at in bounds if at is not None]
    return _get("/v3/customers", *given, *([("after", cursor)] if cursor else []), *_CUSTOMER_PARAMS)


def addresses_of(customer_ids: Sequence[int], page: int = 1) -> Request:
    """All addresses of these customers; rows carry `customer_id`."""
    return _get(
        "/v3/customers/addresses", ("customer_id:in", _ids(customer_ids)), ("limit", PAGE_LIMIT), ("page", page)
    )


def update_customer_groups(groups: Sequence[tuple[int, int]]) -> Request:
    """Puts up to ten customers into groups: (customer id, group id), 0 for none. One bad id refuses the whole call."""
    _check_size(len(groups))
    body = [{"id": customer_id, "customer_group_id": group_id} for customer_id, group_id in groups]
    return Request("PUT", "/v3/customers", json=body)


def subscribers(page: int = 1, *, since: datetime | None = None) -> Request:
    """Newsletter rows, all or those modified at or after `since`. There is no filter for many e-mails."""
    changed: list[tuple[str, object]] = [("date_modified:min", _iso(since))] if since else []
    return _get("/v3/customers/subscribers", *changed, ("limit", PAGE_LIMIT), ("page", page))


def subscribers_by_email(email: str) -> Request:
    """The newsletter row of one address."""
    return _get("/v3/customers/subscribers", ("email", email), ("limit", PAGE_LIMIT))


NEWSLETTER: Final = "marketing_newsletter"


def subscribed(row: Row) -> bool:
    """A row without consents is somebody who unsubscribed."""
    return NEWSLETTER in (row.get("consents") or ())


def other_consents(row: Row) -> tuple[str, ...]:
    """The purposes besides the newsletter: `abandoned_cart`."""
    return tuple(sorted(str(each) for each in row.get("consents") or () if each != NEWSLETTER))


# Groups (v2 only)


def customer_groups(page: int = 1) -> Request:
    """All customer groups: rows with `id` and `name`."""
    return _get("/v2/customer_groups", ("limit", PAGE_LIMIT), ("page", page))


def create_customer_group(name: str) -> Request:
    """Makes a group. The reply is the group itself."""
    return Request("POST", "/v2/customer_groups", json={"name": name})


# Orders

_ORDER_PARAMS: Final = (
    ("include", "consignments.line_items"),
    ("consignment_structure", "object"),
    ("limit", PAGE_LIMIT),
)


def orders_by_span(min_id: int, max_id: int | None = None, page: int = 1) -> Request:
    """Orders with their lines, ids from `min_id` to `max_id`, by id."""
    upper: list[tuple[str, object]] = [] if max_id is None else [("max_id", max_id)]
    return _get("/v2/orders", ("min_id", min_id), *upper, ("sort", "id:asc"), ("page", page), *_ORDER_PARAMS)


def orders_modified(
    since: datetime, page: int = 1, *, until: datetime | None = None, min_id: int | None = None
) -> Request:
    """Orders modified at or after `since` (whole seconds), oldest change first; by id when `min_id` is given."""
    bounds: list[tuple[str, object]] = [("min_date_modified", _iso(since))]
    if until is not None:
        bounds.append(("max_date_modified", _iso(until)))
    if min_id is not None:
        bounds.append(("min_id", min_id))
    sort = "date_modified:asc" if min_id is None else "id:asc"
    return _get("/v2/orders", *bounds, ("sort", sort), ("page", page), *_ORDER_PARAMS)


def refunds_of(order_ids: Sequence[int], page: int = 1) -> Request:
    """All refunds of these orders, declined ones too; rows carry `order_id`."""
    return _get(
        "/v3/orders/payment_actions/refunds",
        ("order_id:in", _ids(order_ids)),
        ("limit", PAGE_LIMIT),
        ("page", page),
    )


# Catalogue


def products_by_id(ids: Sequence[int]) -> Request:
    """Products with only `id`, `categories` (category ids), `brand_id` and `availability`."""
    fields = ("include_fields", "categories,brand_id,availability")
    return _get("/v3/catalog/products", ("id:in", _ids(ids)), fields, ("limit", PAGE_LIMIT))


def brands(page: int = 1) -> Request:
    """All brands: rows with `id` and `name`."""
    return _get("/v3/catalog/brands", ("include_fields", "name"), ("limit", PAGE_LIMIT), ("page", page))


def categories(page: int = 1) -> Request:
    """All categories: rows with `id` and `name`."""
    return _get("/v3/catalog/categories", ("include_fields", "name"), ("limit", PAGE_LIMIT), ("page", page))


# Carts and currencies


def cart(cart_id: str) -> Request:
    """A cart with its lines. 404 once it became an order, or after 30 days."""
    return _get(f"/v3/carts/{cart_id}")


def currencies(page: int = 1) -> Request:
    """The store's currencies (v2): rows with `currency_code`, `is_default` and `currency_exchange_rate`."""
    return _get("/v2/currencies", ("limit", PAGE_LIMIT), ("page", page))


# Customer attributes (single-valued, at most 255 characters)


def attributes(page: int = 1) -> Request:
    """The store's customer attributes: rows with `id` and `name`."""
    return _get("/v3/customers/attributes", ("limit", PAGE_LIMIT), ("page", page))


def create_attribute(name: str) -> Request:
    """Makes a text attribute (a store has at most 50). The reply's row carries its `id`."""
    return Request("POST", "/v3/customers/attributes", json=[{"name": name, "type": "string"}])


def attribute_values(attribute_id: int, customer_ids: Sequence[int], page: int = 1) -> Request:
    """Values of one attribute: rows with `customer_id` and `attribute_value`."""
    return _get(
        "/v3/customers/attribute-values",
        ("attribute_id:in", attribute_id),
        ("customer_id:in", _ids(customer_ids)),
        ("limit", PAGE_LIMIT),
        ("page", page),
    )


def upsert_attribute_values(values: Sequence[tuple[int, int, str]]) -> Request:
    """Sets up to ten (attribute id, customer id, value)."""
    _check_size(len(values))
    body = [
        {"attribute_id": attribute_id, "customer_id": customer_id, "value": value}
        for attribute_id, customer_id, value in values
    ]
    return Request("PUT", "/v3/customers/attribute-values", json=body)


# Webhooks


def hooks(page: int = 1) -> Request:
    """The hooks of our credentials: rows with `id`, `scope`, `destination`, `is_active`."""
    return _get("/v3/hooks", ("limit", PAGE_LIMIT), ("page", page))


def create_hook(scope: str, destination: str, headers: Mapping[str, str] | None = None) -> Request:
    """Subscribes to a scope. A second one of the same scope and destination is refused with 422."""
    body = {"scope": scope, "destination": destination, "is_active": True}
    return Request("POST", "/v3/hooks", json=body | ({"headers": dict(headers)} if headers else {}))


def activate_hook(hook_id: int) -> Request:
    """Wakes a hook that the vendor put to sleep."""
    return Request("PUT", f"/v3/hooks/{hook_id}", json={"is_active": True})


def _check_size(count: int) -> None:
    if not 1 <= count <= WRITE_LIMIT:
        raise ValueError(f"1 to {WRITE_LIMIT} in one call, not {count}")
