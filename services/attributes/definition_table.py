"""Definitions as kept, and up to which of their changes the values were laid out. Parts of the caller's transaction.

Every change raises the revision; a partition whose records were laid out by an older one has to be read again. Of
several stores each has revisions and partitions of its own: its `scope`.
"""

from collections.abc import Collection

import msgspec
from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from headrace.consumer.ledger import upsert
from headrace.runtime.settings import ServiceSettings
from services.attributes.definitions import Definition, Definitions
from services.attributes.tables import DEFINITIONS, LAYOUTS

_REVISION = "definitions"


def scope_of(settings: ServiceSettings) -> str:
    """Which revisions are a store's; "" in a process for one store, as ever."""
    return f"{settings.store}/" if settings.among else ""


def load_definitions(connection: Connection, store: str) -> Definitions:
    """All of a store."""
    rows = connection.execute(select(DEFINITIONS).where(DEFINITIONS.c.store == store))
    return {
        row.name: Definition(
            row.name, None if row.allowed is None else tuple(msgspec.json.decode(row.allowed)), row.mirror
        )
        for row in rows
    }


def put_definition(connection: Connection, store: str, definition: Definition, scope: str = "") -> None:
    """Makes or replaces it; the same again changes nothing."""
    if load_definitions(connection, store).get(definition.name) == definition:
        return
    allowed = None if definition.allowed is None else msgspec.json.encode(definition.allowed).decode()
    row = {"store": store, "name": definition.name, "allowed": allowed, "mirror": definition.mirror}
    upsert(connection, DEFINITIONS, [row])
    _raise_revision(connection, scope)


def delete_definition(connection: Connection, store: str, name: str, scope: str = "") -> bool:
    """Back to the default. False when there was none."""
    chosen = (DEFINITIONS.c.store == store, DEFINITIONS.c.name == name)
    deleted = connection.execute(delete(DEFINITIONS).where(*chosen)).rowcount > 0
    if deleted:
        _raise_revision(connection, scope)
    return deleted


def revision_of(connection: Connection, scope: str = "") -> int:
    """Of the newest change to any definition; 0 when there never was one."""
    return _revisions(connection, [scope + _REVISION]).get(scope + _REVISION, 0)


def outdated(connection: Connection, partitions: Collection[int], scope: str = "") -> frozenset[int]:
    """Those of these partitions whose records were laid out by older definitions."""
    newest = revision_of(connection, scope)
    known = _revisions(connection, [f"{scope}{partition}" for partition in partitions])
    return frozenset(partition for partition in partitions if known.get(f"{scope}{partition}", 0) < newest)


def mark_laid_out(connection: Connection, partitions: Collection[int], revision: int, scope: str = "") -> None:
    """From now on these partitions' records are laid out by this revision, or will be once more."""
    upsert(connection, LAYOUTS, [{"part": f"{scope}{partition}", "revision": revision} for partition in partitions])


def _revisions(connection: Connection, parts: Collection[str]) -> dict[str, int]:
    rows = connection.execute(select(LAYOUTS).where(LAYOUTS.c.part.in_(parts)))
    return {row.part: row.revision for row in rows}


def _raise_revision(connection: Connection, scope: str) -> None:
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = insert(LAYOUTS).values(part=scope + _REVISION, revision=1)
    raised = {"revision": LAYOUTS.c.revision + 1}
    connection.execute(statement.on_conflict_do_update(index_elements=["part"], set_=raised))
