"""Customer groups v2 and store information over HTTP."""

from tests.headrace.simulators.harness import Running


async def test_groups__none__is_204_without_body(running: Running) -> None:
    reply = await running.store("GET", "/v2/customer_groups")
    assert (reply.status, reply.text) == (204, "")


async def test_group__its_life__is_plain_json(running: Running) -> None:
    made = await running.store("POST", "/v2/customer_groups", {"name": "Gold"})
    assert (made.status, made.json["name"], made.json["discount_rules"]) == (200, "Gold", [])
    renamed = await running.store("PUT", "/v2/customer_groups/1", {"name": "Platinum"})
    assert renamed.json["name"] == "Platinum"
    assert (await running.store("GET", "/v2/customer_groups/1")).json["name"] == "Platinum"
    assert (await running.store("GET", "/v2/customer_groups/count")).json == {"count": 1}
    await running.operate({"op": "customer.create", "customer": {"id": 5, "email": "a@x.example", "group": "Platinum"}})
    assert (await running.store("DELETE", "/v2/customer_groups/1")).status == 204
    customer = (await running.store("GET", "/v3/customers?id:in=5")).json["data"][0]
    assert customer["customer_group_id"] == 0


async def test_group__missing__is_400(running: Running) -> None:
    assert (await running.store("GET", "/v2/customer_groups/9")).status == 400
    assert (await running.store("DELETE", "/v2/customer_groups/9")).status == 400
    assert (await running.store("POST", "/v2/customer_groups", {})).status == 400


async def test_groups__past_the_end__is_204(running: Running) -> None:
    await running.store("POST", "/v2/customer_groups", {"name": "Gold"})
    assert (await running.store("GET", "/v2/customer_groups?page=2")).status == 204
    assert len((await running.store("GET", "/v2/customer_groups?limit=250")).json) == 1


async def test_store__information__names_currency_and_zone(running: Running) -> None:
    store = (await running.store("GET", "/v2/store")).json
    assert (store["currency"], store["timezone"]["name"]) == ("GBP", "Europe/London")
