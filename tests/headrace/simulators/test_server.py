"""What stands around the handlers: tokens, quota headers, store date, concurrency, faults that cut the line."""

import asyncio
from email.utils import parsedate_to_datetime

import aiohttp
import pytest

from tests.headrace.simulators.harness import START, Running, Start


async def test_bigcommerce__wrong_token__is_401(running: Running) -> None:
    assert (await running.store("GET", "/v2/time", token="wrong")).status == 401


async def test_bigcommerce__other_store__is_401(running: Running) -> None:
    url = f"{running.addresses.bigcommerce}/stores/other/v2/time"
    async with running.session.get(url, headers={"X-Auth-Token": "token"}) as reply:
        assert reply.status == 401


async def test_mailchimp__wrong_key__is_401(running: Running) -> None:
    reply = await running.mail("GET", "/ping", key="wrong")
    assert (reply.status, reply.json["title"]) == (401, "API Key Invalid")
    assert (await running.mail("GET", "/ping")).status == 200


async def test_bigcommerce__unknown_path__is_404_and_counted_apart(running: Running) -> None:
    assert (await running.store("GET", "/v3/nothing/5")).status == 404
    assert running.simulator.calls.by_route == {"GET other": 1}


async def test_date_header__after_a_jump__is_the_store_s(running: Running) -> None:
    await running.sim("POST", "/clock", {"advance_to": "2031-05-06T07:08:09Z"})
    reply = await running.store("GET", "/v2/time")
    date = parsedate_to_datetime(reply.headers["Date"])
    assert abs(date.timestamp() - reply.json["time"]) <= 1
    assert date.year == 2031
    assert date > START


async def test_quota__headers__state_real_milliseconds(start: Start) -> None:
    async with start(speed=60, quota=10) as running:
        headers = (await running.store("GET", "/v2/time")).headers
    assert headers["X-Rate-Limit-Time-Window-Ms"] == "500"
    assert 1 <= int(headers["X-Rate-Limit-Time-Reset-Ms"]) <= 500
    assert (headers["X-Rate-Limit-Requests-Quota"], headers["X-Rate-Limit-Requests-Left"]) == ("10", "9")


async def test_quota__used_up__is_429_of_our_own_making(start: Start) -> None:
    async with start(quota=2, window_ms=3_600_000) as running:
        statuses = [(await running.store("GET", "/v2/time")).status for _ in range(4)]
        calls = await running.sim("GET", "/calls")
    assert statuses == [200, 200, 429, 429]
    assert (calls["status_429"], calls["status_429_ours"]) == (2, 2)


async def test_concurrency__four_customer_puts_at_once__one_is_429(start: Start) -> None:
    async with start(latency_ms=200) as running:
        replies = await asyncio.gather(*(running.store("PUT", "/v3/customers", []) for _ in range(4)))
    assert sorted(reply.status for reply in replies) == [422, 422, 422, 429]


async def test_mailchimp__eleven_connections__one_is_429(start: Start) -> None:
    async with start(latency_ms=200) as running:
        replies = await asyncio.gather(*(running.mail("GET", "/ping") for _ in range(11)))
    refused = [reply for reply in replies if reply.status == 429]
    assert len(refused) == 1
    assert refused[0].headers["Content-Type"].startswith("application/problem+json")
    assert "X-Rate-Limit-Requests-Left" not in refused[0].headers


async def test_fault__drop_after__the_call_is_done_and_the_answer_lost(running: Running) -> None:
    await running.sim(
        "POST", "/faults", [{"match": {"path": "/v2/customer_groups"}, "reply": {"drop": True, "after": True}}]
    )
    with pytest.raises(aiohttp.ClientError):
        await running.store("POST", "/v2/customer_groups", {"name": "Gold"})
    assert [group.name for group in running.simulator.world.people.groups] == ["Gold"]


async def test_fault__delay_only__answers_after_it(running: Running) -> None:
    await running.sim("POST", "/faults", [{"match": {"path": "/v2/time"}, "reply": {"delay_s": 0.1}}])
    loop = asyncio.get_running_loop()
    began = loop.time()
    assert (await running.store("GET", "/v2/time")).status == 200
    assert loop.time() - began >= 0.09
