"""Orders v2 and refunds v3 over HTTP."""

from typing import Any

from tests.headrace.simulators.harness import Running, Start

LINES = "include=consignments.line_items&consignment_structure=object"


def _order(order_id: int, **fields: Any) -> dict[str, Any]:
    lines = [{"product_id": 1, "name": "Mug", "sku": "22423", "brand": "Regency", "quantity": 3, "price": "2.55"}]
    address = {"city": "Leeds", "country": "United Kingdom", "country_code": "GB", "postcode": "L1"}
    order = {"id": order_id, "customer_id": 5, "email": "a@x.example", "lines": lines, "billing_address": address}
    return {"op": "order.create", "order": {**order, **fields}}


def _ids(reply: Any) -> list[int]:
    return [row["id"] for row in reply.json or ()]


async def test_order__single__has_text_money_and_rfc2822_dates(running: Running) -> None:
    await running.operate({**_order(100), "at": "2026-03-05T21:40:11Z"})
    order = (await running.store("GET", "/v2/orders/100")).json
    assert (order["total_inc_tax"], order["refunded_amount"], order["items_total"]) == ("7.6500", "0.0000", 3)
    assert (order["date_created"], order["date_shipped"]) == ("Thu, 05 Mar 2026 21:40:11 +0000", "")
    assert (order["status_id"], order["status"], order["customer_id"]) == (11, "Awaiting Fulfillment", 5)
    assert order["billing_address"]["email"] == "a@x.example"
    assert order["billing_address"]["zip"] == "L1"
    assert set(order["consignments"]) == {"url", "resource"}
    missing = await running.store("GET", "/v2/orders/7")
    assert (missing.status, missing.json[0]["status"]) == (404, 404)


async def test_orders__with_lines__hold_them_in_consignments(running: Running) -> None:
    await running.operate(_order(100))
    order = (await running.store("GET", f"/v2/orders?{LINES}")).json[0]
    assert set(order["consignments"]) == {"pickups", "shipping", "downloads", "email"}
    (line,) = order["consignments"]["shipping"][0]["line_items"]
    assert (line["brand"], line["quantity"], line["price_inc_tax"], line["total_inc_tax"]) == (
        "Regency",
        3,
        "2.5500",
        "7.6500",
    )
    assert (await running.store("GET", "/v2/orders/100/products")).json == [line]
    consignments = (await running.store("GET", "/v2/orders/100/consignments?include=consignments.line_items")).json
    assert consignments == order["consignments"]


async def test_orders__by_span_and_page__are_by_id(running: Running) -> None:
    await running.operate(*(_order(number) for number in (105, 101, 103, 102, 104)))
    assert _ids(await running.store("GET", "/v2/orders")) == [101, 102, 103, 104, 105]
    assert _ids(await running.store("GET", "/v2/orders?min_id=102&max_id=104&limit=2")) == [102, 103]
    assert _ids(await running.store("GET", "/v2/orders?min_id=102&max_id=104&limit=2&page=2")) == [104]
    past = await running.store("GET", "/v2/orders?min_id=102&max_id=104&limit=2&page=3")
    assert (past.status, past.text) == (204, "")
    assert _ids(await running.store("GET", "/v2/orders?sort=id:desc&limit=1")) == [105]


async def test_orders__modified_since__takes_both_date_forms(running: Running) -> None:
    await running.operate(*(_order(number) for number in (100, 101, 102)))
    await running.operate({"op": "order.status", "at": "2026-02-01T00:00:00Z", "order_id": 101, "status_id": 2})
    await running.operate({"op": "order.status", "at": "2026-02-02T00:00:00Z", "order_id": 100, "status_id": 2})
    for since in ("2026-02-01T00:00:00Z", "Sun,%2001%20Feb%202026%2000:00:00%20%2B0000"):
        found = await running.store("GET", f"/v2/orders?min_date_modified={since}&sort=date_modified:asc")
        assert _ids(found) == [101, 100]
    until = "min_date_modified=2026-02-01T00:00:00Z&max_date_modified=2026-02-01T06:00:00Z"
    assert _ids(await running.store("GET", f"/v2/orders?{until}")) == [101]
    assert (await running.store("GET", "/v2/orders?min_date_modified=soon")).status == 400
    assert (await running.store("GET", "/v2/orders?sort=colour")).status == 400


async def test_orders__of_a_customer_or_status__are_filtered(running: Running) -> None:
    await running.operate(_order(100), _order(101, customer_id=6), _order(102, customer_id=0, status_id=0))
    assert _ids(await running.store("GET", "/v2/orders?customer_id=6")) == [101]
    assert _ids(await running.store("GET", "/v2/orders?status_id=0")) == [102]
    assert (await running.store("GET", "/v2/orders?email=none@x.example")).status == 204
    assert (await running.store("GET", "/v2/orders/count")).json == {"count": 3}


async def test_refunds__of_several_orders__come_in_one_call(running: Running) -> None:
    await running.operate(
        *(_order(number) for number in (100, 101, 102)),
        {"op": "refund.create", "order_id": 100, "items": [{"line": 0, "quantity": 1, "amount": "2.55"}]},
        {"op": "refund.create", "order_id": 102, "items": [{"line": 0, "quantity": 3, "amount": "7.65"}]},
    )
    reply = await running.store("GET", "/v3/orders/payment_actions/refunds?order_id:in=100,101,102")
    found = [(row["order_id"], row["total_amount"], row["items"][0]["quantity"]) for row in reply.json["data"]]
    assert found == [(100, 2.55, 1), (102, 7.65, 3)]
    one = (await running.store("GET", "/v3/orders/100/payment_actions/refunds")).json["data"]
    assert [row["id"] for row in one] == [1]
    assert (await running.store("GET", "/v3/orders/payment_actions/refunds/2")).json["data"]["order_id"] == 102
    assert (await running.store("GET", "/v3/orders/payment_actions/refunds/9")).status == 404
    order = (await running.store("GET", f"/v2/orders/102?{LINES}")).json
    line = order["consignments"]["shipping"][0]["line_items"][0]
    assert (order["status_id"], order["refunded_amount"]) == (4, "0.0000")
    assert (line["quantity_refunded"], line["is_refunded"], line["refund_amount"]) == (3, True, "0.0000")


async def test_order__archived__is_listed_as_deleted(running: Running) -> None:
    await running.operate(_order(100))
    assert (await running.store("DELETE", "/v2/orders/100")).status == 204
    assert (await running.store("GET", "/v2/orders")).json[0]["is_deleted"] is True
    assert (await running.store("PUT", "/v2/orders/100", {"status_id": 5})).json["status"] == "Cancelled"
    assert (await running.store("PUT", "/v2/orders/100", {})).status == 400


async def test_order__within_the_read_lag__is_not_there_yet(start: Start) -> None:
    async with start(read_lag_s=3600) as running:
        await running.operate(_order(100))
        assert (await running.store("GET", "/v2/orders/100")).status == 404
        assert (await running.store("GET", "/v2/orders")).status == 204
