"""Rows in bulk: COPY on PostgreSQL for many, `executemany` on SQLite and for few. Parts of the caller's transaction."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import psycopg
from psycopg import sql
from sqlalchemy import ARRAY, Connection, Row, Table, Text, any_, bindparam, delete, select, tuple_
from sqlalchemy.exc import DBAPIError

from headrace.consumer.ledger import upsert

COPY_FROM: Final = 200
"""So many rows are worth a temporary table; fewer are quicker by statement."""
_SLICE: Final = 300
"""Keys named in one statement: SQLite's older builds take 999 parameters."""


def replace_rows(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Inserts rows or replaces those of the same primary key, which is in `rows` once. Raises DBAPIError."""
    if connection.dialect.name != "postgresql" or len(rows) < COPY_FROM:
        upsert(connection, table, rows)
        return
    try:
        _copy(connection, table, rows)
    except psycopg.Error as error:  # as SQLAlchemy would raise it: who waits for the database knows its errors
        raise DBAPIError.instance(
            "COPY", None, error, psycopg.Error, hide_parameters=True, dialect=connection.dialect
        ) from error


def rows_of(connection: Connection, table: Table, customers: Sequence[str]) -> Iterator[Row[Any]]:
    """All rows of these customers."""
    if connection.dialect.name == "postgresql":
        # One parameter, not hundreds: the statement is the same for every batch.
        chosen = table.c.customer == any_(bindparam("customers", list(customers), type_=ARRAY(Text)))
        yield from connection.execute(select(table).where(chosen))
        return
    for start in range(0, len(customers), _SLICE):
        part = customers[start : start + _SLICE]
        yield from connection.execute(select(table).where(table.c.customer.in_(part)))


def delete_rows(connection: Connection, table: Table, keys: Sequence[tuple[Any, ...]]) -> None:
    """Deletes by primary key."""
    columns = tuple_(*table.primary_key.columns)
    for start in range(0, len(keys), _SLICE):
        connection.execute(delete(table).where(columns.in_(keys[start : start + _SLICE])))


def _copy(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Into a table of this transaction's own first: COPY alone knows no ON CONFLICT."""
    names = [column.name for column in table.columns]
    keys = [column.name for column in table.primary_key.columns]
    target, fresh = sql.Identifier(table.name), sql.Identifier(f"new_{table.name}")
    columns = sql.SQL(", ").join(map(sql.Identifier, names))
    rest = sql.SQL(", ").join(
        sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name)) for name in names if name not in keys
    )
    driver = connection.connection.driver_connection
    assert driver is not None
    with driver.cursor() as cursor:
        made = sql.SQL("CREATE TEMPORARY TABLE IF NOT EXISTS {} (LIKE {}) ON COMMIT DELETE ROWS").format(fresh, target)
        cursor.execute(made)
        with cursor.copy(sql.SQL("COPY {} ({}) FROM STDIN").format(fresh, columns)) as copy:
            for row in rows:
                copy.write_row([row[name] for name in names])
        moved = sql.SQL("INSERT INTO {} ({}) SELECT {} FROM {} ON CONFLICT ({}) DO UPDATE SET {}").format(
            target, columns, columns, fresh, sql.SQL(", ").join(map(sql.Identifier, keys)), rest
        )
        cursor.execute(moved)
        cursor.execute(sql.SQL("DELETE FROM {}").format(fresh))
