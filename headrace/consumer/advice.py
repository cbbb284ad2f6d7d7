"""What an error of a client means to the loop, from the advice that the error itself carries in plain words.

Which error gives which advice is the client's knowledge (ours: `headrace.platforms.errors`), and nothing is imported
of it: any client's errors will do.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Protocol, runtime_checkable

from headrace.consumer.kind import PauseConsumer, TryAgain

_OVERLOADED_S: Final = 2.0
"""Wait when the vendor is overloaded and names no time."""


@runtime_checkable
class Advising(Protocol):
    """An error that says what to do `next`.

    `try_again`: nothing was done; after `retry_after_s`, if it is told. `look`: it may have been done all the same.
    `pause`: only a person can help. Anything else: what it means for the one customer, the kind knows.
    Two more may be there: `lingers` (with `look`: the vendor may still be at it), and `reason` (with `try_again`:
    nobody was asked at all, and why).
    """

    message: str
    next: str
    retry_after_s: float | None


@contextmanager
def as_advised() -> Iterator[None]:
    """Around calls of a client: raises TryAgain or PauseConsumer where the client's error advises it."""
    try:
        yield
    except Exception as error:
        if not isinstance(error, Advising):
            raise
        if error.next == "try_again":
            raise _try_again(error, getattr(error, "reason", None)) from error
        if error.next == "look":
            lingers = bool(getattr(error, "lingers", False))
            raise TryAgain(type(error).__name__, unknown=True, lingers=lingers) from error
        if error.next == "pause":
            raise PauseConsumer(error.message) from error
        raise


def _try_again(error: Advising, reason: str | None) -> TryAgain:
    if reason is None:
        return TryAgain("rate_limited", delay_s=error.retry_after_s or _OVERLOADED_S)
    return TryAgain(reason, delay_s=error.retry_after_s or 0.0, tried=False)
