"""Waiting for a platform to have done what it took in."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from headrace.consumer import TryAgain

_AGAIN_S: Final = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)

T = TypeVar("T")


class NotDoneInTime(TryAgain):
    """It does not show, and may yet be done."""

    def __init__(self, delay_s: float | None = None) -> None:
        super().__init__("not_done_in_time", delay_s=delay_s, unknown=True)


async def until(look: Callable[[], Awaitable[T | None]], *, within_s: float, delay_s: float | None = None) -> T:
    """What the look finds, looked for again and again; after `within_s` seconds `NotDoneInTime` with this delay."""
    clock = asyncio.get_running_loop().time
    end, turn = clock() + within_s, 0
    while (found := await look()) is None:
        if clock() > end:
            raise NotDoneInTime(delay_s)
        await asyncio.sleep(_AGAIN_S[min(turn, len(_AGAIN_S) - 1)])
        turn += 1
    return found
