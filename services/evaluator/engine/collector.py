"""When Python's cyclic collector looks for garbage: after an epoch was closed, when little is left to look at.

By itself it looks in the middle of an epoch, again and again at every state that is decoded just then. What it would
free there is next to nothing: states and events are trees.
"""

import gc
from typing import Final

_YOUNG: Final = 1_000_000
"""So many new containers, and it looks all the same: an epoch may be long."""
_OLD_EVERY: Final = 1_000
"""Epochs. A worker that folds little closes one every 50 ms."""


def begin() -> None:
    """Once in a process, when its modules are loaded: what is there now is never looked at again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, 20, 100)


class Collector:
    """One per engine."""

    def __init__(self) -> None:
        self._closed = 0

    def epoch_closed(self) -> None:
        """Looks at what is young, and now and then at all."""
        self._closed += 1
        gc.collect(2 if self._closed % _OLD_EVERY == 0 else 0)
