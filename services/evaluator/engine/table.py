"""Faust's view of our state: a table whose store holds nothing, and a recovery that hands over to the engine.

The state itself is in `state.py`; Faust keeps the changelog co-partitioned with the source, and says when to restore.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import faust
from faust.stores.memory import Store as MemoryStore
from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery
from faust.types import TP, EventT

from services.evaluator.engine import cures


class NoStore(MemoryStore[Any, Any]):
    """Holds nothing; every start is a restore by the engine."""

    def persisted_offset(self, tp: TP) -> int | None:
        """-1: nothing is persisted. None would break Faust's comparison of offsets."""
        return -1

    def apply_changelog_batch(self, batch: Iterable[EventT[Any]], to_key: Any, to_value: Any) -> None:
        """Raises: Faust's own recovery must never feed the state."""
        raise RuntimeError("state is restored in bulk by the engine only")


class StateTable(faust.Table[Any, Any]):
    """The table that Faust knows of; its changelog is `<app id>-<name>-changelog`."""

    def _new_store(self) -> Any:
        return NoStore("memory://", self.app, self, table_name=self.name)


def manager_for(restore: Callable[[], Awaitable[None]]) -> type[TableManager]:
    """Faust's table manager, whose recovery awaits `restore` instead of reading the changelog itself."""

    class _Recovery(Recovery):
        async def _build_highwaters(self, consumer: Any, tps: set[TP], destination: Any, title: str) -> None:
            _set(destination, tps)

        async def _build_offsets(self, consumer: Any, tps: set[TP], destination: Any, title: str) -> None:
            if title == "active":
                await restore()
            _set(destination, tps)

        async def _seek_offsets(self, consumer: Any, tps: set[TP], offsets: Any, title: str) -> None:
            """Nothing: Faust reads no changelog."""

        async def _wait(self, coro: Any, timeout: Any = None) -> None:
            # Without the time-out: Faust takes one for the end of its recovery, and would never restore again.
            await super()._wait(coro, timeout if cures.off("restore_wait") else None)

    class _Manager(TableManager):
        async def on_start(self) -> None:
            # Without the second that Faust gives tables to be declared: ours is there.
            await self._update_channels()
            await self.recovery.start()

        @property
        def recovery(self) -> Recovery:
            if self._recovery is None:
                self._recovery = _Recovery(self.app, self, beacon=self.beacon, loop=self.loop)
            return self._recovery

    return _Manager


def _set(destination: dict[TP, int], tps: set[TP]) -> None:
    destination.clear()
    for tp in tps:  # `update` of Faust's Counter would add
        destination[tp] = -1
