"""The simulators' answers against the vendors' own OpenAPI files.

Without those these tests are skipped (see `tests/headrace/platforms/openapi.py`).
"""

import json
from typing import Any

import pytest

from headrace.simulators.audience import member_hash
from tests.headrace.platforms.bigcommerce.vendor import VENDOR
from tests.headrace.platforms.openapi import Specs
from tests.headrace.simulators.harness import Receiver, Running, until

MAILCHIMP = Specs("mailchimp")
pytestmark = pytest.mark.skipif(not VENDOR.are_there, reason=f"the vendors' files are not at {VENDOR.folder}")

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


@pytest.mark.parametrize(
    "call",
    [
        "/v3/customers?include=addresses,attributes,storecredit,formfields",
        f"/v3/carts/{CART}",
        "/v2/currencies",
        "/v3/customers/addresses",
        "/v3/customers/attributes",
        "/v3/customers/attribute-values",
        "/v3/customers/subscribers",
        "/v2/customer_groups",
        "/v2/customer_groups/1",
        "/v2/orders",
        "/v2/orders?include=consignments.line_items&consignment_structure=object",
        "/v2/orders/100",
        "/v2/orders/100/products",
        "/v2/orders/100/consignments?include=consignments.line_items",
        "/v3/orders/payment_actions/refunds",
        "/v3/orders/100/payment_actions/refunds",
        "/v3/catalog/products",
        "/v3/catalog/brands",
        "/v3/catalog/categories",
        "/v3/catalog/trees/categories",
        "/v3/hooks",
        "/v3/hooks/1",
        "/v3/hooks/admin",
        "/v2/store",
        "/v2/time",
    ],
)
async def test_bigcommerce__answer__fits_the_vendor_s_schema(running: Running, call: str) -> None:
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
    assert VENDOR.reply_problems("GET", call.partition("?")[0], 200, reply.json) == []


@pytest.mark.parametrize("path", ["", "/tags"])
async def test_mailchimp__answer__fits_the_vendor_s_schema(running: Running, path: str) -> None:
    email = "a@x.example"
    member = f"/lists/list/members/{member_hash(email)}"
    await running.mail("PUT", member, {"email_address": email, "status_if_new": "subscribed"})
    await running.mail("POST", f"{member}/tags", {"tags": [{"name": "VIP", "status": "active"}]})
    reply = await running.mail("GET", member + path)
    assert MAILCHIMP.reply_problems("GET", member + path, 200, reply.json) == []


async def test_mailchimp__problem__fits_the_vendor_s_schema(running: Running) -> None:
    reply = await running.mail("GET", "/lists/list/members/none")
    assert MAILCHIMP.reply_problems("GET", "/lists/list/members/none", reply.status, reply.json) == []


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
        example = VENDOR.folder / "bigcommerce/webhook-callbacks/data" / f"{body['scope'].replace('/', '_')}.json"
        if example.is_file():
            checked.add(body["scope"])
            given = json.loads(example.read_text())
            assert set(body) == set(given) | {"data"}
            assert set(body["data"]) == set(given["data"])
    carts = {"store/cart/abandoned", "store/cart/converted"}
    assert {"store/order/created", "store/order/refund/created", *carts} <= checked, sorted(checked)
