"""The database of the consumers: SQLite by default, PostgreSQL by address; opened, migrated, and asked in one thread.

What the tables hold stands beside their owners (`ledger`, the services' stores).
"""

import asyncio
import fcntl
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, TypeVar

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import DBAPIError

R = TypeVar("R")
_MIGRATION_LOCK = 0x48454144
"""Key of PostgreSQL's advisory lock: one process migrates, the others wait."""


_QUIET: Final[dict[str, Any]] = {"hide_parameters": True}
"""No values in the messages of errors: they may be personal."""


class AlreadyRunning(Exception):
    """Another process of this kind uses the SQLite file: with SQLite there is one replica of each consumer."""


class Database:
    """An engine and the one thread that uses it."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="database")

    async def write(self, act: Callable[[Connection], R]) -> R:
        """Runs `act` in one transaction. Raises `sqlalchemy.exc.DBAPIError`."""
        return await self._run(self.engine, act)

    async def read(self, act: Callable[[Connection], R]) -> R:
        """Like `write`, without taking SQLite's write lock."""
        return await self._run(self.engine.execution_options(reading=True), act)

    async def _run(self, engine: Engine, act: Callable[[Connection], R]) -> R:
        def in_transaction() -> R:
            with engine.begin() as connection:
                return act(connection)

        return await asyncio.get_running_loop().run_in_executor(self._thread, in_transaction)

    async def works(self) -> bool:
        """True when a trivial question is answered."""
        try:
            await self.read(lambda connection: connection.execute(text("SELECT 1")).scalar_one())
        except DBAPIError:
            return False
        return True

    async def close(self) -> None:
        """Waits for the thread, closes every connection."""
        await asyncio.to_thread(self._thread.shutdown)
        self.engine.dispose()


def open_database(url: str) -> Database:
    """Opens `sqlite:///file` or `postgresql://...`; makes the folder of a SQLite file. Raises ValueError for others."""
    parsed = make_url(url)
    backend = parsed.get_backend_name()
    if backend == "postgresql":
        return Database(
            create_engine(parsed.set(drivername="postgresql+psycopg"), pool_pre_ping=True, pool_size=2, **_QUIET)
        )
    if backend != "sqlite":
        raise ValueError(f"the database must be SQLite or PostgreSQL, not {backend}")
    if parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(parsed, connect_args={"timeout": 30}, **_QUIET)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return Database(engine)


def _prepare_sqlite(connection: Any, _: Any) -> None:
    # The driver's own transactions begin too late (no DDL, no reads): ours are begun by `_begin_sqlite`.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "busy_timeout=30000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    reading = connection.get_execution_options().get("reading", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def migrate(database: Database, *, scripts: str, version_table: str) -> None:
    """Brings the tables to the newest revision, under a lock. `scripts` is `package:folder` of Alembic scripts."""
    config = Config()
    config.set_main_option("script_location", scripts)
    config.set_main_option("path_separator", "os")
    with database.engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
        config.attributes["connection"] = connection
        config.attributes["version_table"] = version_table
        command.upgrade(config, "head")


class SingleReplica:
    """Holds a lock file next to a SQLite database for as long as the process lives; with PostgreSQL it does nothing."""

    def __init__(self, database: Database, name: str) -> None:
        """Raises AlreadyRunning when another process holds it."""
        self._file: int | None = None
        url = database.engine.url
        if url.get_backend_name() == "sqlite" and url.database:
            self._file = _lock(Path(f"{url.database}.{name}.lock"), name)

    def release(self) -> None:
        """Lets the next one in."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _lock(path: Path, name: str) -> int:
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(file)
        raise AlreadyRunning(
            f"another process runs {name} on this SQLite file; more replicas need PostgreSQL"
        ) from error
    return file
