"""Customers' metafields (v3): a text of up to 65,535 characters under a namespace and a key, for one customer.

A namespace and key exist once for a customer. Reading a customer's is one call each: the batch has no filter for
customers. No webhook tells of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from headrace.platforms.bigcommerce.calls import PAGE_LIMIT, WRITE_LIMIT, check_size, get
from headrace.platforms.bigcommerce.pages import Row
from headrace.platforms.http import Request

METAFIELD_LENGTH: Final = 65_535
METAFIELD_NAME_LENGTH: Final = 64
METAFIELDS_AT_ONCE: Final = WRITE_LIMIT
"""Metafields per call. The vendor states no limit; ten is what customers and attribute values have."""
Permission = Literal["app_only", "read", "write", "read_and_sf_access", "write_and_sf_access"]


@dataclass(frozen=True, slots=True)
class Metafield:
    """A customer's metafield as the store has it."""

    id: int
    customer_id: int
    namespace: str
    key: str
    value: str


def metafields_of(customer_id: int, namespace: str, page: int = 1) -> Request:
    """One customer's metafields of a namespace: ours, and others' whose `permission_set` lets us see them."""
    path = f"/v3/customers/{customer_id}/metafields"
    return get(path, ("namespace", namespace), ("limit", PAGE_LIMIT), ("page", page))


def metafields_named(namespace: str, key: str, cursor: str | None = None) -> Request:
    """All customers' metafields of this name, behind a cursor (`next_cursor_of`), None for the first."""
    after = [("after", cursor)] if cursor else []
    return get("/v3/customers/metafields", ("namespace", namespace), ("key", key), *after, ("limit", PAGE_LIMIT))


def create_metafields(
    namespace: str, key: str, values: Sequence[tuple[int, str]], *, permission: Permission = "read"
) -> Request:
    """Makes the metafield for up to ten (customer id, value). An empty value is refused by the vendor: delete instead.

    422 (`Rejected`) when any of them failed, for instance since it exists; the others may have been made: read again.
    """
    check_size(len(values), METAFIELDS_AT_ONCE)
    for name in (namespace, key):
        if not 1 <= len(name) <= METAFIELD_NAME_LENGTH:
            raise ValueError(f"a metafield's namespace and key have 1 to {METAFIELD_NAME_LENGTH} characters")
    body = [
        {"resource_id": customer_id, "namespace": namespace, "key": key, "value": _value(value)}
        | {"permission_set": permission}
        for customer_id, value in values
    ]
    return Request("POST", "/v3/customers/metafields", json=body, repeatable=True)


def update_metafields(values: Sequence[tuple[int, str]]) -> Request:
    """Sets up to ten (metafield id, value). 422 (`Rejected`) when any failed; the others may have been set."""
    check_size(len(values), METAFIELDS_AT_ONCE)
    return Request("PUT", "/v3/customers/metafields", json=[{"id": each, "value": _value(v)} for each, v in values])


def delete_metafield(customer_id: int, metafield_id: int) -> Request:
    """Takes one away. 404 (`Rejected`) when it is not there."""
    return Request("DELETE", f"/v3/customers/{customer_id}/metafields/{metafield_id}")


def metafield_of(row: Row) -> Metafield | None:
    """What a row says; None when something is missing or of the wrong type."""
    numbers: tuple[Any, Any] = (row.get("id"), row.get("resource_id"))
    texts: tuple[Any, Any, Any] = (row.get("namespace"), row.get("key"), row.get("value"))
    if not all(isinstance(each, int) for each in numbers) or not all(isinstance(each, str) for each in texts):
        return None
    return Metafield(*numbers, *texts)


def _value(value: str) -> str:
    if not 1 <= len(value) <= METAFIELD_LENGTH:
        raise ValueError(f"a metafield has 1 to {METAFIELD_LENGTH} characters, not {len(value)}")
    return value
