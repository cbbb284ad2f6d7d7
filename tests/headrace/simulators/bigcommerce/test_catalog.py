"""The catalogue over HTTP."""

from tests.headrace.simulators.harness import Running


async def test_catalogue__filled_by_orders__is_read_by_id(running: Running) -> None:
    goods = {"name": "Thing", "brand": "Bijou", "categories": ["Gifts", "Garden"], "quantity": 1, "price": "1"}
    lines = [{"product_id": number, "sku": f"S{number}", **goods} for number in (7, 8)]
    await running.operate({"op": "order.create", "order": {"customer_id": 0, "email": "a@x.example", "lines": lines}})
    reply = await running.store("GET", "/v3/catalog/products?id:in=8,99&include_fields=categories,brand_id")
    assert reply.json["data"] == [{"id": 8, "categories": [1, 2], "brand_id": 1}]
    assert (await running.store("GET", "/v3/catalog/products/7")).json["data"]["sku"] == "S7"
    assert (await running.store("GET", "/v3/catalog/products/9")).status == 404
    assert (await running.store("GET", "/v3/catalog/brands")).json["data"][0]["name"] == "Bijou"
    names = [row["name"] for row in (await running.store("GET", "/v3/catalog/categories")).json["data"]]
    assert names == ["Gifts", "Garden"]
    tree = (await running.store("GET", "/v3/catalog/trees/categories?category_id:in=2")).json["data"]
    assert [(row["category_id"], row["name"]) for row in tree] == [(2, "Garden")]
