"""Keeps a table of every customer's group, in SQLite or PostgreSQL: for reports that ask nobody else."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from pydantic import SecretStr
from sqlalchemy import Column, Engine, MetaData, Table, Text, create_engine, delete, insert, make_url
from sqlalchemy.exc import OperationalError

from headrace.consumer import ConsumerSettings, DesiredGroup, DesiredState, TryAgain

METADATA = MetaData()
TABLE = Table(
    "customer_group",
    METADATA,
    Column("customer", Text, primary_key=True),
    Column("group_name", Text, nullable=False),
    Column("since_version", Text, nullable=False),
)


class Settings(ConsumerSettings):
    """HEADRACE_GROUPS_DATABASE_URL (or _FILE): `sqlite:///file` or `postgresql://...`."""

    groups_database_url: SecretStr = SecretStr("sqlite:///groups.db")


class GroupTable(DesiredState[Settings]):
    """One row a customer whose group is ours to say."""

    name = "group-table"
    about = "group"
    settings = Settings
    batch = 500
    engine: Engine

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        url = make_url(self.config.groups_database_url.get_secret_value())
        if url.drivername == "postgresql":
            url = url.set(drivername="postgresql+psycopg")
        self.engine = create_engine(url, hide_parameters=True)
        yield
        self.engine.dispose()

    async def apply(self, wanted: Sequence[DesiredGroup]) -> None:
        try:
            await asyncio.to_thread(self._write, wanted)
        except OperationalError as error:
            raise TryAgain("database") from error

    def _write(self, wanted: Sequence[DesiredGroup]) -> None:
        rows = [
            {"customer": one.customer, "group_name": one.value, "since_version": "/".join(map(str, one.version))}
            for one in wanted
            if one.value is not None  # not ours to say
        ]
        with self.engine.begin() as connection:
            METADATA.create_all(connection)
            connection.execute(delete(TABLE).where(TABLE.c.customer.in_([one.customer for one in wanted])))
            if rows:
                connection.execute(insert(TABLE), rows)
