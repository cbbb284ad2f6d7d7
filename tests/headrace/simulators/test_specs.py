"""The simulators' answers against the vendors' own OpenAPI files.

`HEADRACE_SPECS` names their folder, else `../shared/specs` beside the project; without them these tests are skipped.
"""

import json
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from openapi_schema_validator import OAS30Validator

from headrace.simulators.audience import member_hash
from tests.headrace.simulators.harness import Receiver, Running, until

SPECS = Path(os.environ.get("HEADRACE_SPECS", Path(__file__).parents[4] / "shared" / "specs"))
CUSTOMERS, GROUPS, ORDERS = "customers.v3.yml", "customers.v2.yml", "orders.v2.oas2.yml"
BEYOND = frozenset({"custom_status", "variant_id", "category_access"})
"""Keys the vendor is known to send although its file has no word of them."""
NULL_ALLOWED = frozenset({"channel_ids"})
"""Null means every channel, says the vendor's text; its file has no null."""
pytestmark = pytest.mark.skipif(not SPECS.is_dir(), reason=f"the vendors' files are not at {SPECS}")

CART = "09346904-4175-44fd-be53-f7e598531b6c"
SHOP: tuple[dict[str, Any], ...] = (
    {"op": "group.create", "group": {"name": "Gold"}},
    {
        "op": "customer.create",
        "customer": {
            "id": 1,
            "email": "a@x.example",
            "first_name": "A",
            "last_name": "B",
            "group": "Gold",
            "subscribed": True,
            "store_credit": "43.15",
            "form_fields": {"shirt_size": "M"},
            "addresses": [{"address1": "1 Way", "city": "Leeds", "country": "United Kingdom", "country_code": "GB"}],
        },
    },
    {
        "op": "order.create",
        "order": {
            "id": 100,
            "customer_id": 1,
            "email": "a@x.example",
            "lines": [
                {"product_id": 5, "name": "Mug", "brand": "B", "categories": ["K"], "quantity": 2, "price": "2.55"}
            ],
        },
    },
    {"op": "refund.create", "order_id": 100, "items": [{"line": 0, "quantity": 1, "amount": "2"}]},
    {
        "op": "cart.abandon",
        "cart": {
            "id": CART,
            "customer_id": 1,
            "lines": [{"product_id": 5, "name": "Mug", "quantity": 2, "price": "2.55"}],
        },
    },
)


