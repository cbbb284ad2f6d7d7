"""Lanes: one process serves several stores side by side, and what stops one of them stops no other.

A process for one store has no lanes: its work gets the process's own `Running`.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import structlog

from headrace.runtime.health import STARTING, LaneHealth
from headrace.runtime.logs import log
from headrace.runtime.metrics import for_store
from headrace.runtime.process import STOP_WITHIN_S, FatalError, Running

Lane = Callable[[Running], Awaitable[None]]
AGAIN_S: Final = 5.0
"""After its first failure a lane begins anew so much later; then later and later, up to `AGAIN_AT_MOST_S`."""
AGAIN_AT_MOST_S: Final = 300.0


async def run_lanes(
    lanes: Mapping[str, Lane], running: Running, *, again_s: float = AGAIN_S, stop_within_s: float = STOP_WITHIN_S
) -> None:
    """Runs each store's lane until the process is asked to stop; one that fails begins anew after a while.

    `lanes` by store; a single nameless one ("") is run as it is, in this very task. Returns when all have returned.
    """
    if "" in lanes:
        return await lanes[""](running)
    healths = {store: LaneHealth(running.health, store) for store in lanes}
    running.health.clear(STARTING)  # from here on each lane says it of itself
    async with asyncio.TaskGroup() as tasks:
        for store, lane in lanes.items():
            tasks.create_task(_keep(store, lane, healths[store], running, again_s, stop_within_s))
    return None


async def _keep(
    store: str, lane: Lane, health: LaneHealth, running: Running, again_s: float, stop_within_s: float
) -> None:
    delay_s, now = again_s, asyncio.get_running_loop().time
    structlog.contextvars.bind_contextvars(store=store)
    for_store(store)
    while not running.stopping.is_set():
        began, own = now(), Running(health=health)
        failed = await _once(lane, own, running, stop_within_s)
        if failed is None and not own.again:
            return
        if failed is None:
            continue
        if now() - began > AGAIN_AT_MOST_S:  # it went well for long: this is another trouble
            delay_s = again_s
        log.error("store.stopped", reason=failed.reason, detail=failed.detail, delay_s=delay_s)
        health.fail(failed.reason)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(delay_s):
                await running.stopping.wait()
        delay_s = min(2 * delay_s, AGAIN_AT_MOST_S)


async def _once(lane: Lane, own: Running, running: Running, stop_within_s: float) -> FatalError | None:
    """Why it failed, or None when it has returned."""
    assert isinstance(own.health, LaneHealth)
    own.health.begin()
    work = asyncio.ensure_future(lane(own))
    stopping = [asyncio.ensure_future(each.stopping.wait()) for each in (running, own)]
    try:
        await asyncio.wait({work, *stopping}, return_when=asyncio.FIRST_COMPLETED)
        own.stopping.set()
        await asyncio.wait({work}, timeout=stop_within_s)
    finally:
        in_time = work.done()
        for each in (work, *stopping):
            each.cancel()
        # One that does not even end by that is left behind: the process is stopped in time without it.
        await asyncio.wait({work}, timeout=stop_within_s)
        if not work.done() and not running.stopping.is_set():
            # Begun anew beside it, there would be two that work for one store: only a new process is rid of it.
            running.fail(FatalError("store_stuck", f"{own.health.store} has failed and does not end"))
    if not in_time:
        return own.cause or FatalError("stop_timed_out", f"it did not return within {stop_within_s:g} s")
    return own.cause or _cause(work)


def _cause(work: "asyncio.Future[None]") -> FatalError | None:
    """Why it ended in error, if it did."""
    if work.cancelled():
        return FatalError("crashed", "CancelledError")
    error = work.exception()
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    if error is None or isinstance(error, FatalError):
        return error
    # a fault of ours with one store's data: the others go on
    log.error("task.failed", task="store", exc_info=error)
    return FatalError("crashed", type(error).__name__)
