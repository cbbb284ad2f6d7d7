"""Several calls at a time, all of which end before anything is said of them."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from headrace.consumer import PauseConsumer, TryAgain

T = TypeVar("T")


async def all_of(work: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """What each gives, in order. When some fail, one error for all of them, and only after the last has ended.

    So no call is left under way that could come after a later one. What is neither TryAgain nor PauseConsumer is
    raised first, then PauseConsumer; a TryAgain waits for the longest, and doubts as soon as one may have been done.
    """
    found = await asyncio.gather(*work, return_exceptions=True)
    errors = [each for each in found if isinstance(each, BaseException)]
    if not errors:
        return [each for each in found if not isinstance(each, BaseException)]
    again = [error for error in errors if isinstance(error, TryAgain)]
    for error in sorted(errors, key=lambda error: isinstance(error, PauseConsumer)):
        if not isinstance(error, TryAgain):
            raise error
    raise _one(again, all_failed=len(again) == len(found)) from again[0]


def _one(errors: Sequence[TryAgain], *, all_failed: bool) -> TryAgain:
    tried = [error for error in errors if error.tried]
    delays = [error.delay_s for error in errors if error.delay_s is not None]
    return TryAgain(
        (tried or errors)[0].reason,
        delay_s=max(delays, default=None),
        unknown=not all_failed or any(error.unknown for error in errors),
        lingers=any(error.lingers for error in errors),
        tried=bool(tried),
    )
