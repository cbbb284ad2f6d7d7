"""Places for calls at one time, more or fewer of them while some are taken."""

import asyncio

import pytest

from headrace.platforms.slots import Slots


class Crowd:
    """Callers that stay inside until they are let go."""

    def __init__(self, limit: int) -> None:
        self.slots = Slots(limit)
        self.inside = 0
        self._go = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def come(self, count: int) -> int:
        """So many more; how many are inside then."""
        self._tasks += [asyncio.create_task(self._one(self._go)) for _ in range(count)]
        return await self.settled()

    async def settled(self) -> int:
        for _ in range(50):
            await asyncio.sleep(0)
        return self.inside

    async def leave(self) -> int:
        """All who are inside go; how many of the waiting come in."""
        go, self._go = self._go, asyncio.Event()
        before = self.inside
        assert before
        go.set()
        return await self.settled()

    async def end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _one(self, go: asyncio.Event) -> None:
        async with self.slots:
            self.inside += 1
            try:
                await self._go.wait()
            finally:
                self.inside -= 1


@pytest.mark.parametrize("limit", [1, 3])
async def test_slots__more_come__so_many_inside(limit: int) -> None:
    crowd = Crowd(limit)
    assert await crowd.come(5) == limit
    assert await crowd.leave() == min(limit, 5 - limit)
    await crowd.end()


async def test_resize__smaller_while_full__who_is_inside_stays_and_fewer_follow() -> None:
    crowd = Crowd(3)
    assert await crowd.come(9) == 3
    crowd.slots.resize(1)
    assert await crowd.settled() == 3
    assert await crowd.leave() == 1
    await crowd.end()


async def test_resize__smaller_while_empty__holds_at_once() -> None:
    crowd = Crowd(3)
    crowd.slots.resize(2)
    assert await crowd.come(5) == 2
    await crowd.end()


async def test_resize__larger__who_waits_comes_in() -> None:
    crowd = Crowd(3)
    crowd.slots.resize(1)
    assert await crowd.come(5) == 1
    crowd.slots.resize(3)
    assert await crowd.settled() == 3
    crowd.slots.resize(1)
    crowd.slots.resize(4)
    assert await crowd.settled() == 4
    await crowd.end()


async def test_resize__who_waits_gives_up__no_place_is_lost() -> None:
    crowd = Crowd(2)
    assert await crowd.come(4) == 2
    crowd.slots.resize(1)
    await crowd.end()
    crowd.slots.resize(2)
    assert await crowd.come(4) == 2
    await crowd.end()
