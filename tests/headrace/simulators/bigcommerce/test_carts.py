"""Carts: what is there while they wait, and what is left of them."""

from typing import Any

from tests.headrace.simulators.harness import Running

CART = "09346904-4175-44fd-be53-f7e598531b6c"
LINE: dict[str, Any] = {"product_id": 5, "name": "Mug", "brand": "Bijou", "quantity": 2, "price": "2.55"}


async def test_cart__left_behind__read_until_it_is_bought(running: Running) -> None:
    cart = {"id": CART, "email": "guest@x.example", "lines": [LINE]}
    await running.operate({"op": "cart.abandon", "cart": cart})
    row = (await running.store("GET", f"/v3/carts/{CART}")).json["data"]
    assert (row["customer_id"], row["email"], row["cart_amount"]) == (0, "guest@x.example", 5.1)
    assert row["line_items"]["physical_items"][0]["extended_sale_price"] == 5.1
    order = {"id": 100, "customer_id": 0, "email": "guest@x.example", "lines": [LINE], "shipping": "3", "channel_id": 2}
    await running.operate({"op": "cart.convert", "cart_id": CART, "order": {**order, "store_credit": "1"}})
    assert (await running.store("GET", f"/v3/carts/{CART}")).status == 404
    bought = (await running.store("GET", "/v2/orders/100")).json
    assert (bought["total_inc_tax"], bought["subtotal_inc_tax"]) == ("8.1000", "5.1000")
    assert (bought["shipping_cost_inc_tax"], bought["store_credit_amount"]) == ("3.0000", "1.0000")
    assert bought["channel_id"] == 2


async def test_product__sold_ahead__says_so_in_the_catalogue(running: Running) -> None:
    order = {"id": 100, "customer_id": 0, "lines": [{**LINE, "availability": "preorder"}]}
    await running.operate({"op": "order.create", "order": order})
    row = (await running.store("GET", "/v3/catalog/products?id:in=5&include_fields=availability")).json["data"][0]
    assert row["availability"] == "preorder"
