"""A person's word on effects: what people are shown of the book, and what they decide, with its reason."""

from collections.abc import Iterable
from typing import Any, Final

from msgspec import structs
from sqlalchemy import Connection, insert, or_, select, update

from headrace.consumer.effects.rows import (
    ACTS,
    BOOK,
    NEVER,
    UNDECIDED,
    Entry,
    State,
    as_found,
    entry_of,
    is_entry,
    of_store,
)
from headrace.consumer.ledger import database_time
from headrace.contracts.effects import encode_effect

_RESENDS: Final = ("resend", "resend late")


def listed(
    connection: Connection,
    *,
    states: Iterable[State] = (),
    sender: str | None = None,
    store: str | None = None,
    customer: str | None = None,
    id: str | None = None,
    limit: int = 100,
) -> list[Entry]:
    """Rows for people, the newest last."""
    query = select(BOOK).order_by(BOOK.c.taken.desc(), BOOK.c.id).limit(limit)
    if chosen := sorted(states):
        query = query.where(BOOK.c.state.in_(chosen))
    for column, value in ((BOOK.c.sender, sender), (BOOK.c.customer, customer), (BOOK.c.id, id)):
        if value is not None:
            query = query.where(column == value)
    if store is not None:
        query = query.where(of_store(store))
    return [entry_of(row) for row in connection.execute(query).mappings()][::-1]


def send_again(connection: Connection, entry: Entry, *, reason: str, who: str, late: bool = False) -> bool:
    """A person wants it sent all the same. False: it is not undecided (any more), or its content is gone.

    The word is on what nobody else can know: consent, quiet hours and caps hold as before, and its age unless `late`.
    """
    content: dict[str, Any] = {}
    if late and entry.effect is not None:
        content = {"payload": encode_effect(structs.replace(entry.effect, expires_at=NEVER)).decode()}
    changed = connection.execute(
        update(BOOK)
        .where(*as_found(entry), BOOK.c.state.in_(sorted(UNDECIDED)), BOOK.c.payload.is_not(None))
        .values(
            state="waiting",
            reason="resent",
            not_before=0.0,
            due_at=0.0,
            again=or_(BOOK.c.again, BOOK.c.state == "unknown"),
            changed=database_time(connection),
            **content,
        )
    )
    act = _RESENDS[late]
    return _acted(connection, entry, act, reason, who) if changed.rowcount else False


def drop(connection: Connection, entry: Entry, *, reason: str, who: str) -> bool:
    """A person wants it never sent. False: it is under way, or ended already."""
    states = [*sorted(UNDECIDED), "waiting"]
    changed = connection.execute(
        update(BOOK)
        .where(*is_entry(entry), BOOK.c.state.in_(states))
        .values(state="dropped", reason="dropped", payload=None, changed=database_time(connection), worker=None)
    )
    return _acted(connection, entry, "drop", reason, who) if changed.rowcount else False


def acts(connection: Connection, id: str) -> list[dict[str, Any]]:
    """What people did with it, the oldest first."""
    found = connection.execute(select(ACTS).where(ACTS.c.id == id).order_by(ACTS.c.number)).mappings()
    return [dict(row) for row in found]


def is_wanted(connection: Connection, entry: Entry) -> bool:
    """A person said once that it is to be sent."""
    asked = select(ACTS.c.number).where(ACTS.c.sender == entry.sender, ACTS.c.id == entry.id, ACTS.c.act.in_(_RESENDS))
    return connection.execute(asked.limit(1)).first() is not None


def _acted(connection: Connection, entry: Entry, act: str, reason: str, who: str) -> bool:
    connection.execute(
        insert(ACTS).values(
            at=database_time(connection), sender=entry.sender, id=entry.id, act=act, reason=reason, who=who
        )
    )
    return True
