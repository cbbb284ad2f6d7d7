"""Waiting out a database or a broker that is away: the same act again until it succeeds, with readiness saying so.

Which acts may be repeated is the caller's promise; vendors are not waited for here.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from aiokafka.errors import (
    CoordinatorNotAvailableError,
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    NodeNotReadyError,
    NotCoordinatorError,
)
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from headrace.consumer.database import Database
from headrace.runtime.logs import log
from headrace.runtime.process import Running

R = TypeVar("R")
_AWAY: Final = (
    KafkaConnectionError,
    KafkaTimeoutError,
    NodeNotReadyError,
    CoordinatorNotAvailableError,
    NotCoordinatorError,
)
_FIRST_DELAY_S: Final = 0.1
_MAX_DELAY_S: Final = 5.0


def kafka_is_away(error: Exception) -> bool:
    """True when the same call can succeed later."""
    return isinstance(error, _AWAY) or (isinstance(error, KafkaError) and bool(error.retriable))


def database_is_away(error: Exception) -> bool:
    """True when the same transaction can succeed later (lost connection, lock, full disk)."""
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    return lost or isinstance(error, OperationalError | InterfaceError)


async def unless_stopping(act: Callable[[], Awaitable[R]], running: Running) -> R:
    """Runs `act`, but not beyond the process being asked to stop: it is cancelled then. Raises Stopping."""
    doing, stopping = asyncio.ensure_future(act()), asyncio.ensure_future(running.stopping.wait())
    try:
        await asyncio.wait({doing, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not doing.done():
            raise Stopping
        return doing.result()
    finally:
        stopping.cancel()
        doing.cancel()
        await asyncio.gather(doing, stopping, return_exceptions=True)


class Stopping(Exception):
    """The process was asked to stop while something was waited for."""


async def insist(
    act: Callable[[], Awaitable[R]], *, reason: str, running: Running, worth_it: Callable[[Exception], bool]
) -> R:
    """Repeats `act` until it returns; errors that are not worth it are raised. `reason` blocks readiness meanwhile.

    Raises Stopping when the process has to end first.
    """
    delay = _FIRST_DELAY_S
    while True:
        try:
            answer = await act()
        except Exception as error:
            if not worth_it(error):
                raise
            if delay == _FIRST_DELAY_S:
                log.warning("consumer.waiting", reason=reason, problem=type(error).__name__)
            running.health.block(reason)
            await _wait(running, delay)
            delay = min(_MAX_DELAY_S, delay * 2)
        else:
            running.health.clear(reason)
            return answer


async def _wait(running: Running, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await running.stopping.wait()
    except TimeoutError:
        return
    raise Stopping


class Store:
    """The database as the loop uses it: it waits until it answers."""

    def __init__(self, database: Database, running: Running) -> None:
        self._database = database
        self._running = running

    async def write(self, act: Callable[[Connection], R]) -> R:
        """Runs one transaction, again and again if need be: `act` must bear repetition."""
        return await insist(
            lambda: self._database.write(act), reason="database", running=self._running, worth_it=database_is_away
        )
