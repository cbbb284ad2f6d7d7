"""The receiver of our webhooks: signatures, each id once, and every answer a stranger's server may give."""

import asyncio
import base64
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
from standardwebhooks.webhooks import Webhook

from tests.headrace.simulators.harness import Running, Start

SECRET = "whsec_" + base64.b64encode(b"a secret of twenty-four b").decode()
EFFECT = "fedcba9876543210" * 2
BODY = json.dumps({"type": "customer.entered", "data": {}})


def signed(secret: str = SECRET, body: str = BODY, at: float | None = None) -> dict[str, str]:
    moment = datetime.fromtimestamp(at or time.time(), UTC)
    signature = Webhook(secret).sign(EFFECT, moment, body)
    return {"webhook-id": EFFECT, "webhook-timestamp": str(int(moment.timestamp())), "webhook-signature": signature}


async def post(running: Running, name: str = "shop", body: str = BODY, **headers: str) -> aiohttp.ClientResponse:
    url = f"{running.addresses.receiver}/hooks/{name}"
    async with running.session.post(url, data=body, headers=headers, allow_redirects=False) as reply:
        await reply.read()
        return reply


async def fault(running: Running, name: str, times: int | None = 1, **reply: Any) -> None:
    match = {"vendor": "receiver", "path": f"/hooks/{name}"}
    await running.sim("POST", "/faults", [{"match": match, "reply": reply, "times": times}])


async def rows(running: Running) -> list[tuple[str, str, int, int]]:
    effects = (await running.sim("GET", "/truth"))["effects"]
    return [(row["sink"], row["id"], row["count"], row["asked"]) for row in effects]


async def test_webhook__delivered_twice__is_done_once(running: Running) -> None:
    for _ in range(2):
        assert (await post(running, **{"webhook-id": EFFECT})).status == 200
    assert await rows(running) == [("webhook", EFFECT, 1, 2)]
    requests = (await running.sim("GET", "/hooks?name=shop"))["requests"]
    assert [(one["id"], one["body"], one["taken"]) for one in requests] == [(EFFECT, BODY, True)] * 2


async def test_webhook__to_two_endpoints__is_done_at_each(running: Running) -> None:
    for name in ("one", "two"):
        await post(running, name, **{"webhook-id": EFFECT})
    assert await rows(running) == [("webhook", EFFECT, 2, 2)]


async def test_webhook__without_an_id__is_done_each_time(running: Running) -> None:
    for body in ('{"text": "a"}', '{"text": "a"}', f'{{"text": "b", "id": "{EFFECT}"}}', f'{{"id": "{EFFECT}"}}'):
        await post(running, "chat", body)
    expected = [("webhook", "chat/1", 1, 1), ("webhook", "chat/2", 1, 1), ("webhook", EFFECT, 2, 2)]
    assert await rows(running) == expected


@pytest.mark.parametrize(
    ("headers", "status"),
    [  # made when the test runs: a signature is good for five minutes
        (signed, 200),
        (dict, 401),
        (lambda: {**signed(), "webhook-signature": "v1,AAAA"}, 401),
        (lambda: signed(body="{}"), 401),
        (lambda: signed("whsec_" + base64.b64encode(b"another secret of some l").decode()), 401),
        (lambda: signed(at=time.time() - 3600), 401),
    ],
    ids=["right", "missing", "nonsense", "another body", "another secret", "an hour ago"],
)
async def test_signature__is_checked_by_the_standard_s_library(
    start: Start, headers: Callable[[], dict[str, str]], status: int
) -> None:
    async with start(receiver_secret=SECRET) as running:
        assert (await post(running, **headers())).status == status
        assert sum(count for _, _, count, _ in await rows(running)) == (status == 200)
        (request,) = (await running.sim("GET", "/hooks"))["requests"]
        assert request["verified"] is (status == 200)


async def test_secret__of_one_name__leaves_the_others_open(running: Running) -> None:
    await running.sim("POST", "/hooks", {"name": "shop", "secret": SECRET})
    assert [(await post(running, name)).status for name in ("shop", "chat")] == [401, 200]
    assert (await running.sim("POST", "/hooks", {"name": "shop"}))["error"]["code"] == "bad_request"


@pytest.mark.parametrize(
    ("status", "headers"),
    [(202, {}), (301, {"Location": "/hooks/other"}), (410, {}), (429, {"Retry-After": "7"}), (500, {})],
)
async def test_answer__ordered__is_given_and_nothing_done(running: Running, status: int, headers: Any) -> None:
    await fault(running, "shop", status=status, headers=headers)
    reply = await post(running, **{"webhook-id": EFFECT})
    assert (reply.status, {name: reply.headers[name] for name in headers}) == (status, headers)
    assert await rows(running) == []
    assert (await post(running, **{"webhook-id": EFFECT})).status == 200
    assert await rows(running) == [("webhook", EFFECT, 1, 2)]
    calls = await running.sim("GET", "/calls")
    assert (calls["status_429"], calls["total"]) == (0, 0), "a receiver is no vendor"


async def test_answer__202_after__is_done(running: Running) -> None:
    await fault(running, "shop", status=202, after=True)
    assert (await post(running, **{"webhook-id": EFFECT})).status == 202
    assert await rows(running) == [("webhook", EFFECT, 1, 1)]


async def test_receiver__that_hangs__holds_only_its_own(running: Running) -> None:
    await fault(running, "slow", pause="hang")
    hanging = asyncio.create_task(post(running, "slow"))
    await running.sim("GET", "/held?pause=hang&count=1")
    assert (await post(running, "quick")).status == 200
    assert not hanging.done()
    await running.sim("POST", "/release", {"pause": "hang"})
    assert (await hanging).status == 200


async def test_receiver__that_drips__sends_one_byte_after_another(running: Running) -> None:
    await fault(running, "shop", drip_s=0.02, status=200, body="abcdef")
    began = time.monotonic()
    async with running.session.post(f"{running.addresses.receiver}/hooks/shop", data=BODY) as reply:
        chunks = [chunk async for chunk in reply.content.iter_any()]
    assert b"".join(chunks) == b"abcdef"
    assert len(chunks) > 1
    assert time.monotonic() - began >= 0.1


async def test_receiver__drips__who_goes_away_disturbs_nobody(running: Running) -> None:
    await fault(running, "shop", drip_s=0.01, status=200, body="x" * 100_000)
    async with running.session.post(f"{running.addresses.receiver}/hooks/shop", data=BODY) as reply:
        await reply.content.read(1)
        reply.close()
    assert (await post(running)).status == 200


async def test_receiver__giant_body(running: Running) -> None:
    await fault(running, "shop", size=5_000_000)
    async with running.session.post(f"{running.addresses.receiver}/hooks/shop", data=BODY) as reply:
        assert len(await reply.read()) > 5_000_000


@pytest.mark.parametrize(("method", "path"), [("GET", "/hooks/a"), ("POST", "/hooks/"), ("POST", "/hooks/a/b")])
async def test_receiver__elsewhere__is_404(running: Running, method: str, path: str) -> None:
    async with running.session.request(method, f"{running.addresses.receiver}{path}") as reply:
        assert reply.status == 404
