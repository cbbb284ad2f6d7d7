"""Until when the work at hand may send anything that changes something elsewhere.

Whoever took the work on sets it; clients ask before each call. Past it another process may have taken the work over.
"""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

_UNTIL: Final[ContextVar[float]] = ContextVar("sending_until", default=math.inf)


@contextmanager
def sending_until(moment: float) -> Iterator[None]:
    """What is awaited inside may send until this moment of `time.monotonic()`."""
    token = _UNTIL.set(moment)
    try:
        yield
    finally:
        _UNTIL.reset(token)


def time_to_send() -> float:
    """Seconds left, negative when it is past; infinite where nobody set a limit."""
    return _UNTIL.get() - time.monotonic()
