"""Price lists and their assignment to groups over HTTP."""

from tests.headrace.simulators.harness import Running


async def test_price_list__assigned__in_place_of_another(running: Running) -> None:
    await running.operate(
        {"op": "price_list.create", "name": "Trade"},
        {"op": "price_list.create", "name": "Staff"},
        {"op": "group.create", "group": {"name": "Gold"}},
    )
    assert [row["name"] for row in (await running.store("GET", "/v3/pricelists")).json["data"]] == ["Trade", "Staff"]
    for number in (1, 2):
        body = {"customer_group_id": 1, "channel_id": 1}
        assert (await running.store("PUT", f"/v3/pricelists/{number}/assignments", body)).status == 200
    listed = (await running.store("GET", "/v3/pricelists/assignments?customer_group_id:in=1")).json["data"]
    assert listed == [{"id": 1, "price_list_id": 2, "customer_group_id": 1, "channel_id": 1}]


async def test_price_list__unknown_group__is_404(running: Running) -> None:
    await running.operate({"op": "price_list.create", "name": "Trade"})
    body = {"customer_group_id": 9, "channel_id": 1}
    assert (await running.store("PUT", "/v3/pricelists/1/assignments", body)).status == 404
    assert (await running.store("PUT", "/v3/pricelists/1/assignments", {})).status == 422
