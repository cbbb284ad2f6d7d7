"""Fixtures of the simulators' tests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from headrace.simulators.clock import StoreClock
from headrace.simulators.options import Options
from headrace.simulators.server import serving
from headrace.simulators.world import World
from tests.headrace.simulators.harness import START, Hands, Receiver, Running, Start


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def clock(hands: Hands) -> StoreClock:
    return StoreClock(START, monotonic=hands)


@pytest.fixture
def world(clock: StoreClock) -> World:
    return World("store", clock)


@pytest.fixture
def events(world: World) -> list[tuple[str, dict[str, Any]]]:
    """What the world emits from now on."""
    seen: list[tuple[str, dict[str, Any]]] = []
    world.listener = lambda scope, data: seen.append((scope, data))
    return seen


@pytest.fixture
def start() -> Start:
    """Start a simulator with options of the test's own."""

    @asynccontextmanager
    async def run(**options: Any) -> AsyncIterator[Running]:
        async with serving(Options(**options)) as (simulator, addresses), aiohttp.ClientSession() as session:
            yield Running(simulator, addresses, session)

    return run


@pytest.fixture
async def running(start: Start) -> AsyncIterator[Running]:
    async with start(quota=100_000) as one:
        yield one


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A webhook receiver on a port of its own."""
    state = Receiver()

    async def take(request: web.Request) -> web.Response:
        state.got.append((dict(request.headers), await request.read()))
        return web.Response(status=state.status)

    application = web.Application()
    application.router.add_post("/hook", take)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    state.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield state
    await runner.cleanup()
