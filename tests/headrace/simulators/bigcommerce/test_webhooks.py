"""Webhooks v3 over HTTP."""

from tests.headrace.simulators.harness import Running

HOOK = {"scope": "store/order/*", "destination": "https://a.example/h", "headers": {"X-A": "b"}}


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
