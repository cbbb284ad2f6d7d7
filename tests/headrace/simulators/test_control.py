"""The control endpoints over HTTP."""

from typing import Any

from tests.headrace.simulators.harness import Running, Start

SHOP: tuple[dict[str, Any], ...] = (
    {"op": "group.create", "group": {"name": "Gold"}},
    {"op": "customer.create", "customer": {"id": 1, "email": "a@x.example"}},
    {"op": "customer.create", "customer": {"id": 2, "email": "b@x.example"}},
)


async def test_truth__after_writes__states_groups_attributes_and_tags(running: Running) -> None:
    await running.operate(*SHOP)
    await running.store("PUT", "/v3/customers", [{"id": 1, "customer_group_id": 1}])
    await running.store("POST", "/v3/customers/attributes", [{"name": "headrace", "type": "string"}])
    value = [{"attribute_id": 1, "customer_id": 1, "value": ";tier=VIP;"}]
    await running.store("PUT", "/v3/customers/attribute-values", value)
    member = running.simulator.world.audience.upsert("A@x.example", {"status_if_new": "subscribed"})
    running.simulator.world.audience.tag(next(iter(running.simulator.world.audience.members)), {"VIP": True})
    truth = await running.sim("GET", "/truth")
    assert truth["customers"] == {
        "1": {"group": "Gold", "attributes": {"headrace": ";tier=VIP;"}, "tags": ["VIP"]},
        "2": {"group": "", "attributes": {}, "tags": []},
    }
    assert truth["members"] == {member.email: {"status": "subscribed", "tags": ["VIP"]}}
    assert truth["effects"] == []


async def test_calls__writes__are_counted_with_those_that_changed_nothing(running: Running) -> None:
    await running.operate(*SHOP)
    for _ in range(2):
        await running.store("PUT", "/v3/customers", [{"id": 1, "customer_group_id": 1}, {"id": 2, "company": "X"}])
    await running.mail("GET", "/ping")
    calls = await running.sim("GET", "/calls")
    assert calls["group_writes"] == {"calls": 2, "customers": 2, "unchanged": 1}
    assert calls["by_route"] == {"PUT /v3/customers": 2, "GET /3.0/ping": 1}
    assert (calls["total"], calls["status_429"], calls["status_429_ours"]) == (3, 0, 0)
    assert calls["webhooks"]["pending"] == 0
    assert calls["quota"]["windows"][-1]["ours"] == 2


async def test_clock__moved__states_it(start: Start) -> None:
    async with start(speed=2) as running:
        clock = await running.sim("POST", "/clock", {"advance_to": "2030-01-01T00:00:00Z", "speed": 50})
        assert clock["now"].startswith("2030-01-01T00:00:0")
        assert clock["speed"] == 50
        assert (await running.sim("GET", "/clock"))["elapsed_s"] < 1000
        refused = await running.sim("POST", "/clock", {"back_to": "2020-01-01"})
        assert refused["error"]["code"] == "bad_request"


async def test_orders__one_refused__says_which_and_keeps_those_before(running: Running) -> None:
    answer = await running.operate(*SHOP, {"op": "nonsense"}, SHOP[0])
    assert answer["error"]["index"] == 3
    assert answer["applied"] == 3


async def test_faults__ordered__hit_the_next_calls(running: Running) -> None:
    fault = {"match": {"method": "GET", "path": "/v2/time"}, "reply": {"status": 429, "headers": {"X-A": "b"}}}
    assert await running.sim("POST", "/faults", [fault]) == {"waiting": 1}
    first, second = await running.store("GET", "/v2/time"), await running.store("GET", "/v2/time")
    assert (first.status, first.headers["X-A"], second.status) == (429, "b", 200)
    assert "X-Rate-Limit-Requests-Left" not in first.headers
    calls = await running.sim("GET", "/calls")
    assert (calls["status_429"], calls["status_429_ours"]) == (1, 0)
    assert (await running.sim("POST", "/faults", ["x"]))["error"]["code"] == "bad_request"


async def test_control__unknown_path__is_404(running: Running) -> None:
    assert (await running.sim("GET", "/nothing"))["error"]["code"] == "not_found"


async def test_calls__people_the_store_does_not_have__are_counted_read_or_written(running: Running) -> None:
    await running.operate(*SHOP)
    await running.store("POST", "/v3/customers/attributes", [{"name": "headrace", "type": "string"}])
    await running.store("GET", "/v3/customers?id:in=1,2")
    await running.store("PUT", "/v3/customers", [{"id": 1, "customer_group_id": 1}])
    assert (await running.sim("GET", "/calls"))["unknown_customers"] == 0

    await running.store("GET", "/v3/customers?id:in=2,9")
    await running.store("PUT", "/v3/customers", [{"id": 1, "customer_group_id": 0}, {"id": 9, "customer_group_id": 1}])
    value = {"attribute_id": 1, "value": ";tier=VIP;"}
    await running.store("PUT", "/v3/customers/attribute-values", [{**value, "customer_id": 8}])
    calls = await running.sim("GET", "/calls")
    assert calls["unknown_customers"] == 3
    assert calls["group_writes"]["calls"] == 1
