"""The consumers' own database, as a person's verbs use it: one transaction, and errors that say where it was sought."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, TypeVar

from pydantic import SecretStr
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, OperationalError

from headrace.cli.output import EXIT_UNAVAILABLE, CliError
from headrace.consumer.database import open_database
from headrace.runtime.settings import KafkaSettings, load_settings, variable

MAX_REASON: Final = 500
R = TypeVar("R")


class BookSettings(KafkaSettings):
    """Where it is."""

    kafka_bootstrap_servers: str = ""
    database_url: SecretStr = SecretStr("sqlite:///headrace.db")


def in_book(act: Callable[[Connection], R]) -> R:
    """What `act` returns. Raises CliError."""
    url = load_settings(BookSettings).database_url.get_secret_value()
    hint = f"set {variable('database_url')} to that of the consumer"
    try:
        database = open_database(url)
    except (ValueError, OSError) as error:
        raise CliError("database_url", f"{variable('database_url')}: {error}") from error

    async def run() -> R:
        try:
            return await database.write(act)
        finally:
            await database.close()

    try:
        return asyncio.run(run())
    except OperationalError as error:
        message = "the database does not answer, or no consumer has used it yet"
        raise CliError("no_book", message, hint=hint, exit_code=EXIT_UNAVAILABLE) from error
    except DBAPIError as error:
        message = f"the database refused: {type(error.orig).__name__}"
        raise CliError("no_book", message, hint=hint, exit_code=EXIT_UNAVAILABLE) from error


def told_at(seconds: float) -> str:
    """A moment of the database's clock (seconds since 1970), as RFC 3339."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def why_of(reason: str) -> str:
    """A person's reason, on one line. Raises CliError."""
    why = " ".join(reason.split())
    if not why or len(why) > MAX_REASON:
        raise CliError("usage", f"--reason has 1 to {MAX_REASON} characters", hint="say why, for whoever asks later")
    return why
