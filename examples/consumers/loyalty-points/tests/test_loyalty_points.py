"""The consumer against a service of the test's own: no Kafka."""

import json
from collections.abc import Callable

import httpx
import pytest
from loyalty_points import consumer

from headrace.consumer import Done, InDoubt, NotNow, PauseConsumer, Refused
from headrace.consumer.testing import deliver


def service(answer: Callable[[httpx.Request], httpx.Response]) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url="http://loyalty", transport=httpx.MockTransport(answer))


async def test_consumer__asked_twice__sends_the_same_key() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(201, json={"grant": "g-1"})

    async with service(answer) as client:
        done = await deliver(consumer, {"points": 100}, resources=client, customer="shop:7")
        assert done == Done(receipt="g-1")
        await deliver(consumer, {"points": 100}, resources=client, customer="shop:7", attempt=2)
    assert seen[0].url.path == "/members/7/points"
    assert json.loads(seen[0].content) == {"points": 100, "reason": "thanks"}
    assert seen[0].headers["Idempotency-Key"] == seen[1].headers["Idempotency-Key"]


@pytest.mark.parametrize(
    ("status", "wanted"), [(401, PauseConsumer), (404, Refused), (429, NotNow), (500, InDoubt), (503, InDoubt)]
)
async def test_consumer__service_says_no__answers_what_that_means(status: int, wanted: type[Exception]) -> None:
    async with service(lambda _: httpx.Response(status)) as client:
        with pytest.raises(wanted):
            await deliver(consumer, {"points": 100}, resources=client)


@pytest.mark.parametrize(("error", "wanted"), [(httpx.ConnectError, NotNow), (httpx.ReadTimeout, InDoubt)])
async def test_consumer__line_breaks__may_have_been_done_or_not(
    error: type[httpx.TransportError], wanted: type[Exception]
) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        raise error("broken")

    async with service(answer) as client:
        with pytest.raises(wanted):
            await deliver(consumer, {"points": 100}, resources=client)


async def test_consumer__rule_says_nonsense__is_refused() -> None:
    with pytest.raises(Refused, match="points"):
        await deliver(consumer, {"points": 0})
