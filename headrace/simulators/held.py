"""Answers that are held back until somebody lets them go: a test's hand between what was done and who asked for it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Held:
    """One call that waits. `done`: it was carried out already, only its answer is missing."""

    pause: str
    vendor: str
    method: str
    path: str
    done: bool


@dataclass(slots=True)
class Hold:
    """What is held back, by the name of the pause its fault gives it."""

    _waiting: list[tuple[Held, asyncio.Event]] = field(default_factory=list)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def wait(self, held: Held) -> None:
        """Return when it is let go, or when its caller is gone and the wait is cancelled."""
        with self._entered(held) as go:
            await go.wait()

    def release(self, pause: str | None = None) -> int:
        """Let those of a pause go, or all; how many there were."""
        found = [go for held, go in self._waiting if pause in {None, held.pause}]
        for go in found:
            go.set()
        return len(found)

    def held(self, pause: str | None = None) -> list[dict[str, Any]]:
        """Those of a pause, or all."""
        return [asdict(held) for held, go in self._waiting if pause in {None, held.pause} and not go.is_set()]

    async def until(self, count: int, pause: str | None = None, *, deadline_s: float = 10.0) -> list[dict[str, Any]]:
        """As soon as so many are held; at the deadline as many as there are."""
        try:
            async with asyncio.timeout(deadline_s):
                while len(self.held(pause)) < count:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            pass
        return self.held(pause)

    @contextmanager
    def _entered(self, held: Held) -> Iterator[asyncio.Event]:
        entry = (held, asyncio.Event())
        self._waiting.append(entry)
        self._changed.set()
        try:
            yield entry[1]
        finally:
            self._waiting.remove(entry)
