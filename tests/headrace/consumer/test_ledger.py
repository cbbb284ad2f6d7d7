"""The applied ledger and the wanted values, on SQLite and PostgreSQL."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import inspect
from sqlalchemy.exc import OperationalError

from headrace.consumer.database import Database, open_database
from headrace.consumer.kind import Applied
from headrace.consumer.ledger import (
    METADATA,
    advance_applied,
    load_applied,
    load_wanted,
    migrate_ledger,
    store_applied,
    store_wanted,
)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = open_database(database_url)
    migrate_ledger(opened)
    yield opened
    await opened.close()


async def test_ledger__rows__are_replaced_whole(database: Database) -> None:
    begun = Applied((1, 2, 0), "Silver", "Gold", (1, 5, 1))
    await database.write(lambda c: store_applied(c, "group", {"s:1": begun, "s:2": Applied((1, 1, 0), "")}))
    assert await database.read(lambda c: load_applied(c, "group", ["s:1", "s:2", "s:3"])) == {
        "s:1": begun,
        "s:2": Applied((1, 1, 0), ""),
    }
    await database.write(lambda c: store_applied(c, "group", {"s:1": Applied((1, 5, 1), "Gold")}))
    assert await database.read(lambda c: load_applied(c, "group", ["s:1"])) == {"s:1": Applied((1, 5, 1), "Gold")}
    assert await database.read(lambda c: load_applied(c, "attributes", ["s:1"])) == {}


async def test_ledger__thousands__are_loaded_in_slices(database: Database) -> None:
    rows = {f"s:{number}": Applied((1, number, 0), {"tags": ["é;"]}) for number in range(1500)}
    await database.write(lambda c: store_applied(c, "group", rows))
    assert await database.read(lambda c: load_applied(c, "group", list(rows))) == rows


async def test_advance__a_newer_row__stays_and_is_given_back(database: Database) -> None:
    newer, begun = Applied((1, 7, 0), "Gold"), Applied((1, 1, 0), "", "Gold", (1, 8, 0))
    await database.write(lambda c: store_applied(c, "group", {"s:1": newer, "s:2": begun}))
    ours = {"s:1": Applied((1, 6, 0), "Silver"), "s:2": Applied((1, 8, 0), "Gold"), "s:3": Applied((1, 1, 0), "")}
    assert await database.write(lambda c: advance_applied(c, "group", ours)) == {"s:1": newer}
    found = await database.read(lambda c: load_applied(c, "group", ["s:1", "s:2", "s:3"]))
    assert found == {**ours, "s:1": newer}


async def test_ledger__failed_transaction__leaves_nothing(database: Database) -> None:
    def fail(connection: object) -> None:
        store_wanted(connection, "contact", {"s:1": ((1, 1, 0), {"email": "a"})})  # type: ignore[arg-type]
        raise OperationalError("x", {}, Exception())

    with pytest.raises(OperationalError):
        await database.write(fail)
    assert await database.read(lambda c: load_wanted(c, "contact", ["s:1"])) == {}


async def test_wanted__newer__replaces(database: Database) -> None:
    for version in (1, 2):
        await database.write(lambda c, v=version: store_wanted(c, "contact", {"s:1": ((1, v, 0), {"n": v})}))  # type: ignore[misc]
    assert await database.read(lambda c: load_wanted(c, "contact", ["s:1"])) == {"s:1": ((1, 2, 0), {"n": 2})}


async def test_migrations__twice__make_what_the_tables_declare(database: Database) -> None:
    migrate_ledger(database)
    found = inspect(database.engine)
    for table in METADATA.tables.values():
        columns = {column["name"]: column for column in found.get_columns(table.name)}
        assert {*columns} == {column.name for column in table.columns}
        assert found.get_pk_constraint(table.name)["constrained_columns"] == [c.name for c in table.primary_key]
