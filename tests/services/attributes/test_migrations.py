"""From every older revision to the newest, on both databases, with what was kept."""

from collections.abc import Iterator

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import inspect, text

from headrace.consumer.database import Database, open_database
from services.attributes.definition_table import load_definitions, put_definition, revision_of
from services.attributes.definitions import Definition
from services.attributes.queries import customers_with
from services.attributes.tables import METADATA, migrate_store

VERSION_TABLE = "headrace_attributes_version"


@pytest.fixture
def opened(database_url: str) -> Iterator[Database]:
    found = open_database(database_url)
    yield found
    found.engine.dispose()


def go_to(database: Database, revision: str, *, down: bool = False) -> None:
    config = Config()
    config.set_main_option("script_location", "services.attributes:migrations")
    config.set_main_option("path_separator", "os")
    with database.engine.begin() as connection:
        config.attributes.update(connection=connection, version_table=VERSION_TABLE)
        (command.downgrade if down else command.upgrade)(config, revision)


def test_migrate__from_the_first_revision__keeps_the_values(opened: Database) -> None:
    go_to(opened, "0001")
    with opened.engine.begin() as connection:
        insert = "INSERT INTO attribute_values VALUES ('s:1', 'a', 'x', 'set', '2026-01-01T00:00:00Z', '[1,1,0]')"
        connection.execute(text(insert))
    migrate_store(opened)
    with opened.engine.begin() as connection:
        assert customers_with(connection, "a", store="s", value="x", after="", limit=9) == ["s:1"]
        assert (load_definitions(connection, "s"), revision_of(connection)) == ({}, 0)
        put_definition(connection, "s", Definition("a", ("x",), "metafield"))
    go_to(opened, "0001", down=True)
    with opened.engine.begin() as connection:
        assert customers_with(connection, "a", store="s", value="x", after="", limit=9) == ["s:1"]
    migrate_store(opened)


def test_migrate__newest__is_what_the_tables_say(opened: Database) -> None:
    migrate_store(opened)
    found = inspect(opened.engine)
    assert {*found.get_table_names()} == {*METADATA.tables, VERSION_TABLE}
    for name, table in METADATA.tables.items():
        columns = {column["name"]: column["nullable"] for column in found.get_columns(name)}
        assert columns == {column.name: column.nullable for column in table.columns}
        key = found.get_pk_constraint(name)["constrained_columns"]
        assert key == [column.name for column in table.primary_key.columns]
        assert {index["name"] for index in found.get_indexes(name)} == {index.name for index in table.indexes}