@cache
def _document(name: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.load((SPECS / name).read_text(), Loader=yaml.CSafeLoader)
    return document


def _at(document: dict[str, Any], pointer: str) -> Any:
    found: Any = document
    for part in pointer.removeprefix("#/").split("/"):
        found = found[part.replace("~1", "/").replace("~0", "~")]
    return found


def _plain(document: dict[str, Any], schema: Any, open_refs: tuple[str, ...] = ()) -> Any:
    """The schema with its references written out; one that refers to itself allows anything there."""
    if isinstance(schema, list):
        return [_plain(document, each, open_refs) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        pointer = schema["$ref"]
        return {} if pointer in open_refs else _plain(document, _at(document, pointer), (*open_refs, pointer))
    # The vendor's alternatives have optional properties only, so that several fit: any may.
    return {"anyOf" if key == "oneOf" else key: _plain(document, value, open_refs) for key, value in schema.items()}


@cache
def _schema(name: str, method: str, path: str, status: str) -> dict[str, Any]:
    document = _document(name)
    answer = document["paths"][path][method.lower()]["responses"][status]
    if "$ref" in answer:
        answer = _at(document, answer["$ref"])
    schema: Any = next(iter(answer["content"].values()))["schema"] if "content" in answer else answer["schema"]
    plain: dict[str, Any] = _plain(document, schema)
    return plain


def _known(schema: dict[str, Any]) -> dict[str, Any]:
    """Every property the schema has a word of, however it is put together."""
    found = dict(schema.get("properties", {}))
    for each in (*schema.get("allOf", ()), *schema.get("anyOf", ())):
        found |= _known(each)
    return found


def _unknown_keys(schema: dict[str, Any], value: Any, place: str = "") -> Iterator[str]:
    if isinstance(value, list) and "items" in schema:
        for each in value:
            yield from _unknown_keys(schema["items"], each, f"{place}[]")
    known = _known(schema)
    if isinstance(value, dict) and known:
        for key, each in value.items():
            if key in known:
                yield from _unknown_keys(known[key], each, f"{place}.{key}")
            elif key not in BEYOND:
                yield f"{place}.{key}"


def _check(value: Any, name: str, method: str, path: str, status: str = "200") -> None:
    schema = _schema(name, method, path, status)
    problems = [
        f"{'.'.join(map(str, error.absolute_path))}: {error.message}"[:300]
        for error in OAS30Validator(schema).iter_errors(value)
        if not NULL_ALLOWED.intersection(error.absolute_path)
    ]
    assert problems == []
    assert list(_unknown_keys(schema, value)) == []


@pytest.mark.parametrize(
    ("call", "name", "path"),
    [
        ("/v3/customers?include=addresses,attributes,storecredit,formfields", CUSTOMERS, "/customers"),
        (f"/v3/carts/{CART}", "carts.v3.yml", "/carts/{cartId}"),
        ("/v2/currencies", "currencies.v2.yml", "/currencies"),
        ("/v3/customers/addresses", CUSTOMERS, "/customers/addresses"),
        ("/v3/customers/attributes", CUSTOMERS, "/customers/attributes"),
        ("/v3/customers/attribute-values", CUSTOMERS, "/customers/attribute-values"),
        ("/v3/customers/subscribers", "subscribers.v3.yml", "/customers/subscribers"),
        ("/v2/customer_groups", GROUPS, "/customer_groups"),
        ("/v2/customer_groups/1", GROUPS, "/customer_groups/{customer_group_id}"),
        ("/v2/orders", ORDERS, "/orders"),
        ("/v2/orders?include=consignments.line_items&consignment_structure=object", ORDERS, "/orders"),
        ("/v2/orders/100", ORDERS, "/orders/{order_id}"),
        ("/v2/orders/100/products", ORDERS, "/orders/{order_id}/products"),
        ("/v2/orders/100/consignments?include=consignments.line_items", ORDERS, "/orders/{order_id}/consignments"),
        ("/v3/orders/payment_actions/refunds", "orders.v3.yml", "/orders/payment_actions/refunds"),
        ("/v3/orders/100/payment_actions/refunds", "orders.v3.yml", "/orders/{order_id}/payment_actions/refunds"),
        ("/v3/catalog/products", "catalog/products_catalog.v3.yml", "/catalog/products"),
        ("/v3/catalog/brands", "catalog/brands_catalog.v3.yml", "/catalog/brands"),
        ("/v3/catalog/categories", "catalog/categories_catalog.v3.yml", "/catalog/categories"),
        ("/v3/catalog/trees/categories", "catalog/category-trees_catalog.v3.yml", "/catalog/trees/categories"),
        ("/v3/hooks", "webhooks.v3.yml", "/hooks"),
        ("/v3/hooks/1", "webhooks.v3.yml", "/hooks/{webhook_id}"),
        ("/v3/hooks/admin", "webhooks.v3.yml", "/hooks/admin"),
        ("/v2/store", "store_information.v2.yml", "/store"),
        ("/v2/time", "store_information.v2.yml", "/time"),
    ],
)
async def test_bigcommerce__answer__fits_the_vendor_s_schema(running: Running, call: str, name: str, path: str) -> None:
    await running.operate(*SHOP)
    await running.store("POST", "/v3/customers/attributes", [{"name": "headrace", "type": "string"}])
    value = [{"attribute_id": 1, "customer_id": 1, "value": "x"}]
    await running.store("PUT", "/v3/customers/attribute-values", value)
    hook = {"scope": "store/order/*", "destination": "https://a.example/h", "headers": {"X-A": "b"}}
    await running.store("POST", "/v3/hooks", hook)
    reply = await running.store("GET", call)
    assert reply.status == 200
    rows = reply.json["data"] if isinstance(reply.json, dict) and "data" in reply.json else reply.json
    assert rows
    _check(reply.json, f"bigcommerce/{name}", "GET", path)


@pytest.mark.parametrize(("path", "suffix"), [("", ""), ("/tags", "/tags")])
async def test_mailchimp__answer__fits_the_vendor_s_schema(running: Running, path: str, suffix: str) -> None:
    email = "a@x.example"
    member = f"/lists/list/members/{member_hash(email)}"
    await running.mail("PUT", member, {"email_address": email, "status_if_new": "subscribed"})
    await running.mail("POST", f"{member}/tags", {"tags": [{"name": "VIP", "status": "active"}]})
    reply = await running.mail("GET", member + path)
    name = "mailchimp/mailchimp-members-api-openapi.yml"
    _check(reply.json, name, "GET", f"/lists/{{list_id}}/members/{{subscriber_hash}}{suffix}")


async def test_mailchimp__problem__fits_the_vendor_s_schema(running: Running) -> None:
    reply = await running.mail("GET", "/lists/list/members/none")
    name = "mailchimp/mailchimp-members-api-openapi.yml"
    _check(reply.json, name, "GET", "/lists/{list_id}/members/{subscriber_hash}", "default")


async def test_webhooks__data__has_the_keys_of_the_vendor_s_examples(running: Running, receiver: Receiver) -> None:
    for scope in ("store/order/*", "store/customer/*", "store/subscriber/*", "store/cart/*"):
        await running.store("POST", "/v3/hooks", {"scope": scope, "destination": receiver.url})
    order = {"customer_id": 1, "lines": [{"name": "Mug", "quantity": 1, "price": "1"}]}
    bought = {"op": "cart.convert", "cart_id": CART, "order": order}
    archived, deleted = {"op": "order.archive", "order_id": 100}, {"op": "customer.delete", "customer_id": 1}
    await running.operate(*SHOP, bought, archived, deleted)
    await until(lambda: running.simulator.queue.counts.pending == 0)
    checked = set()
    for _, raw in receiver.got:
        body = json.loads(raw)
        example = SPECS / "bigcommerce/webhook-callbacks/data" / f"{body['scope'].replace('/', '_')}.json"
        if example.is_file():
            checked.add(body["scope"])
            given = json.loads(example.read_text())
            assert set(body) == set(given) | {"data"}
            assert set(body["data"]) == set(given["data"])
    carts = {"store/cart/abandoned", "store/cart/converted"}
    assert {"store/order/created", "store/order/refund/created", *carts} <= checked, sorted(checked)
