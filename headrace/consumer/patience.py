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
from headrace.runtime.health import Health
from headrace.runtime.logs import log

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


async def insist(
    act: Callable[[], Awaitable[R]], *, reason: str, health: Health, worth_it: Callable[[Exception], bool]
) -> R:
    """Repeats `act` until it returns; errors that are not worth it are raised. `reason` blocks readiness meanwhile."""
    delay = _FIRST_DELAY_S
    while True:
        try:
            answer = await act()
        except Exception as error:
            if not worth_it(error):
                raise
            if delay == _FIRST_DELAY_S:
                log.warning("consumer.waiting", reason=reason, problem=type(error).__name__)
            health.block(reason)
            await asyncio.sleep(delay)
            delay = min(_MAX_DELAY_S, delay * 2)
        else:
            health.clear(reason)
            return answer


class Store:
    """The database as the loop uses it: it waits until it answers."""

    def __init__(self, database: Database, health: Health) -> None:
        self._database = database
        self._health = health

    async def write(self, act: Callable[[Connection], R]) -> R:
        """Runs one transaction, again and again if need be: `act` must bear repetition."""
        return await insist(
            lambda: self._database.write(act), reason="database", health=self._health, worth_it=database_is_away
        )
