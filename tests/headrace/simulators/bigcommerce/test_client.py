"""What our requests ask, the simulated store answers as the vendor's files say, through the real client."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest

from headrace.platforms import bigcommerce
from headrace.platforms.bigcommerce import CategoryAccess, DiscountRule
from headrace.platforms.errors import Rejected
from headrace.platforms.http import Reply, Request, VendorClient
from headrace.runtime.retry import RetryPolicy
from tests.headrace.platforms.bigcommerce.vendor import VENDOR
from tests.headrace.simulators.harness import START, Running

CART = "09346904-4175-44fd-be53-f7e598531b6c"
LINE = {"product_id": 5, "sku": "MUG", "name": "Mug", "brand": "B", "categories": ["K"], "quantity": 2, "price": "2.55"}
NAMES = {"first_name": "A", "last_name": "B"}
SHOP: tuple[dict[str, Any], ...] = (
    {"op": "group.create", "group": {"name": "Gold"}},
    {"op": "price_list.create", "name": "Trade"},
    *(
        {"op": "customer.create", "customer": {"id": number, "email": f"{number}@x.example", **NAMES}}
        for number in (1, 2)
    ),
    {"op": "order.create", "order": {"id": 100, "customer_id": 1, "email": "1@x.example", "lines": [LINE]}},
    {"op": "refund.create", "order_id": 100, "items": [{"line": 0, "quantity": 1, "amount": "2"}]},
    {"op": "cart.abandon", "cart": {"id": CART, "customer_id": 1, "lines": [LINE]}},
)
Ask = Callable[[Request], Awaitable[Reply]]


@pytest.fixture
async def ask(running: Running) -> AsyncIterator[Ask]:
    """Sends a request to a shop with something in it; the answer fits the vendor's schema."""
    await running.operate(*SHOP)
    client = VendorClient(
        "bigcommerce",
        base_url=f"{running.addresses.bigcommerce}/stores/store",
        headers={"X-Auth-Token": "token"},
        retry=RetryPolicy(0.01, 0.01, 0.02),
    )

    async def call(request: Request) -> Reply:
        reply = await client.call(request)
        if VENDOR.are_there:
            body = json.loads(json.dumps(reply.json, default=float))  # fractions are Decimal with us
            assert VENDOR.reply_problems(request.method, request.path, reply.status, body) == []
        return reply

    yield call
    await client.aclose()


@pytest.mark.parametrize(
    "request_",
    [
        bigcommerce.customers_by_id([1]),
        bigcommerce.customers_by_email(["2@x.example"]),
        bigcommerce.customers_modified(START),
        bigcommerce.customers_after(None, modified_from=START),
        bigcommerce.orders_by_span(1),
        bigcommerce.orders_modified(START),
        bigcommerce.refunds_of([100]),
        bigcommerce.products_by_id([5]),
        bigcommerce.products_by_sku(["MUG"]),
        bigcommerce.brands(),
        bigcommerce.categories(),
        bigcommerce.currencies(),
        bigcommerce.cart(CART),
        bigcommerce.list_price_lists(),
        bigcommerce.customer_groups(),
    ],
    ids=lambda request: request.route,
)
async def test_reading__what_there_is__is_answered(ask: Ask, request_: Request) -> None:
    assert bigcommerce.rows_of(await ask(request_))


async def test_group__its_life__with_access_and_discounts(ask: Ask) -> None:
    rules = (DiscountRule("all", 0, "percent", Decimal(10)), DiscountRule("product", 5, "price", Decimal("1.5")))
    access = CategoryAccess("specific", frozenset({1}))
    made = bigcommerce.row_of(await ask(bigcommerce.create_customer_group("Staff", access=access, discounts=rules)))
    group = bigcommerce.group_of(made)
    assert group == bigcommerce.CustomerGroup(2, "Staff", access, rules)
    only = (DiscountRule("price_list", 1),)
    await ask(bigcommerce.update_customer_group(2, access=CategoryAccess("none"), discounts=only))
    read = bigcommerce.row_of(await ask(bigcommerce.customer_group(2)))
    assert bigcommerce.group_of(read) == bigcommerce.CustomerGroup(2, "Staff", CategoryAccess("none"), only)


async def test_customers__put_into_groups__and_one_bad_id_refuses_all(ask: Ask) -> None:
    await ask(bigcommerce.update_customer_groups([(1, 1), (2, 1)]))
    with pytest.raises(Rejected) as refused:
        await ask(bigcommerce.update_customer_groups([(1, 0), (9, 0)]))
    assert (refused.value.status, refused.value.errors) == (422, {"0.id": "invalid customer ID"})
    rows = bigcommerce.rows_of(await ask(bigcommerce.customers_by_id([1, 2])))
    assert [row["customer_group_id"] for row in rows] == [1, 1]


