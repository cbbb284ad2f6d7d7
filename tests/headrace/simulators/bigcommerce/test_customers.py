"""Customers v3 over HTTP: filters, pages, limits, refusals, and which webhooks they bring."""

from typing import Any

import pytest

from tests.headrace.simulators.harness import Receiver, Running, until


async def _customers(running: Running, count: int, **fields: Any) -> None:
    await running.operate(
        *(
            {"op": "customer.create", "customer": {"id": n, "email": f"c{n}@x.example", **fields}}
            for n in range(1, count + 1)
        )
    )


def _ids(reply: Any) -> list[int]:
    return [row["id"] for row in reply.json["data"]]


async def test_list__by_id_and_email__finds_those_that_exist(running: Running) -> None:
    await _customers(running, 3)
    assert _ids(await running.store("GET", "/v3/customers?id:in=1,3,99")) == [1, 3]
    assert _ids(await running.store("GET", "/v3/customers?email:in=C2@x.example,none@x.example")) == [2]
    missing = await running.store("GET", "/v3/customers?id:in=99")
    assert (missing.status, missing.json["data"]) == (200, [])
    assert (await running.store("GET", "/v3/customers?id:in=x")).status == 422


async def test_list__pages__count_to_the_end(running: Running) -> None:
    await _customers(running, 5)
    first = (await running.store("GET", "/v3/customers?limit=2")).json["meta"]
    assert (first["pagination"]["total"], first["pagination"]["total_pages"]) == (5, 3)
    assert "cursor_pagination" in first
    last = await running.store("GET", "/v3/customers?limit=2&page=3")
    assert _ids(last) == [5]
    assert "cursor_pagination" not in last.json["meta"]
    assert "next" not in last.json["meta"]["pagination"]["links"]


async def test_list__cursors__walk_both_ways(running: Running) -> None:
    await _customers(running, 5)
    meta = (await running.store("GET", "/v3/customers?limit=2")).json["meta"]["cursor_pagination"]
    second = await running.store("GET", f"/v3/customers?limit=2&after={meta['end_cursor']}")
    assert _ids(second) == [3, 4]
    assert set(second.json["meta"]) == {"cursor_pagination"}
    start = second.json["meta"]["cursor_pagination"]["start_cursor"]
    assert _ids(await running.store("GET", f"/v3/customers?limit=2&before={start}")) == [1, 2]


async def test_list__modified_since__is_in_the_order_of_change(running: Running) -> None:
    await _customers(running, 3)
    await running.sim("POST", "/clock", {"advance_to": "2026-02-01T00:00:00Z"})
    for customer_id in (3, 1):
        await running.operate({"op": "customer.update", "customer": {"id": customer_id, "company": "New"}})
        await running.sim("POST", "/clock", {"advance_to": f"2026-02-0{5 - customer_id}T00:00:00Z"})
    query = "date_modified:min=2026-02-01T00:00:00Z&sort=date_modified:asc"
    assert _ids(await running.store("GET", f"/v3/customers?{query}")) == [3, 1]
    assert _ids(await running.store("GET", f"/v3/customers?{query}&date_modified:max=2026-02-01T12:00:00Z")) == [3]


async def test_list__included_addresses__are_capped_at_ten(running: Running) -> None:
    await _customers(running, 1, addresses=[{"city": f"City {n}", "country_code": "GB"} for n in range(12)])
    row = (await running.store("GET", "/v3/customers?id:in=1&include=addresses,attributes")).json["data"][0]
    assert (len(row["addresses"]), row["address_count"], row["attributes"]) == (10, 12, [])
    assert len((await running.store("GET", "/v3/customers/addresses?customer_id:in=1")).json["data"]) == 12


async def test_update__eleven__is_413(running: Running) -> None:
    assert (await running.store("PUT", "/v3/customers", [{"id": 1}] * 11)).status == 413


async def test_update__an_unknown_id__refuses_the_whole_call_naming_index_0(running: Running) -> None:
    await _customers(running, 2)
    group = (await running.store("POST", "/v2/customer_groups", {"name": "Gold"})).json["id"]
    body = [{"id": each, "customer_group_id": group} for each in (1, 98, 99)]
    refused = await running.store("PUT", "/v3/customers", body)
    assert (refused.status, refused.json["title"]) == (422, "Update customers failed.")
    assert refused.json["errors"] == {"0.id": "invalid customer ID"}
    assert (await running.sim("GET", "/truth"))["customers"]["1"]["group"] == ""


