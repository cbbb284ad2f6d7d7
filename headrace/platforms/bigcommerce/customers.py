"""Customers and their addresses (v3): one group each, 0 for none; guests are not customers."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from headrace.platforms.bigcommerce.calls import PAGE_LIMIT, check_size, get, ids_of, iso
from headrace.platforms.http import Request

_CUSTOMER_PARAMS: Final = (("include", "addresses,storecredit,formfields"), ("limit", PAGE_LIMIT))


def customers_by_id(ids: Sequence[int]) -> Request:
    """Customers with up to ten addresses each; ids that do not exist are simply missing from the reply."""
    return get("/v3/customers", ("id:in", ids_of(ids)), *_CUSTOMER_PARAMS)


def customers_by_email(emails: Sequence[str]) -> Request:
    """Customers with these addresses."""
    return get("/v3/customers", ("email:in", ids_of(emails)), *_CUSTOMER_PARAMS)


def customers_modified(since: datetime) -> Request:
    """The first page of customers modified at or after `since` (whole seconds), oldest change first."""
    return get("/v3/customers", ("date_modified:min", iso(since)), ("sort", "date_modified:asc"), *_CUSTOMER_PARAMS)


def customers_after(
    cursor: str | None, *, modified_from: datetime | None = None, modified_until: datetime | None = None
) -> Request:
    """The page of customers behind a cursor (`next_cursor_of`), None for the first: by id, so that none is skipped
    when others are deleted or change meanwhile."""
    bounds = [("date_modified:min", modified_from), ("date_modified:max", modified_until)]
    given = [(name, iso(at)) for name, at in bounds if at is not None]
    return get("/v3/customers", *given, *([("after", cursor)] if cursor else []), *_CUSTOMER_PARAMS)


def addresses_of(customer_ids: Sequence[int], page: int = 1) -> Request:
    """All addresses of these customers; rows carry `customer_id`."""
    return get(
        "/v3/customers/addresses", ("customer_id:in", ids_of(customer_ids)), ("limit", PAGE_LIMIT), ("page", page)
    )


def update_customer_groups(groups: Sequence[tuple[int, int]]) -> Request:
    """Puts up to ten customers into groups: (customer id, group id), 0 for none. One bad id refuses the whole call."""
    check_size(len(groups))
    body = [{"id": customer_id, "customer_group_id": group_id} for customer_id, group_id in groups]
    return Request("PUT", "/v3/customers", json=body)
