"""Until when the work at hand may send anything that changes something elsewhere, and how often it did.

Whoever took the work on sets it; clients ask before each call. Past it another process may have taken the work over.
"""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final


@dataclass(slots=True)
class Sending:
    """`until`: a moment of `time.monotonic()`; `writes`: calls sent so far that may have changed something."""

    until: float
    writes: int = 0


_SENDING: Final[ContextVar[Sending | None]] = ContextVar("sending", default=None)


@contextmanager
def sending_until(moment: float) -> Iterator[Sending]:
    """What is awaited inside may send until this moment of `time.monotonic()`."""
    sending = Sending(moment)
    token = _SENDING.set(sending)
    try:
        yield sending
    finally:
        _SENDING.reset(token)


def time_to_send() -> float:
    """Seconds left, negative when it is past; infinite where nobody set a limit."""
    sending = _SENDING.get()
    return math.inf if sending is None else sending.until - time.monotonic()


def write_sent() -> None:
    """A call goes out that may change something."""
    if (sending := _SENDING.get()) is not None:
        sending.writes += 1
