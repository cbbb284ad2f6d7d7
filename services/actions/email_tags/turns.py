"""One at a time: who works on an address keeps others from it, be they other customers of the same address."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager


class Turns:
    """Of one account in one process."""

    def __init__(self) -> None:
        self._busy: set[str] = set()
        self._released = asyncio.Event()

    @asynccontextmanager
    async def of(self, addresses: Iterable[str]) -> AsyncIterator[None]:
        """Waits until nobody works on any of these; then they are the caller's until the block ends."""
        wanted = {*addresses}
        while self._busy & wanted:
            await self._released.wait()
        self._busy |= wanted
        try:
            yield
        finally:
            self._busy -= wanted
            self._released.set()
            self._released = asyncio.Event()
