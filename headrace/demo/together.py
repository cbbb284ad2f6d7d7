"""Several stores' demo runs at the same time: they play side by side, come to rest together, and then are verified.

Each run looks at its own store only; nothing is verified while any of them still moves.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from headrace.demo.flow import Result, Run, run_demo


async def run_side_by_side(runs: Sequence[Run]) -> list[Result]:
    """The results in the runs' order; the first run that fails ends the others. Raises what `run_demo` raises."""
    if len(runs) == 1:
        return [await run_demo(runs[0])]
    meeting = asyncio.Barrier(len(runs))
    tasks = [asyncio.create_task(run_demo(replace(run, meet=meeting.wait))) for run in runs]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        return [task.result() for task in sorted(done, key=tasks.index)]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
