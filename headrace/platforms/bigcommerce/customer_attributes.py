"""Customer attributes (v3): one value for a customer, at most 255 characters; 50 attributes for a store."""

from collections.abc import Sequence

from headrace.platforms.bigcommerce.calls import PAGE_LIMIT, check_size, get, ids_of
from headrace.platforms.http import Request


def attributes(page: int = 1) -> Request:
    """The store's customer attributes: rows with `id` and `name`."""
    return get("/v3/customers/attributes", ("limit", PAGE_LIMIT), ("page", page))


def create_attribute(name: str) -> Request:
    """Makes a text attribute (a store has at most 50). The reply's row carries its `id`."""
    return Request("POST", "/v3/customers/attributes", json=[{"name": name, "type": "string"}])


def attribute_values(attribute_id: int, customer_ids: Sequence[int], page: int = 1) -> Request:
    """Values of one attribute: rows with `customer_id` and `attribute_value`."""
    return get(
        "/v3/customers/attribute-values",
        ("attribute_id:in", attribute_id),
        ("customer_id:in", ids_of(customer_ids)),
        ("limit", PAGE_LIMIT),
        ("page", page),
    )


def upsert_attribute_values(values: Sequence[tuple[int, int, str]]) -> Request:
    """Sets up to ten (attribute id, customer id, value)."""
    check_size(len(values))
    body = [
        {"attribute_id": attribute_id, "customer_id": customer_id, "value": value}
        for attribute_id, customer_id, value in values
    ]
    return Request("PUT", "/v3/customers/attribute-values", json=body)


def delete_attribute_values(value_ids: Sequence[int]) -> Request:
    """Takes values away, by the ids of the *values* (`id` of their rows), up to ten; unknown ones are ignored."""
    check_size(len(value_ids))
    return Request("DELETE", "/v3/customers/attribute-values", params=(("id:in", ids_of(value_ids)),))
