"""The applied ledger in bulk, for a desired state that is filled in one go: rows that nobody has begun anything on."""

from collections.abc import Sequence
from functools import cache
from itertools import chain
from typing import Final

import msgspec
from sqlalchemy import Connection, select

from headrace.consumer.kind import Json
from headrace.consumer.ledger import APPLIED_TABLE, load_applied
from headrace.contracts.actions import Desired, Version

Row = tuple[str, str, str]
"""Customer, version, value: the latter two as they stand in the ledger."""
_INSERT: Final = """
INSERT INTO headrace_applied (kind, customer, version, value) {rows}
ON CONFLICT (kind, customer) DO UPDATE SET version = excluded.version, value = excluded.value,
intent_version = NULL, intent = NULL, intent_worker = NULL, intent_until = NULL
"""
_POSTGRESQL: Final = _INSERT.format(rows="SELECT %s, * FROM unnest(%s::text[], %s::text[], %s::text[])")
_AT_ONCE: Final = 300
"""Rows of one statement: SQLite's older builds take 999 parameters."""
_encode: Final = msgspec.json.Encoder().encode


def row_of(desired: Desired, value: Json) -> Row:
    """What is kept once it was applied."""
    return desired.customer, _encode(desired.version).decode(), _encode(value).decode()


def has_rows(connection: Connection, kind: str) -> bool:
    """Whether anything of this kind was ever done or begun."""
    query = select(APPLIED_TABLE.c.customer).where(APPLIED_TABLE.c.kind == kind).limit(1)
    return connection.execute(query).first() is not None


def newest_of(connection: Connection, kind: str, customers: Sequence[str]) -> dict[str, Version]:
    """What is settled, by customer; what is only begun, or not known, is to be done again."""
    rows = load_applied(connection, kind, customers)
    return {
        customer: row.version
        for customer, row in rows.items()
        if row.version is not None and row.intent is None and row.value is not None
    }


def store_filled(connection: Connection, kind: str, rows: Sequence[Row]) -> None:
    """Settles these customers: version and value, nothing begun; of several rows of one the last counts."""
    if len({row[0] for row in rows}) < len(rows):
        rows = list({row[0]: row for row in rows}.values())
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(_POSTGRESQL, (kind, *(list(column) for column in zip(*rows, strict=True))))
        return
    for start in range(0, len(rows), _AT_ONCE):
        part = rows[start : start + _AT_ONCE]
        connection.exec_driver_sql(_sqlite(len(part)), (kind, *chain.from_iterable(part)))


@cache
def _sqlite(rows: int) -> str:
    """One long statement costs less than many short ones; the kind is its first parameter."""
    places = (f"(?1,?{3 * at + 2},?{3 * at + 3},?{3 * at + 4})" for at in range(rows))
    return _INSERT.format(rows=f"VALUES {','.join(places)}")
