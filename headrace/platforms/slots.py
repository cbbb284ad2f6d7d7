"""How many calls may be under way at one time, a number that may change while they are."""

import asyncio


class Slots:
    """`async with`: waits for one of `limit` places."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._places = asyncio.Semaphore(limit)
        self._too_many = 0
        """Places that the semaphore has and the limit no longer allows."""

    def resize(self, limit: int) -> None:
        """From the next one on; who is inside stays."""
        self._too_many += self._limit - limit
        self._limit = limit
        while self._too_many < 0:
            self._too_many += 1
            self._places.release()

    async def __aenter__(self) -> None:
        await self._places.acquire()
        while self._too_many > 0:
            self._too_many -= 1  # this place is not given back
            await self._places.acquire()

    async def __aexit__(self, *_: object) -> None:
        self._places.release()
