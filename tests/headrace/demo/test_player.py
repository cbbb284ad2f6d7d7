"""Operations arrive whole and in order; back-pressure and refusals are heeded."""

import json

import httpx
import pytest

from headrace.demo.player import PlayError, Progress, play


def order(number: int) -> dict[str, object]:
    return {"op": "order.create", "at": f"2010-01-01T00:00:{number:02d}+00:00", "order": {"id": number}}


async def test_play__operations__are_posted_in_order_in_chunks_after_ready() -> None:
    posted: list[list[int]] = []
    asked: list[int] = []
    shown: list[Progress] = []

    def answer(request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/_sim/orders"
        posted.append([op["order"]["id"] for op in json.loads(request.content)["operations"]])
        return httpx.Response(200, json={})

    async def ready() -> None:
        asked.append(len(posted))

    transport = httpx.MockTransport(answer)
    async with httpx.AsyncClient(transport=transport, base_url="http://sim.test") as client:
        progress = await play(map(order, range(5)), client, chunk=2, ready=ready, show=shown.append)
    assert posted == [[0, 1], [2, 3], [4]]
    assert asked == [0, 1, 2]
    assert (progress.orders, progress.at) == (5, "2010-01-01T00:00:04+00:00")
    assert [each.orders for each in shown] == [2, 4, 5]


async def test_play__rate__is_not_exceeded() -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json={}))
    async with httpx.AsyncClient(transport=transport, base_url="http://sim.test") as client:
        progress = await play(map(order, range(20)), client, chunk=5, orders_per_second=200)
    assert progress.seconds >= 15 / 200


async def test_play__refusal__is_told_with_the_answer() -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(422, text="order 3 exists"))
    async with httpx.AsyncClient(transport=transport, base_url="http://sim.test") as client:
        with pytest.raises(PlayError, match="422: order 3 exists"):
            await play([order(3)], client)


async def test_play__nobody_there__is_told() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    transport = httpx.MockTransport(answer)
    async with httpx.AsyncClient(transport=transport, base_url="http://sim.test") as client:
        with pytest.raises(PlayError, match="did not take 1 operations"):
            await play([order(3)], client)