@pytest.mark.parametrize("body", [["x"], {}, [], [{"id": 1, "customer_group_id": 77}], [{"id": 1, "email": 5}]])
async def test_update__nonsense__is_422(running: Running, body: Any) -> None:
    await _customers(running, 1)
    assert (await running.store("PUT", "/v3/customers", body)).status == 422


async def test_update__group__fires_updated_and_a_no_op_does_not(running: Running, receiver: Receiver) -> None:
    await _customers(running, 2)
    group = (await running.store("POST", "/v2/customer_groups", {"name": "Gold"})).json["id"]
    await running.store("POST", "/v3/hooks", {"scope": "store/customer/*", "destination": receiver.url})
    body = [{"id": 1, "customer_group_id": group}, {"id": 2, "customer_group_id": 0}]
    for _ in range(2):
        assert (await running.store("PUT", "/v3/customers", body)).status == 200
    await until(lambda: running.simulator.queue.counts.pending == 0)
    assert [b'"id":1' in body for _, body in receiver.got] == [True]


async def test_create__email_in_use__is_422(running: Running) -> None:
    body = [{"email": "a@x.example", "first_name": "A", "last_name": "B", "addresses": [{"city": "L"}]}]
    assert (await running.store("POST", "/v3/customers", body)).status == 200
    refused = await running.store("POST", "/v3/customers", body)
    assert (refused.status, list(refused.json["errors"])) == (422, [".customer_create"])


async def test_delete__without_filter__deletes_nobody(running: Running) -> None:
    await _customers(running, 2)
    assert (await running.store("DELETE", "/v3/customers")).status == 204
    assert (await running.store("DELETE", "/v3/customers?id:in=2,99")).status == 204
    assert _ids(await running.store("GET", "/v3/customers")) == [1]


async def test_attribute_values__upserted__are_read_by_other_name(running: Running) -> None:
    await _customers(running, 2)
    attribute = await running.store("POST", "/v3/customers/attributes", [{"name": "headrace", "type": "string"}])
    number = attribute.json["data"][0]["id"]
    for value in ("No", "Yes"):
        body = [{"attribute_id": number, "customer_id": each, "value": value} for each in (1, 2)]
        assert (await running.store("PUT", "/v3/customers/attribute-values", body)).status == 200
    path = f"/v3/customers/attribute-values?customer_id:in=2&attribute_id:in={number}"
    rows = (await running.store("GET", path)).json["data"]
    assert [(row["customer_id"], row["attribute_value"]) for row in rows] == [(2, "Yes")]
    assert (await running.store("DELETE", f"/v3/customers/attribute-values?id:in={rows[0]['id']}")).status == 204
    assert (await running.store("GET", path)).json["data"] == []


async def test_attribute_values__limits__are_held(running: Running) -> None:
    await _customers(running, 11)
    await running.store("POST", "/v3/customers/attributes", [{"name": "headrace", "type": "string"}])
    many = [{"attribute_id": 1, "customer_id": each, "value": "x"} for each in range(1, 12)]
    assert (await running.store("PUT", "/v3/customers/attribute-values", many)).status == 413
    long = [{"attribute_id": 1, "customer_id": 1, "value": "x" * 256}]
    assert (await running.store("PUT", "/v3/customers/attribute-values", long)).status == 422
    assert (await running.store("PUT", "/v3/customers/attribute-values", [{"attribute_id": 9}])).status == 422


async def test_attributes__same_name_twice__is_422(running: Running) -> None:
    body = [{"name": "headrace", "type": "string"}]
    assert (await running.store("POST", "/v3/customers/attributes", body)).status == 200
    assert (await running.store("POST", "/v3/customers/attributes", body)).status == 422
    found = await running.store("GET", "/v3/customers/attributes?name=headrace")
    assert _ids(found) == [1]
    assert (await running.store("DELETE", "/v3/customers/attributes?id:in=1")).status == 204


async def test_subscribers__by_email__state_consents(running: Running) -> None:
    await _customers(running, 2, subscribed=True)
    await running.operate({"op": "customer.update", "customer": {"id": 2, "subscribed": False}})
    rows = (await running.store("GET", "/v3/customers/subscribers?email:in=c1@x.example,C2@x.example")).json["data"]
    assert [row["consents"] for row in rows] == [["marketing_newsletter"], []]
    assert _ids(await running.store("GET", "/v3/customers/subscribers?email=c2@x.example")) == [2]
    assert (await running.store("GET", "/v3/customers/subscribers/1")).json["data"]["email"] == "c1@x.example"
    assert (await running.store("GET", "/v3/customers/subscribers/9")).status == 404
