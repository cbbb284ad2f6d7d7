"""The applied ledger: what each customer holds at a vendor as far as we did it, and what we were about to do.

Beside it the wanted values, for what arrives before it can be done. SQLAlchemy Core on SQLite and PostgreSQL; each
function is one part of the caller's transaction.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import msgspec
from sqlalchemy import Column, Connection, Double, MetaData, RowMapping, Table, Text, delete, select, text
from sqlalchemy.dialects import postgresql, sqlite

from headrace.consumer.database import Database, migrate
from headrace.consumer.kind import Applied, Json
from headrace.contracts.actions import Version

METADATA: Final = MetaData()
APPLIED_TABLE: Final = Table(
    "headrace_applied",
    METADATA,
    Column("kind", Text, primary_key=True),
    Column("customer", Text, primary_key=True),
    Column("version", Text),
    Column("value", Text),
    Column("intent_version", Text),
    Column("intent", Text),
    Column("intent_worker", Text),
    Column("intent_until", Double),
)
WANTED_TABLE: Final = Table(
    "headrace_wanted",
    METADATA,
    Column("kind", Text, primary_key=True),
    Column("customer", Text, primary_key=True),
    Column("version", Text, nullable=False),
    Column("value", Text, nullable=False),
)
_SLICE: Final = 400
"""Customers named in one query: SQLite's older builds take 999 parameters."""
_VERSION: Final = msgspec.json.Decoder(Version)


def migrate_ledger(database: Database) -> None:
    """Creates or upgrades the tables."""
    migrate(database, scripts="headrace.consumer:migrations", version_table="headrace_consumer_version")


def load_applied(connection: Connection, kind: str, customers: Sequence[str]) -> dict[str, Applied]:
    """The rows of these customers; one without a row is missing."""
    rows = _rows(connection, APPLIED_TABLE, kind, customers)
    return {
        row["customer"]: Applied(
            version=_version(row["version"]),
            value=_decode(row["value"]),
            intent=_decode(row["intent"]),
            intent_version=_version(row["intent_version"]),
            worker=row["intent_worker"],
            until=row["intent_until"],
        )
        for row in rows
    }


def database_time(connection: Connection) -> float:
    """Seconds since 1970 on the database's clock: the one that all workers share."""
    postgresql_now, sqlite_now = "extract(epoch FROM clock_timestamp())", "(julianday('now') - 2440587.5) * 86400.0"
    query = postgresql_now if connection.dialect.name == "postgresql" else sqlite_now
    return float(connection.execute(text(f"SELECT {query}")).scalar_one())  # one of two constants


def begin_intents(
    connection: Connection, kind: str, begun: Mapping[str, Applied], *, worker: str, deadline_s: float
) -> dict[str, Applied]:
    """`advance_applied` of rows with an intent of this worker, whose call is over in `deadline_s` from now."""
    until = database_time(connection) + deadline_s
    rows = {customer: replace(row, worker=worker, until=until) for customer, row in begun.items()}
    return advance_applied(connection, kind, rows)


def advance_applied(connection: Connection, kind: str, applied: Mapping[str, Applied]) -> dict[str, Applied]:
    """Like `store_applied`, but never over a newer row, which another process wrote: gives those back, left as found.

    Such a row means that we were taken for dead: our partition has another owner.
    """
    customers = sorted(applied)
    if connection.dialect.name == "postgresql":
        _lock(connection, kind, customers)
    found = load_applied(connection, kind, customers)
    newer = {customer: row for customer, row in found.items() if _is_newer(row, applied[customer])}
    store_applied(connection, kind, {c: row for c, row in applied.items() if c not in newer})
    return newer


def store_applied(connection: Connection, kind: str, applied: Mapping[str, Applied]) -> None:
    """Writes whole rows: with an intent before a call, without one after it."""
    upsert(
        connection,
        APPLIED_TABLE,
        [
            {
                "kind": kind,
                "customer": customer,
                "version": _encode(row.version),
                "value": _encode(row.value),
                "intent_version": _encode(row.intent_version),
                "intent": _encode(row.intent),
                "intent_worker": row.worker,
                "intent_until": row.until,
            }
            for customer, row in applied.items()
        ],
    )


