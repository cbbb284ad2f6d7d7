"""The applied ledger and the wanted values, on SQLite and PostgreSQL."""

import time
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import inspect, text
from sqlalchemy.exc import OperationalError

from headrace.consumer.bootstrap import mark_begun, never_begun, note_newest
from headrace.consumer.database import Database, open_database
from headrace.consumer.kind import Applied
from headrace.consumer.ledger import (
    METADATA,
    advance_applied,
    begin_intents,
    database_time,
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


async def test_begin__an_intent__says_whose_it_is_and_until_when(database: Database) -> None:
    began = await database.read(database_time)
    assert abs(began - time.time()) < 5
    row = Applied((1, 1, 0), "", "Gold", (1, 2, 0))
    await database.write(lambda c: begin_intents(c, "group", {"s:1": row}, worker="w", deadline_s=20))
    found = (await database.read(lambda c: load_applied(c, "group", ["s:1"])))["s:1"]
    assert replace(found, worker=None, until=None) == row
    assert found.worker == "w"
    assert found.until is not None
    assert began + 20 <= found.until < began + 25


async def test_begin__what_another_settled_meanwhile__is_given_back(database: Database) -> None:
    """Who knows of that settlement may do it again: the store holds something else by now."""
    done = Applied((1, 2, 0), "Gold")
    await database.write(lambda c: store_applied(c, "group", {"s:1": done, "s:2": done}))
    late, again = Applied((1, 1, 0), "", "Gold", (1, 2, 0)), Applied((1, 2, 0), "Gold", "Gold", (1, 2, 0))
    rows = {"s:1": late, "s:2": again}
    assert await database.write(lambda c: begin_intents(c, "group", rows, worker="w", deadline_s=1)) == {"s:1": done}


async def test_note_newest__older_versions_are_stale_and_what_is_known_stays(database: Database) -> None:
    known, newer = Applied((1, 1, 0), "Silver"), Applied((1, 9, 0), "Gold")
    await database.write(lambda c: store_applied(c, "group", {"s:1": known, "s:2": newer}))
    versions = {f"s:{number}": (1, 5, 0) for number in (1, 2, 3)}
    await database.write(lambda c: note_newest(c, "group", versions))
    found = await database.read(lambda c: load_applied(c, "group", list(versions)))
    assert found == {
        "s:1": replace(known, intent_version=(1, 5, 0)),
        "s:2": newer,
        "s:3": Applied(intent_version=(1, 5, 0)),
    }
    assert [found[customer].newest for customer in versions] == [(1, 5, 0), (1, 9, 0), (1, 5, 0)]


async def test_begun__partitions__are_noted_one_by_one(database: Database) -> None:
    places = [("t", 0), ("t", 1)]
    await database.write(lambda c: mark_begun(c, "group", places[:1]))
    await database.write(lambda c: mark_begun(c, "group", places[:1]))
    assert await database.read(lambda c: never_begun(c, "group", places)) == [("t", 1)]
    assert await database.read(lambda c: never_begun(c, "other", places)) == places


async def test_migrations__database_of_before__counts_as_filled(database_url: str) -> None:
    opened = open_database(database_url)
    upgrade_to(opened, "0002")
    with opened.engine.begin() as connection:
        connection.execute(text("INSERT INTO headrace_applied (kind, customer) VALUES ('group', 's:1')"))
    migrate_ledger(opened)
    assert await opened.read(lambda c: never_begun(c, "group", [("t", 0)])) == []
    assert await opened.read(lambda c: never_begun(c, "attributes", [("t", 0)])) == [("t", 0)]
    await opened.close()


def upgrade_to(database: Database, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", "headrace.consumer:migrations")
    config.set_main_option("path_separator", "os")
    with database.engine.begin() as connection:
        config.attributes |= {"connection": connection, "version_table": "headrace_consumer_version"}
        command.upgrade(config, revision)


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
