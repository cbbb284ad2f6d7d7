"""For several workers measured at once: a gate they wait at before their first event, and how far each has committed.

The gate is a file; who opens it is `scale.py`'s.
"""

import asyncio
from pathlib import Path
from typing import Final

from benchmarks.engine.marks import Marks
from headrace.runtime.metrics import counter

LOOK_EVERY_S: Final = 0.001
_COMMITTED: Final = "headrace_evaluator_events_total"


class Gate:
    """`shut` until the file is there; no path: open from the start."""

    def __init__(self, path: str, marks: Marks) -> None:
        self.shut = bool(path)
        self._path = Path(path)
        self._marks = marks

    async def until_open(self) -> None:
        """Says "ready" and waits."""
        self._marks.say("ready")
        while not self._path.exists():
            await asyncio.sleep(LOOK_EVERY_S)
        self.shut = False


def committed() -> int:
    """How many events this worker has committed."""
    return int(counter(_COMMITTED)._value.get())


async def tell_commits(marks: Marks) -> None:
    """For ever: nobody knows the last event, so each worker says how far it is."""
    told = 0
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        if (now := committed()) > told:
            marks.say("committed", now)
            told = now
