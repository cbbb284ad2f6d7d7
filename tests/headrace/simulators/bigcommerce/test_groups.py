"""Customer groups v2 and store information over HTTP."""

from tests.headrace.simulators.harness import Receiver, Running


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


ALL = {"type": "all", "method": "percent", "amount": 10}
ONE = {"type": "category", "category_id": 7, "method": "fixed", "amount": "2.5"}


async def test_group__discount_rules__are_replaced_whole(running: Running) -> None:
    made = await running.store("POST", "/v2/customer_groups", {"name": "Gold", "discount_rules": [ALL, ONE]})
    assert made.json["discount_rules"] == [
        {"type": "all", "method": "percent", "amount": "10.0000"},
        {"type": "category", "method": "fixed", "amount": "2.5000", "category_id": 7},
    ]
    changed = await running.store("PUT", "/v2/customer_groups/1", {"discount_rules": [ONE]})
    assert [rule["type"] for rule in changed.json["discount_rules"]] == ["category"]
    named = await running.store("PUT", "/v2/customer_groups/1", {"name": "Platinum"})
    assert len(named.json["discount_rules"]) == 1


async def test_group__price_list__is_the_only_rule_and_exists(running: Running) -> None:
    rule = {"type": "price_list", "price_list_id": 1}
    assert (await running.store("POST", "/v2/customer_groups", {"name": "A", "discount_rules": [rule]})).status == 400
    await running.operate({"op": "price_list.create", "name": "Trade"})
    assert (await running.store("POST", "/v2/customer_groups", {"name": "A", "discount_rules": [rule]})).status == 200
    mixed = await running.store("PUT", "/v2/customer_groups/1", {"discount_rules": [rule, ALL]})
    assert mixed.status == 400
    assert (await running.store("PUT", "/v2/customer_groups/1", {"discount_rules": [ALL, ALL]})).status == 400


async def test_group__category_access__lists_categories_only_when_specific(running: Running) -> None:
    access = {"type": "specific", "categories": [3, 4]}
    made = await running.store("POST", "/v2/customer_groups", {"name": "Gold", "category_access": access})
    assert made.json["category_access"] == access
    none = {"type": "none", "categories": [3]}
    changed = await running.store("PUT", "/v2/customer_groups/1", {"category_access": none})
    assert changed.json["category_access"] == {"type": "none"}
    odd = {"category_access": {"type": "some"}}
    assert (await running.store("PUT", "/v2/customer_groups/1", odd)).status == 400


async def test_group__store_wide_discount_fails__207_and_the_rest_is_saved(running: Running) -> None:
    await running.operate({"op": "group.discount_fails", "times": 1})
    made = await running.store("POST", "/v2/customer_groups", {"name": "Gold", "discount_rules": [ALL, ONE]})
    assert (made.status, [rule["type"] for rule in made.json["discount_rules"]]) == (207, ["category"])
    again = await running.store("PUT", "/v2/customer_groups/1", {"discount_rules": [ALL, ONE]})
    assert (again.status, len(again.json["discount_rules"])) == (200, 2)


async def test_group__default__is_one_and_takes_who_registers(running: Running) -> None:
    for name in ("Old", "New"):
        await running.store("POST", "/v2/customer_groups", {"name": name, "is_default": True})
    listed = (await running.store("GET", "/v2/customer_groups?is_default=true")).json
    assert [row["name"] for row in listed] == ["New"]
    await running.operate({"op": "customer.create", "customer": {"id": 5, "email": "a@x.example"}})
    customer = (await running.store("GET", "/v3/customers?id:in=5")).json["data"][0]
    assert customer["customer_group_id"] == listed[0]["id"]


async def test_group__name_of_another__is_400(running: Running) -> None:
    for name in ("Gold", "Silver"):
        await running.store("POST", "/v2/customer_groups", {"name": name})
    assert (await running.store("PUT", "/v2/customer_groups/2", {"name": "Gold"})).status == 400
    assert (await running.store("PUT", "/v2/customer_groups/2", {"name": "Silver"})).status == 200


async def test_group__made_changed_deleted__no_webhook_tells(running: Running, receiver: Receiver) -> None:
    await running.operate({"op": "group.create", "group": {"name": "Gold"}})
    await running.operate({"op": "customer.create", "customer": {"id": 5, "email": "a@x.example", "group": "Gold"}})
    hook = {"scope": "store/customer/*", "destination": receiver.url}
    await running.store("POST", "/v3/hooks", hook)
    await running.store("PUT", "/v2/customer_groups/1", {"discount_rules": [ALL]})
    await running.store("DELETE", "/v2/customer_groups/1")
    assert running.simulator.queue.counts.pending == running.simulator.queue.counts.sent == 0
