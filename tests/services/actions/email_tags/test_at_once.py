"""Several calls at a time: one error for all, after the last has ended."""

import asyncio

import pytest

from headrace.consumer import PauseConsumer, TryAgain
from services.actions.email_tags.at_once import all_of


async def gives(value: int) -> int:
    await asyncio.sleep(0)
    return value


async def fails(error: Exception) -> int:
    raise error


async def test_all_of__none_fails__in_order() -> None:
    assert await all_of([gives(2), gives(1)]) == [2, 1]
    assert await all_of([]) == []


async def test_all_of__one_fails__the_others_have_ended() -> None:
    ended: list[int] = []

    async def slow() -> int:
        for _ in range(5):
            await asyncio.sleep(0)
        ended.append(1)
        return 1

    with pytest.raises(TryAgain) as caught:
        await all_of([fails(TryAgain("rate_limited", delay_s=2.0)), slow()])
    assert ended == [1]
    assert (caught.value.reason, caught.value.delay_s, caught.value.unknown) == ("rate_limited", 2.0, True)


async def test_all_of__all_fail_without_doubt__none_remains() -> None:
    with pytest.raises(TryAgain) as caught:
        await all_of([fails(TryAgain("quota", delay_s=9.0, tried=False)), fails(TryAgain("rate_limited", delay_s=2.0))])
    error = caught.value
    assert (error.reason, error.delay_s, error.unknown, error.tried) == ("rate_limited", 9.0, False, True)


async def test_all_of__several_kinds__ours_first_then_the_pause() -> None:
    again, pause = TryAgain("x", unknown=True, lingers=True), PauseConsumer("key")
    with pytest.raises(PauseConsumer):
        await all_of([fails(again), fails(pause), gives(1)])
    with pytest.raises(KeyError):
        await all_of([fails(pause), fails(KeyError("ours"))])
    with pytest.raises(TryAgain) as caught:
        await all_of([fails(again)])
    assert caught.value.lingers
