"""Lanes: one process serves several stores side by side, and what stops one of them stops no other.

A process for one store has no lanes: its work gets the process's own `Running`.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import structlog

from headrace.runtime.health import LaneHealth
from headrace.runtime.logs import log
from headrace.runtime.metrics import for_store
from headrace.runtime.process import FatalError, Running

Lane = Callable[[Running], Awaitable[None]]
AGAIN_S: Final = 5.0
"""After its first failure a lane begins anew so much later; then later and later, up to `AGAIN_AT_MOST_S`."""
AGAIN_AT_MOST_S: Final = 300.0


async def run_lanes(lanes: Mapping[str, Lane], running: Running, *, again_s: float = AGAIN_S) -> None:
    """Runs each store's lane until the process is asked to stop; one that fails begins anew after a while.

    `lanes` by store; a single nameless one ("") is run as it is, in this very task. Returns when all have returned.
    """
    if "" in lanes:
        return await lanes[""](running)
    healths = {store: LaneHealth(running.health, store) for store in lanes}
    async with asyncio.TaskGroup() as tasks:
        for store, lane in lanes.items():
            tasks.create_task(_keep(store, lane, healths[store], running, again_s))
    return None


async def _keep(store: str, lane: Lane, health: LaneHealth, running: Running, again_s: float) -> None:
    delay_s = again_s
    structlog.contextvars.bind_contextvars(store=store)
    for_store(store)
    while not running.stopping.is_set():
        failed = await _once(lane, health, running)
        if failed is None:
            return
        log.error("store.stopped", reason=failed.reason, detail=failed.detail, delay_s=delay_s)
        health.fail(failed.reason)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(delay_s):
                await running.stopping.wait()
        delay_s = min(2 * delay_s, AGAIN_AT_MOST_S)


async def _once(lane: Lane, health: LaneHealth, running: Running) -> FatalError | None:
    """Why it failed, or None when it has returned."""
    health.begin()
    own = Running(health=health)
    work = asyncio.ensure_future(lane(own))
    stopping = asyncio.ensure_future(running.stopping.wait())
    try:
        await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
        own.stopping.set()
        await work
    except FatalError as error:
        return error
    except Exception as error:  # a fault of ours with one store's data: the others go on
        log.exception("task.failed", task="store")
        return FatalError("crashed", type(error).__name__)
    finally:
        stopping.cancel()
        if not work.done():
            work.cancel()
            await asyncio.wait({work})
    return own.cause
