"""Coupons v2 over HTTP."""

from typing import Any

import pytest

from tests.headrace.platforms.bigcommerce.vendor import VENDOR
from tests.headrace.platforms.openapi import Specs
from tests.headrace.simulators.harness import Running

CODE = "HR-ABCDEFGH23456789"
COUPON: dict[str, Any] = {
    "name": "Thank you 1",
    "code": CODE,
    "type": "percentage_discount",
    "amount": "10",
    "applies_to": {"entity": "categories", "ids": [0]},
    "expires": "Thu, 01 Jan 2026 12:00:00 +0000",
    "max_uses": 1,
}
FULL = Specs("bigcommerce", beyond=VENDOR.beyond, nullable=VENDOR.nullable)


async def make(running: Running, **changes: Any) -> Any:
    body = {name: value for name, value in {**COUPON, **changes}.items() if value is not None}
    return await running.store("POST", "/v2/coupons", body)


async def test_coupon__made__is_bare_json_with_amounts_as_texts(running: Running) -> None:
    made = await make(running)
    assert made.status == 201
    assert made.json == {
        "id": 1,
        "name": "Thank you 1",
        "type": "percentage_discount",
        "amount": "10.0000",
        "min_purchase": "0.0000",
        "expires": "Thu, 01 Jan 2026 12:00:00 +0000",
        "enabled": True,
        "code": CODE,
        "applies_to": {"entity": "categories", "ids": [0]},
        "num_uses": 0,
        "max_uses": 1,
        "max_uses_per_customer": 0,
        "restricted_to": {},
        "shipping_methods": [],
        "date_created": made.json["date_created"],
    }
    truth = await running.sim("GET", "/truth")
    (row,) = truth["effects"]
    assert (row["sink"], row["id"], row["count"], row["asked"]) == ("coupon", CODE, 1, 1)
    assert (row["amount"], row["max_uses"]) == ("10.0000", 1)
    assert truth["coupons"] == [{"id": 1, "code": CODE, "name": "Thank you 1", "uses": 0, "enabled": True}]


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"name": "Thank you 2"}, "code"), ({"name": "x", "code": CODE.lower()}, "code"), ({"code": "HR-B"}, "name")],
    ids=["code", "code in small letters", "name"],
)
async def test_coupon__repeat_of_code_or_name__is_409_and_no_second(
    running: Running, changes: dict[str, Any], field: str
) -> None:
    await make(running)
    refused = await make(running, **changes)
    assert (refused.status, refused.json[0]["status"]) == (409, 409)
    assert f"'{field}'" in refused.json[0]["message"]
    assert (await running.store("GET", "/v2/coupons/count")).json == {"count": 1}
    assert [row["count"] for row in (await running.sim("GET", "/truth"))["effects"]] == [1]


@pytest.mark.parametrize(
    "changes",
    [
        *({name: None} for name in ("name", "code", "type", "amount", "applies_to")),
        {"name": "n" * 101},
        {"code": "c" * 51},
        {"code": "HR.1"},
        {"code": "HR-Ä"},
        {"code": ""},
        {"type": "promotion"},
        {"type": "gift"},
        {"amount": 10},
        {"amount": "ten"},
        {"amount": "-1"},
        {"amount": "101"},
        {"expires": "2026-01-01T12:00:00Z"},
        {"expires": 1767268800},
        {"max_uses": "1"},
        {"max_uses": -1},
        {"max_uses": True},
        {"enabled": "yes"},
        {"applies_to": {}},
        {"applies_to": {"entity": "brands", "ids": [1]}},
        {"applies_to": {"entity": "categories", "ids": []}},
        {"restricted_to": "AU"},
        {"shipping_methods": "none"},
        {"num_uses": 0},
        {"id": 7},
        {"colour": "red"},
    ],
    ids=str,
)
async def test_coupon__that_does_not_fit__is_400(running: Running, changes: dict[str, Any]) -> None:
    refused = await make(running, **changes)
    assert (refused.status, refused.json[0]["status"]) == (400, 400)
    assert (await running.store("GET", "/v2/coupons")).status == 204


async def test_coupons__no_object__is_refused(running: Running) -> None:
    assert (await running.store("POST", "/v2/coupons", ["x"])).status == 400


