"""Sends the queue's webhooks: signed, a bounded number at once to one destination, each with the vendor's time-out.

What to send, when and again is the queue's to say.
"""

import asyncio
import time
from collections import deque
from contextlib import suppress
from typing import Final

import aiohttp

from headrace.simulators.webhooks import Delivery, WebhookQueue, sign

TIMEOUT_REAL_S: Final = 10.0
AT_ONCE: Final = 32
WAITING: Final = 4 * AT_ONCE


class Dispatcher:
    """One runs at a time over a queue; `run` ends when cancelled."""

    def __init__(self, queue: WebhookQueue, *, client_secret: str, header: tuple[str, str] | None) -> None:
        self._queue = queue
        self._secret = client_secret
        self._header = header
        self._wake = asyncio.Event()
        self._lanes: dict[str, _Lane] = {}
        queue.woken = self._wake.set

    async def run(self) -> None:
        """Deliver until cancelled; what is under way is abandoned then."""
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=30)
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_REAL_S)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout, auto_decompress=False) as session:
            try:
                while True:
                    self._wake.clear()
                    for delivery in self._queue.due(WAITING):
                        self._lane(session, delivery.destination).add(delivery)
                    await self._pause()
            finally:
                for lane in self._lanes.values():
                    await lane.stop()

    async def _pause(self) -> None:
        wait_s = self._queue.real_seconds_to_next()
        if wait_s == 0:
            await asyncio.sleep(0)
            return
        with suppress(TimeoutError):
            # Not wait_for: before Python 3.12 it loses a cancellation that comes together with the wake-up.
            async with asyncio.timeout(wait_s):
                await self._wake.wait()

    def _lane(self, session: aiohttp.ClientSession, destination: str) -> "_Lane":
        lane = self._lanes.get(destination)
        if lane is None:
            lane = self._lanes[destination] = _Lane(self, session)
        return lane

    async def send(self, session: aiohttp.ClientSession, delivery: Delivery) -> None:
        """One attempt; settles it."""
        timestamp = int(time.time())
        headers = {
            "content-type": "application/json",
            "accept-encoding": "gzip",
            "user-agent": "pekko-http/1.3.0",
            "webhook-id": delivery.event_hash,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": sign(self._secret, delivery.event_hash, timestamp, delivery.body),
        }
        if self._header is not None:
            headers[self._header[0]] = self._header[1]
        headers.update(self._queue.headers(delivery))
        ok = False
        with suppress(aiohttp.ClientError, TimeoutError, OSError, ValueError):
            async with session.post(delivery.destination, data=delivery.body, headers=headers) as reply:
                ok = 200 <= reply.status < 300
                await reply.read()
        self._queue.settle(delivery, ok=ok)


class _Lane:
    """The workers of one destination: they exist while there is work."""

    def __init__(self, dispatcher: Dispatcher, session: aiohttp.ClientSession) -> None:
        self._dispatcher = dispatcher
        self._session = session
        self._waiting: deque[Delivery] = deque()
        self._workers: set[asyncio.Task[None]] = set()

    def add(self, delivery: Delivery) -> None:
        self._waiting.append(delivery)
        if len(self._workers) < AT_ONCE:
            task = asyncio.create_task(self._work())
            self._workers.add(task)
            task.add_done_callback(self._workers.discard)

    async def stop(self) -> None:
        for task in self._workers:
            task.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)

    async def _work(self) -> None:
        while self._waiting:
            await self._dispatcher.send(self._session, self._waiting.popleft())
