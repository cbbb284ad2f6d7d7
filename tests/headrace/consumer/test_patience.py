"""Waiting ends when the process is asked to stop."""

import asyncio

import pytest

from headrace.consumer.patience import Stopping, unless_stopping
from headrace.runtime.process import Running


async def test_unless_stopping__asked_to_stop__the_act_is_cancelled() -> None:
    running, cancelled = Running(), list[bool]()

    async def forever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.append(True)

    asyncio.get_running_loop().call_later(0.01, running.stopping.set)
    with pytest.raises(Stopping):
        await unless_stopping(forever, running)
    assert cancelled == [True]


async def test_unless_stopping__ends_or_fails__as_the_act_does() -> None:
    async def three() -> int:
        return 3

    async def fail() -> int:
        raise ValueError("broken")

    assert await unless_stopping(three, Running()) == 3
    with pytest.raises(ValueError, match="broken"):
        await unless_stopping(fail, Running())
