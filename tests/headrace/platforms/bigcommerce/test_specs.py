"""Every request we build against the vendor's OpenAPI files: path, method, parameters, body."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

import pytest

from headrace.platforms import bigcommerce
from headrace.platforms.bigcommerce import CategoryAccess, DiscountRule
from headrace.platforms.http import Request
from tests.headrace.platforms.bigcommerce.every_request import builders
from tests.headrace.platforms.bigcommerce.vendor import VENDOR

AT: Final = datetime(2026, 1, 1, tzinfo=UTC)
UUID: Final = "09346904-4175-44fd-be53-f7e598531b6c"
DISCOUNTS: Final = (
    DiscountRule("all", 0, "percent", Decimal(10)),
    DiscountRule("category", 7, "fixed", Decimal("2.5")),
    DiscountRule("product", 8, "price", Decimal("19.99")),
)
REQUESTS: Final = [
    bigcommerce.customers_by_id([1, 2]),
    bigcommerce.customers_by_email(["a@x.example"]),
    bigcommerce.customers_modified(AT),
    bigcommerce.customers_after(None),
    bigcommerce.customers_after("x", modified_from=AT, modified_until=AT),
    bigcommerce.addresses_of([1]),
    bigcommerce.update_customer_groups([(1, 2), (3, 0)]),
    bigcommerce.subscribers(since=AT),
    bigcommerce.subscribers_by_email("a@x.example"),
    bigcommerce.create_subscriber("a@x.example", ["marketing_newsletter"]),
    bigcommerce.update_subscriber(1, []),
    bigcommerce.customer_groups(),
    bigcommerce.customer_group(1),
    bigcommerce.create_customer_group("Gold"),
    bigcommerce.create_customer_group("Gold", access=CategoryAccess("none"), discounts=DISCOUNTS),
    bigcommerce.update_customer_group(1, access=CategoryAccess("specific", frozenset({7})), discounts=()),
    bigcommerce.update_customer_group(1, name="Gold", discounts=[DiscountRule("price_list", 3)]),
    bigcommerce.list_price_lists(),
    bigcommerce.price_list_assignments([1, 2]),
    bigcommerce.assign_price_list(1, 2, 1),
    bigcommerce.orders_by_span(1, 2),
    bigcommerce.orders_modified(AT, until=AT, min_id=2),
    bigcommerce.refunds_of([1]),
    bigcommerce.customers_total(),
    bigcommerce.orders_total(),
    bigcommerce.products_by_id([1]),
    bigcommerce.products_by_sku(["A-1"]),
    bigcommerce.brands(),
    bigcommerce.categories(),
    bigcommerce.currencies(),
    bigcommerce.cart(UUID),
    bigcommerce.attributes(),
    bigcommerce.create_attribute("headrace"),
    bigcommerce.attribute_values(1, [2]),
    bigcommerce.upsert_attribute_values([(1, 2, "x")]),
    bigcommerce.delete_attribute_values([1, 2]),
    bigcommerce.metafields_of(1, "headrace"),
    bigcommerce.metafields_named("headrace", "tags", "cursor"),
    bigcommerce.create_metafields("headrace", "tags", [(1, "a")]),
    bigcommerce.update_metafields([(1, "a")]),
    bigcommerce.delete_metafield(1, 2),
    bigcommerce.hooks(active=False),
    bigcommerce.hooks_admin(),
    bigcommerce.create_hook("store/order/*", "https://shop.example/h", {"X-A": "b"}),
    bigcommerce.activate_hook(3),
    bigcommerce.update_hook(3, destination="https://shop.example/h", headers={"X-A": "b"}),
    bigcommerce.list_segments(),
    bigcommerce.create_segment("Gold", "the best"),
    bigcommerce.customers_with_profiles([1]),
    bigcommerce.create_shopper_profiles([1]),
    bigcommerce.segment_members(UUID),
    bigcommerce.add_to_segment(UUID, [UUID]),
    bigcommerce.remove_from_segment(UUID, [UUID]),
]


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: request.route)
def test_request__vendor_s_file__has_nothing_against_it(request_: Request) -> None:
    assert VENDOR.request_problems(request_) == []


def test_requests__table_above__has_every_function_that_builds_one() -> None:
    routes = {request.route for request in REQUESTS}
    missing = {name for name, request in builders()} - {name for name, request in builders() if request.route in routes}
    assert missing == set()
