"""Customers' metafields: unique by name, batches that succeed in part, pages and cursors, gone with the customer."""

from typing import Any

import pytest

from tests.headrace.platforms.openapi import Specs
from tests.headrace.simulators.harness import Reply, Running

VENDOR = Specs("bigcommerce", params={"namespace"}, beyond={"owner_client_id"})
ALL = "/v3/customers/metafields"
ONE = "/v3/customers/1/metafields"


@pytest.fixture(autouse=True)
async def people(running: Running) -> None:
    made = [
        {"op": "customer.create", "customer": {"id": number, "email": f"c{number}@x.example", "first_name": "A"}}
        for number in (1, 2, 3)
    ]
    await running.operate(*made)


def fields(customer: int, key: str = "tier", value: str = ";VIP;", **others: Any) -> dict[str, Any]:
    entry = {"namespace": "headrace", "key": key, "value": value, "permission_set": "read"}
    return {**entry, "resource_id": customer, **others}


def fits(reply: Reply, method: str, path: str) -> None:
    assert VENDOR.reply_problems(method, path, reply.status, reply.json) == []


async def test_batch__made_and_set__shown_in_the_truth(running: Running) -> None:
    made = await running.store("POST", ALL, [fields(1), fields(2, "interests")])
    assert made.status == 200
    fits(made, "POST", ALL)
    changes = [{"id": each["id"], "value": ";Gold;"} for each in made.json["data"]]
    done = await running.store("PUT", ALL, changes)
    fits(done, "PUT", ALL)
    truth = (await running.sim("GET", "/truth"))["customers"]
    assert truth["1"]["metafields"] == {"headrace.tier": ";Gold;"}
    assert truth["2"]["metafields"] == {"headrace.interests": ";Gold;"}
    assert "metafields" not in truth["3"]
    await running.store("PUT", ALL, changes)
    writes = (await running.sim("GET", "/calls"))["metafield_writes"]
    assert writes == {"calls": 3, "customers": 6, "unchanged": 2}


@pytest.mark.parametrize(
    "bad",
    [
        fields(9),
        fields(1),
        fields(2, value=""),
        fields(2, value="x" * 65_536),
        fields(2, key="k" * 65),
        fields(2, permission_set="all"),
        {"resource_id": 2, "namespace": "headrace", "key": "tier", "value": "x"},
    ],
)
async def test_batch__one_refused__the_others_are_made(running: Running, bad: dict[str, Any]) -> None:
    await running.store("POST", ALL, [fields(1)])
    reply = await running.store("POST", ALL, [bad, fields(3)])
    assert reply.status == 422
    fits(reply, "POST", ALL)
    assert [each["resource_id"] for each in reply.json["data"]] == [3]
    assert reply.json["meta"] == {"total": 2, "success": 1, "failed": 1}


async def test_single__life__from_creation_to_404(running: Running) -> None:
    made = await running.store("POST", ONE, fields(1))
    assert made.status == 200
    place = f"{ONE}/{made.json['data']['id']}"
    assert (await running.store("POST", ONE, fields(1))).status == 409
    assert (await running.store("POST", ONE, fields(1, value=""))).status == 422
    shown = await running.store("GET", place)
    fits(shown, "GET", place)
    assert (await running.store("PUT", place, {"value": ";x;"})).json["data"]["value"] == ";x;"
    assert (await running.store("GET", f"/v3/customers/2/metafields/{made.json['data']['id']}")).status == 404
    assert (await running.store("DELETE", place)).status == 204
    assert (await running.store("DELETE", place)).status == 404
    assert (await running.store("PUT", place, {"value": ";x;"})).status == 404


async def test_list__of_a_customer_and_of_all__by_name_with_cursors(running: Running) -> None:
    await running.store("POST", ALL, [fields(number, key) for number in (1, 2, 3) for key in ("tier", "interests")])
    await running.store("POST", ALL, [fields(1, namespace="other")])
    mine = await running.store("GET", f"{ONE}?namespace=headrace")
    fits(mine, "GET", ONE)
    assert [each["key"] for each in mine.json["data"]] == ["tier", "interests"]
    found, cursor = [], ""
    while True:
        after = f"&after={cursor}" if cursor else ""
        reply = await running.store("GET", f"{ALL}?namespace=headrace&key=tier&limit=2{after}")
        fits(reply, "GET", ALL)
        found += [each["resource_id"] for each in reply.json["data"]]
        cursor = reply.json["meta"]["cursor_pagination"].get("end_cursor", "")
        if not cursor:
            break
    assert found == [1, 2, 3]
    assert (await running.store("GET", f"{ALL}?after=odd")).status == 422


async def test_customer__deleted__its_metafields_too(running: Running) -> None:
    await running.store("POST", ALL, [fields(1), fields(2)])
    await running.operate({"op": "customer.delete", "customer_id": 1})
    assert [each["resource_id"] for each in (await running.store("GET", ALL)).json["data"]] == [2]
    assert (await running.store("POST", ALL, [{}])).status == 422
    assert (await running.store("POST", ALL, {})).status == 400