async def test_subscriber__made_twice_and_unsubscribed(ask: Ask) -> None:
    (row,) = bigcommerce.rows_of(await ask(bigcommerce.create_subscriber("a@x.example", ["marketing_newsletter"])))
    assert bigcommerce.subscribed(row)
    with pytest.raises(Rejected) as refused:
        await ask(bigcommerce.create_subscriber("a@x.example", []))
    assert refused.value.status == 409
    await ask(bigcommerce.update_subscriber(row["id"], []))
    (after,) = bigcommerce.rows_of(await ask(bigcommerce.subscribers_by_email("a@x.example")))
    assert not bigcommerce.subscribed(after)
    with pytest.raises(Rejected) as missing:
        await ask(bigcommerce.update_subscriber(99, []))
    assert missing.value.status == 404


async def test_attribute_values__set_read_and_taken_away(ask: Ask) -> None:
    (attribute,) = bigcommerce.rows_of(await ask(bigcommerce.create_attribute("headrace")))
    await ask(bigcommerce.upsert_attribute_values([(attribute["id"], 1, ";a;")]))
    (value,) = bigcommerce.rows_of(await ask(bigcommerce.attribute_values(attribute["id"], [1])))
    assert value["attribute_value"] == ";a;"
    await ask(bigcommerce.delete_attribute_values([value["id"]]))
    assert bigcommerce.rows_of(await ask(bigcommerce.attribute_values(attribute["id"], [1]))) == []
    assert bigcommerce.rows_of(await ask(bigcommerce.attributes()))


async def test_metafields__made_changed_found_and_deleted(ask: Ask) -> None:
    made = bigcommerce.rows_of(await ask(bigcommerce.create_metafields("headrace", "tags", [(1, "a"), (2, "b")])))
    fields = [bigcommerce.metafield_of(row) for row in made]
    assert [(each.customer_id, each.value) for each in fields if each] == [(1, "a"), (2, "b")]
    await ask(bigcommerce.update_metafields([(made[0]["id"], "c")]))
    (row,) = bigcommerce.rows_of(await ask(bigcommerce.metafields_of(1, "headrace")))
    assert row["value"] == "c"
    await ask(bigcommerce.delete_metafield(1, made[0]["id"]))
    listed = bigcommerce.rows_of(await ask(bigcommerce.metafields_named("headrace", "tags")))
    assert [each["resource_id"] for each in listed] == [2]


async def test_segment__who_is_in_already__is_named_and_left_out(ask: Ask) -> None:
    (segment,) = bigcommerce.rows_of(await ask(bigcommerce.create_segment("Gold", "the best")))
    profiles = bigcommerce.rows_of(await ask(bigcommerce.create_shopper_profiles([1, 2])))
    ids = [row["id"] for row in profiles]
    await ask(bigcommerce.add_to_segment(segment["id"], ids[:1]))
    with pytest.raises(Rejected) as refused:
        await ask(bigcommerce.add_to_segment(segment["id"], ids))
    members = bigcommerce.already_members(refused.value)
    assert members == {ids[0]}
    await ask(bigcommerce.add_to_segment(segment["id"], [each for each in ids if each not in members]))
    assert len(bigcommerce.rows_of(await ask(bigcommerce.segment_members(segment["id"])))) == 2
    await ask(bigcommerce.remove_from_segment(segment["id"], ids[:1]))
    rows = bigcommerce.rows_of(await ask(bigcommerce.customers_with_profiles([1, 2])))
    assert [(bigcommerce.shopper_profile_of(row), len(bigcommerce.segments_of(row))) for row in rows] == [
        (ids[0], 0),
        (ids[1], 1),
    ]
    assert bigcommerce.rows_of(await ask(bigcommerce.list_segments()))


async def test_price_list__assigned_to_a_group__is_listed(ask: Ask) -> None:
    await ask(bigcommerce.assign_price_list(1, 1, 1))
    (row,) = bigcommerce.rows_of(await ask(bigcommerce.price_list_assignments([1])))
    assert row["price_list_id"] == 1


async def test_hook__made_asleep_woken_and_moved(ask: Ask) -> None:
    await ask(bigcommerce.create_hook("store/order/*", "https://a.example/h", {"X-A": "b"}))
    with pytest.raises(Rejected) as refused:
        await ask(bigcommerce.create_hook("store/order/*", "https://a.example/h"))
    assert refused.value.status == 422
    await ask(Request("PUT", "/v3/hooks/1", json={"is_active": False}))
    (asleep,) = bigcommerce.rows_of(await ask(bigcommerce.hooks(active=False)))
    hook = bigcommerce.hook_of(asleep)
    assert hook == bigcommerce.Hook(1, "store/order/*", "https://a.example/h", False, (("X-A", "b"),))
    assert bigcommerce.delivery_health_of(await ask(bigcommerce.hooks_admin())).statuses == {1: "deactivated"}
    await ask(bigcommerce.activate_hook(1))
    await ask(bigcommerce.update_hook(1, destination="https://b.example/h", headers={}))
    (moved,) = bigcommerce.rows_of(await ask(bigcommerce.hooks(active=True)))
    assert (moved["destination"], moved["headers"] or {}) == ("https://b.example/h", {})
