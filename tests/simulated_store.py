"""A simulated store for tests that are not asynchronous, such as those of the command: it runs in a thread."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from headrace.simulators.options import Options
from headrace.simulators.server import serving
from headrace.simulators.simulator import Simulator

STORE = "store"
TOKEN = "token"  # the simulator's


@dataclass(frozen=True, slots=True)
class SimulatedStore:
    """Its address, and the simulator itself to look at."""

    url: str
    simulator: Simulator

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """A call of the store's API; its JSON."""
        reply = httpx.request(
            method, f"{self.url}/stores/{STORE}{path}", json=body, headers={"X-Auth-Token": TOKEN}, trust_env=False
        )
        return reply.json() if reply.content else None

    def operate(self, *operations: dict[str, Any]) -> Any:
        """What people do in the store."""
        return self._sim("/_sim/orders", {"operations": list(operations)})

    def fault(self, match: dict[str, Any], reply: dict[str, Any], times: int = 1) -> None:
        """An answer for the next calls."""
        self._sim("/_sim/faults", [{"match": match, "reply": reply, "times": times}])

    def routes(self) -> dict[str, int]:
        """How often each route was called."""
        return dict(self.simulator.calls.by_route)

    def _sim(self, path: str, body: Any) -> Any:
        reply = httpx.post(f"{self.url}{path}", json=body, trust_env=False)
        reply.raise_for_status()
        return reply.json() if reply.content else None


@contextmanager
def simulated_store(**options: Any) -> Iterator[SimulatedStore]:
    """Runs one until the block ends."""
    loop = asyncio.new_event_loop()
    started: list[SimulatedStore] = []
    ready, done = threading.Event(), asyncio.Event()

    async def serve() -> None:
        async with serving(Options(**{"quota": 100_000, **options})) as (simulator, addresses):
            started.append(SimulatedStore(addresses.bigcommerce, simulator))
            ready.set()
            await done.wait()

    def run() -> None:
        try:
            loop.run_until_complete(serve())
        finally:
            ready.set()
            loop.close()

    thread = threading.Thread(target=run, name="simulated-store")
    thread.start()
    ready.wait(timeout=20)
    try:
        yield started[0]
    finally:
        if started:
            loop.call_soon_threadsafe(done.set)
        thread.join()
