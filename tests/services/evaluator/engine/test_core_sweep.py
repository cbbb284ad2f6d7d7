"""What no record waits for is worked off in turns."""

import asyncio
from typing import Any

from headrace.runtime.health import Health
from services.evaluator.engine.core import Engine, Options
from services.evaluator.engine.fold import PartitionView, Swept
from services.evaluator.engine.membership import Member
from tests.services.evaluator.engine.counting import CountingPartition
from tests.services.evaluator.engine.stand_ins import Log, Positions

ENDLESS, SHORT = 0, 1


class Sweeping(CountingPartition):
    """Partition 0 has work for ever, partition 1 for a few slices."""

    def __init__(self, view: PartitionView, left: dict[int, float]) -> None:
        super().__init__(view, "outputs")
        self._left = left

    def sweep(self, budget: int) -> Swept:
        self._left[self._view.number] -= budget
        return Swept(budget, more=self._left[self._view.number] > 0)


class Sweepings:
    def __init__(self, left: dict[int, float]) -> None:
        self._left = left

    def open(self, view: PartitionView) -> Any:
        return Sweeping(view, self._left)


async def test_sweep__a_partition_without_end__the_next_one_has_its_turn() -> None:
    left = {ENDLESS: float("inf"), SHORT: 1_000.0}
    log, positions = Log(), Positions()
    engine = Engine(
        fold=Sweepings(left),
        writer=log,
        reader=log,
        positions=lambda: positions,
        member=lambda: Member(1, "me"),
        health=Health(),
        fail=lambda error: None,
        options=Options(epoch_s=0.001),
    )
    tasks = [asyncio.ensure_future(engine.run()), asyncio.ensure_future(engine.sweep())]
    await engine.restore([ENDLESS, SHORT])
    try:
        async with asyncio.timeout(10):
            while left[SHORT] > 0:
                await asyncio.sleep(0.001)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
