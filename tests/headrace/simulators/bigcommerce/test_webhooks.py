"""Webhooks v3 over HTTP."""

from typing import Any

from headrace.simulators.webhooks import BLOCK_AFTER_REQUESTS, Delivery
from tests.headrace.platforms.bigcommerce.vendor import VENDOR
from tests.headrace.simulators.harness import Running

HOOK: dict[str, Any] = {"scope": "store/order/*", "destination": "https://a.example/h", "headers": {"X-A": "b"}}


async def test_hook__its_life__is_wrapped_in_data(running: Running) -> None:
    made = await running.store("POST", "/v3/hooks", HOOK)
    assert (made.status, made.json["data"]["is_active"], made.json["data"]["headers"]) == (200, True, {"X-A": "b"})
    assert (await running.store("POST", "/v3/hooks", HOOK)).status == 422
    assert (await running.store("PUT", "/v3/hooks/1", {"is_active": False})).json["data"]["is_active"] is False
    assert len((await running.store("GET", "/v3/hooks?is_active=false")).json["data"]) == 1
    assert (await running.store("GET", "/v3/hooks?is_active=true")).json["data"] == []
    admin = (await running.store("GET", "/v3/hooks/admin")).json["data"]
    assert [hook["status"] for hook in admin["hooks_list"]] == ["deactivated"]
    assert (await running.store("GET", "/v3/hooks/1")).json["data"]["scope"] == "store/order/*"
    assert (await running.store("DELETE", "/v3/hooks/1")).status == 200
    assert (await running.store("GET", "/v3/hooks/1")).status == 404


async def test_hook__bad_body__is_422(running: Running) -> None:
    assert (await running.store("POST", "/v3/hooks", {"scope": "order"})).status == 422
    assert (await running.store("POST", "/v3/hooks", [])).status == 422
    assert (await running.store("PUT", "/v3/hooks/9", {})).status == 404


async def test_admin__emails_and_who_is_blocked_and_why(running: Running) -> None:
    await running.store("POST", "/v3/hooks", HOOK)
    assert (await running.store("PUT", "/v3/hooks/admin", {"emails": ["ops@a.example"]})).status == 204
    assert (await running.store("PUT", "/v3/hooks/admin", {"emails": "ops"})).status == 422
    for number in range(BLOCK_AFTER_REQUESTS):
        running.simulator.queue.settle(Delivery(1, HOOK["destination"], str(number), b""), ok=number > 15)
    reply = await running.store("GET", "/v3/hooks/admin?is_active=false")
    admin = reply.json["data"]
    (blocked,) = admin["blocked_domains"]
    assert (admin["emails"], admin["hooks_list"], blocked["destination"]) == (["ops@a.example"], [], "a.example")
    assert 170 < blocked["time_left"] <= 180
    assert blocked["reasons"][0]["count"] == 16
    if VENDOR.are_there:
        assert VENDOR.reply_problems("GET", "/v3/hooks/admin", 200, reply.json) == []
