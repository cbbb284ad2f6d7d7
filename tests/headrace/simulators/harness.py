"""What the simulators' tests share: a hand-driven clock, a running simulator with a client, a webhook receiver."""

import asyncio
import base64
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import aiohttp

from headrace.simulators.server import Addresses
from headrace.simulators.simulator import Simulator

START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Hands:
    """Real time as the test wants it."""

    real: float = 0.0

    def __call__(self) -> float:
        return self.real


@dataclass
class Reply:
    status: int
    headers: Any
    json: Any
    text: str


@dataclass
class Running:
    """A simulator with both ports open."""

    simulator: Simulator
    addresses: Addresses
    session: aiohttp.ClientSession

    async def store(self, method: str, path: str, body: Any = None, *, token: str = "token") -> Reply:
        url = f"{self.addresses.bigcommerce}/stores/store{path}"
        return await self._call(method, url, body, {"X-Auth-Token": token})

    async def mail(self, method: str, path: str, body: Any = None, *, key: str = "key-us1") -> Reply:
        headers = {"Authorization": aiohttp.encode_basic_auth("any", key)}
        return await self._call(method, f"{self.addresses.mailchimp}/3.0{path}", body, headers)

    async def sim(self, method: str, path: str, body: Any = None) -> Any:
        return (await self._call(method, f"{self.addresses.mailchimp}/_sim{path}", body, {})).json

    async def operate(self, *operations: dict[str, Any]) -> Any:
        return await self.sim("POST", "/orders", {"operations": list(operations)})

    async def _call(self, method: str, url: str, body: Any, headers: dict[str, str]) -> Reply:
        async with self.session.request(method, url, json=body, headers=headers) as reply:
            text = await reply.text()
            decoded = await reply.json(content_type=None) if text else None
            return Reply(reply.status, reply.headers, decoded, text)


@dataclass
class Receiver:
    """Takes webhooks; answers what `status` says."""

    url: str = ""
    status: int = 204
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


Start = Callable[..., AbstractAsyncContextManager[Running]]


async def until(condition: Callable[[], bool], *, deadline_s: float = 20.0) -> None:
    """Wait for a condition; fails at the deadline."""
    loop = asyncio.get_running_loop()
    end = loop.time() + deadline_s
    while not condition():
        assert loop.time() < end, "the condition did not come true"
        await asyncio.sleep(0.005)


def base64_secret(secret: str) -> str:
    """As the library wants it: it decodes its argument."""
    return base64.b64encode(secret.encode()).decode()
