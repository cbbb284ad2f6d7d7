"""Webhooks over real sockets."""

import asyncio
import json
import time

import pytest
from standardwebhooks.webhooks import Webhook

from headrace.simulators.clock import StoreClock
from headrace.simulators.delivery import Dispatcher
from headrace.simulators.hooks import Hooks
from headrace.simulators.webhooks import Policy, WebhookQueue
from tests.headrace.simulators.harness import START, Receiver, Running, Start, base64_secret, until

ORDER = {
    "op": "order.create",
    "order": {"customer_id": 0, "email": "g@x.example", "lines": [{"product_id": 1, "quantity": 1, "price": "1"}]},
}


async def _hook(running: Running, receiver: Receiver) -> None:
    body = {"scope": "store/order/*", "destination": receiver.url, "headers": {"X-Own": "of the hook"}}
    assert (await running.store("POST", "/v3/hooks", body)).status == 200


async def _pending(running: Running) -> int:
    counted: int = (await running.sim("GET", "/calls"))["webhooks"]["pending"]
    return counted


async def test_delivery__order_placed__is_signed_with_both_headers(start: Start, receiver: Receiver) -> None:
    async with start(webhook_header=("X-Store", "s3")) as running:
        await _hook(running, receiver)
        await running.operate(ORDER)
        await until(lambda: len(receiver.got) == 3)
    headers, body = receiver.got[0]
    assert (headers["X-Own"], headers["X-Store"]) == ("of the hook", "s3")
    assert headers["webhook-id"] == json.loads(body)["hash"]
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60
    Webhook(base64_secret("secret")).verify(body, {name.lower(): value for name, value in headers.items()})


async def test_delivery__receiver_refuses_for_a_while__nothing_is_lost(start: Start, receiver: Receiver) -> None:
    async with start(speed=10_000) as running:
        receiver.status = 503
        await _hook(running, receiver)
        await running.operate(*[ORDER] * 20)
        await until(lambda: len(receiver.got) >= 60)
        assert await _pending(running) == 60
        receiver.status = 204
        await until(lambda: running.simulator.queue.counts.pending == 0)
        counts = running.simulator.queue.counts
        assert (counts.accepted, counts.failed) == (60, 0)
        assert counts.retried >= 60


async def test_delivery__connection_refused__is_retried(start: Start, receiver: Receiver) -> None:
    async with start(speed=10_000) as running:
        body = {"scope": "store/order/*", "destination": "http://127.0.0.1:9/hook"}
        await running.store("POST", "/v3/hooks", body)
        await running.operate(ORDER)
        await until(lambda: running.simulator.queue.counts.retried >= 3)
        await running.store("PUT", "/v3/hooks/1", {"destination": receiver.url})
        assert await _pending(running) == 3


async def test_delivery__duplicates_and_reorders__all_arrive(start: Start, receiver: Receiver) -> None:
    async with start(speed=600, duplicates=0.3, reorders=0.3, max_delay_s=10) as running:
        await _hook(running, receiver)
        await running.operate(*[ORDER] * 50)
        await until(lambda: running.simulator.queue.counts.pending == 0)
        webhooks = (await running.sim("GET", "/calls"))["webhooks"]
    assert webhooks["accepted"] == len(receiver.got) == 150 + webhooks["duplicates"]
    assert webhooks["duplicates"] > 10
    assert webhooks["reordered"] > 10


async def test_delivery__simulator_ends__leaves_no_task(start: Start, receiver: Receiver) -> None:
    before = asyncio.all_tasks()
    async with start(reorders=1.0, max_delay_s=1000) as running:
        await _hook(running, receiver)
        await running.operate(ORDER)
        assert await _pending(running) == 3
    assert asyncio.all_tasks() == before


@pytest.mark.parametrize("ticks", range(6))
async def test_run__cancelled_just_when_it_is_woken__ends(ticks: int) -> None:
    """A receiver that refuses wakes it all the time: the order to end must not get lost in that."""
    clock = StoreClock(START)
    hooks = Hooks(clock.date, clock.elapsed, start_delay_s=0)
    queue = WebhookQueue("store", clock, hooks, seed=1, policy=Policy(reorders=1.0, max_delay_s=10_000))
    hooks.create({"scope": "store/order/*", "destination": "http://127.0.0.1:9/hook"})
    queue.publish("store/order/updated", {"type": "order", "id": 7})
    task = asyncio.create_task(Dispatcher(queue, client_secret="s", header=None).run())
    for _ in range(10):
        await asyncio.sleep(0)
    queue.woken()
    for _ in range(ticks):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task}, timeout=1)
    ended = task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert ended