def load_wanted(connection: Connection, kind: str, customers: Sequence[str]) -> dict[str, tuple[Version, Json]]:
    """What is wanted of these customers, with its version."""
    rows = _rows(connection, WANTED_TABLE, kind, customers)
    return {row["customer"]: (_VERSION.decode(row["version"]), msgspec.json.decode(row["value"])) for row in rows}


def store_wanted(connection: Connection, kind: str, wanted: Mapping[str, tuple[Version, Json]]) -> None:
    """Replaces what is wanted; the caller has compared the versions."""
    store_all_wanted(connection, {(kind, customer): row for customer, row in wanted.items()})


def store_all_wanted(connection: Connection, wanted: Mapping[tuple[str, str], tuple[Version, Json]]) -> None:
    """`store_wanted` of several kinds at once, by kind and customer."""
    upsert(
        connection,
        WANTED_TABLE,
        [
            {"kind": kind, "customer": customer, "version": _encode(version), "value": _encode(value)}
            for (kind, customer), (version, value) in wanted.items()
        ],
    )


def load_groups(connection: Connection, kinds: Sequence[str]) -> dict[str, dict[str, Json]]:
    """All that is wanted under these kinds: kind -> customer -> value. Of kinds with few rows only."""
    found: dict[str, dict[str, Json]] = {}
    for start in range(0, len(kinds), _SLICE):
        query = select(WANTED_TABLE).where(WANTED_TABLE.c.kind.in_(kinds[start : start + _SLICE]))
        for row in connection.execute(query).mappings():
            found.setdefault(row["kind"], {})[row["customer"]] = msgspec.json.decode(row["value"])
    return found


def forget_wanted(connection: Connection, kind: str, customer: str) -> None:
    """Nothing is wanted of this customer under this kind any more."""
    table = WANTED_TABLE
    connection.execute(delete(table).where(table.c.kind == kind, table.c.customer == customer))


def upsert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Inserts rows or replaces those with the same primary key, on both databases."""
    if not rows:
        return
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = insert(table)
    key = [column.name for column in table.primary_key]
    rest = {column.name: statement.excluded[column.name] for column in table.columns if column.name not in key}
    resolved = (
        statement.on_conflict_do_update(index_elements=key, set_=rest)
        if rest
        else statement.on_conflict_do_nothing(index_elements=key)
    )
    connection.execute(resolved, list(rows))


def _rows(connection: Connection, table: Table, kind: str, customers: Sequence[str]) -> Iterable[RowMapping]:
    for start in range(0, len(customers), _SLICE):
        part = customers[start : start + _SLICE]
        query = select(table).where(table.c.kind == kind, table.c.customer.in_(part))
        yield from connection.execute(query).mappings()


def _lock(connection: Connection, kind: str, customers: Sequence[str]) -> None:
    for start in range(0, len(customers), _SLICE):
        part = customers[start : start + _SLICE]
        table = APPLIED_TABLE
        query = select(table.c.customer).where(table.c.kind == kind, table.c.customer.in_(part))
        connection.execute(query.order_by(table.c.customer).with_for_update())


def _is_newer(found: Applied, ours: Applied) -> bool:
    """Also when what we are about to begin was settled by somebody else meanwhile."""
    if found.newest is None or ours.newest is None or found.newest != ours.newest:
        return found.newest is not None and (ours.newest is None or found.newest > ours.newest)
    return ours.intent is not None and found.intent is None and found.version != ours.version


def _encode(value: Any) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()


def _decode(text: str | None) -> Json:
    return None if text is None else msgspec.json.decode(text)


def _version(text: str | None) -> Version | None:
    return None if text is None else _VERSION.decode(text)