async def test_coupons__listed__by_filter_and_page(running: Running) -> None:
    assert (await running.store("GET", "/v2/coupons")).text == ""
    for number in range(1, 4):
        await make(running, name=f"n{number}", code=f"HR-{number}", type="per_total_discount")
    await make(running, name="n4", code="HR-4", type="free_shipping", amount="0")
    for query, codes in (
        ("code=HR-2", ["HR-2"]),
        ("id=3", ["HR-3"]),
        ("name=n1", ["HR-1"]),
        ("type=free_shipping", ["HR-4"]),
        ("exclude_type=per_total_discount", ["HR-4"]),
        ("min_id=2&max_id=3", ["HR-2", "HR-3"]),
        ("min_id=2&limit=1", ["HR-2"]),
        ("limit=3&page=2", ["HR-4"]),
    ):
        reply = await running.store("GET", f"/v2/coupons?{query}")
        assert [row["code"] for row in reply.json] == codes, query
    for query in ("code=HR-9", "code=hr-2", "page=2"):
        assert (await running.store("GET", f"/v2/coupons?{query}")).status == 204, query


async def test_coupon__one__has_no_get_of_its_own(running: Running) -> None:
    await make(running)
    assert (await running.store("GET", "/v2/coupons/1")).status == 404


async def test_coupon__changed__without_applies_to_loses_it(running: Running) -> None:
    await make(running)
    changed = await running.store("PUT", "/v2/coupons/1", {"enabled": False, "expires": ""})
    assert (changed.status, changed.json["enabled"], changed.json["expires"]) == (200, False, "")
    assert changed.json["applies_to"] == {}
    assert (await running.store("PUT", "/v2/coupons/1", {"code": CODE, "name": "Other"})).status == 200
    assert (await running.store("PUT", "/v2/coupons/1", {"num_uses": 3})).status == 400
    assert (await running.store("PUT", "/v2/coupons/9", {"enabled": True})).status == 404


async def test_coupon__deleted__is_gone_and_without_a_filter_all_are(running: Running) -> None:
    for number in range(1, 5):
        await make(running, name=f"n{number}", code=f"HR-{number}")
    assert (await running.store("DELETE", "/v2/coupons/1")).status == 204
    assert (await running.store("DELETE", "/v2/coupons/1")).status == 404
    assert (await running.store("DELETE", "/v2/coupons?id:in=2,9")).status == 204
    assert [row["id"] for row in (await running.store("GET", "/v2/coupons")).json] == [3, 4]
    assert (await running.store("DELETE", "/v2/coupons")).status == 204
    assert (await running.store("GET", "/v2/coupons")).status == 204
    assert len((await running.sim("GET", "/truth"))["effects"]) == 4, "what was done stays counted"
    await make(running)
    assert (await running.store("GET", "/v2/coupons")).json[0]["id"] == 5


async def test_coupon__used__until_it_is_used_up_or_past(running: Running) -> None:
    await make(running, expires="Fri, 02 Jan 2026 00:00:00 +0000", max_uses=2, max_uses_per_customer=1)
    use = {"op": "coupon.use", "code": CODE.lower(), "customer_id": 1}
    assert (await running.operate(use))["applied"] == 1
    assert "used up" in (await running.operate(use))["error"]["message"]
    assert (await running.operate({**use, "customer_id": 2}))["applied"] == 1
    assert "used up" in (await running.operate({**use, "customer_id": 3}))["error"]["message"]
    assert (await running.store("GET", "/v2/coupons")).json[0]["num_uses"] == 2
    await running.operate({"op": "category.create", "name": "K", "at": "2026-01-02T00:00:00Z"})
    assert "past" in (await running.operate({**use, "customer_id": 4}))["error"]["message"]
    assert "no coupon" in (await running.operate({**use, "code": "HR-9"}))["error"]["message"]


async def test_coupons__answers__fit_the_vendor_s_schema(running: Running) -> None:
    if FULL.operation("POST", "/v2/coupons") is None:
        pytest.skip("the vendor's file of coupons, marketing.v2.yml, is not among its others")
    made, changed = await make(running), await running.store("PUT", "/v2/coupons/1", {"enabled": True})
    listed, count = await running.store("GET", "/v2/coupons"), await running.store("GET", "/v2/coupons/count")
    for method, path, reply in (
        ("POST", "/v2/coupons", made),
        ("PUT", "/v2/coupons/1", changed),
        ("GET", "/v2/coupons", listed),
        ("GET", "/v2/coupons/count", count),
    ):
        assert FULL.reply_problems(method, path, reply.status, reply.json) == []
    assert FULL.reply_problems("DELETE", "/v2/coupons/1", 204, None) == []
