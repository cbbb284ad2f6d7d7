"""The book of effects: one row an effect and sender, written before it is tried and after it was done; ids are kept.

    waiting -> sending -> sent | unknown | refused    sending -> waiting: certainly not done, or harmless twice
    waiting -> cancelled | expired | held             unknown, held, refused -> waiting | dropped: a person's word
    waiting, too old, perhaps done before -> unknown

What people are shown and say is in `people.py`, the tables in `rows.py`. SQLAlchemy Core on SQLite and PostgreSQL; each
function is one part of the caller's transaction. Seconds since 1970 on the database's clock but for `*_at`, which are
the store's.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, FromClause, func, or_, select, text, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from headrace.consumer.effects.people import is_wanted
from headrace.consumer.effects.rows import (
    BOOK,
    Entry,
    State,
    as_found,
    entry_of,
    is_entry,
    kept_text,
    of_store,
    row_of,
)
from headrace.consumer.ledger import database_time
from headrace.contracts.actions import Version
from headrace.contracts.effects import Effect

_OPEN: Final[tuple[State, ...]] = ("waiting", "sending", "unknown", "held", "refused")
_MAYBE_DONE: Final[tuple[State, ...]] = ("sent", "unknown", "dropped")
"""Of these `sent_at` stands, if there is one: caps count what may have been sent."""
_SLICE: Final = 400
_LARGEST: Final = 2**63 - 1


def check(effect: Effect) -> None:
    """Whether it can be kept, and ever be looked at. Raises ValueError, KeyError, OverflowError."""
    if any("\0" in text for text in (effect.id, effect.customer, effect.entry)):
        raise ValueError("a zero byte")
    if max(effect.version) > _LARGEST:
        raise OverflowError("the version")
    if effect.quiet is not None:
        ZoneInfo(effect.quiet.zone)
    if effect.cap is not None:
        timedelta(seconds=effect.cap.per_s)


def take_in(connection: Connection, sender: str, effects: Sequence[tuple[Effect, int]]) -> int:
    """New ones wait; an id that is known is not new, whatever became of it. Pairs of effect and partition.

    Returns how many were new.
    """
    now, taken = database_time(connection), 0
    statement = (postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert)(BOOK)
    fresh = statement.on_conflict_do_nothing(index_elements=["sender", "id"]).returning(BOOK.c.id)
    for effect, partition in effects:
        taken += len(connection.execute(fresh, row_of(sender, effect, partition, now)).all())
    return taken


def due(
    connection: Connection, sender: str, store: str, partitions: Collection[int], *, at: datetime, limit: int
) -> list[Entry]:
    """Waiting effects whose time has come, of each customer the oldest only, if none of that customer's is under way.

    Those that never waited for a time first. `at`: the store's clock.
    """
    older = BOOK.alias()
    before = or_(older.c.state == "sending", tuple_(*_order(older)) < tuple_(*_order(BOOK)))
    behind = select(older.c.id).where(
        older.c.customer == BOOK.c.customer,
        older.c.sender == BOOK.c.sender,
        older.c.state.in_(("waiting", "sending")),
        before,
    )
    query = (
        select(BOOK)
        .where(
            BOOK.c.sender == sender,
            BOOK.c.state == "waiting",
            BOOK.c.due_at <= at.timestamp(),
            BOOK.c.not_before <= database_time(connection),
            BOOK.c.partition.in_(sorted(partitions)),
            of_store(store),
            ~behind.exists(),
        )
        .order_by(BOOK.c.due_at, *_order(BOOK))
        .limit(limit)
    )
    return [entry_of(row) for row in connection.execute(query).mappings()]


def _order(table: FromClause) -> tuple[Any, Any, Any]:
    return table.c.generation, table.c.offset, table.c.step


def marketing_sent(
    connection: Connection, customer: str, since: datetime, *, but: Entry | None = None
) -> list[datetime]:
    """When marketing was sent to the customer after `since`, or may have been; by any sender. `but`: not this one."""
    query = select(BOOK.c.sent_at).where(
        BOOK.c.customer == customer, BOOK.c.marketing, BOOK.c.sent_at > since.timestamp()
    )
    if but is not None:
        query = query.where(or_(BOOK.c.sender != but.sender, BOOK.c.id != but.id))
    return [datetime.fromtimestamp(at, UTC) for (at,) in connection.execute(query)]


def claim(connection: Connection, entry: Entry, *, worker: str, deadline_s: float, at: datetime) -> Entry | None:
    """From now on it is under way: the entry as it stands now; None when somebody else was quicker.

    `at`, the store's clock, counts for caps.
    """
    now = database_time(connection)
    changed = connection.execute(
        update(BOOK)
        .where(*as_found(entry), BOOK.c.state == "waiting")
        .values(
            state="sending",
            worker=worker,
            until=now + deadline_s,
            attempts=BOOK.c.attempts + 1,
            changed=now,
            sent_at=at.timestamp(),
        )
    )
    return replace(entry, state="sending", attempts=entry.attempts + 1) if changed.rowcount else None


def settle(
    connection: Connection, entry: Entry, state: State, *, reason: str, detail: str = "", receipt: str = ""
) -> bool:
    """How it ended, of an entry as it was found. What was sent is sent, whoever says so and however late, and its
    content is forgotten; any other end counts only if nobody took it on meanwhile. False: it does not count."""
    values: dict[str, Any] = {
        "state": state,
        "reason": kept_text(reason),
        "detail": kept_text(detail),
        "receipt": kept_text(receipt),
    }
    if state in ("sent", "cancelled", "expired", "dropped"):
        values["payload"] = None
    if state not in _MAYBE_DONE:
        values["sent_at"] = None
    changed = connection.execute(
        update(BOOK)
        .where(*(is_entry(entry) if state == "sent" else as_found(entry)), BOOK.c.state != "sent")
        .values(worker=None, until=None, changed=database_time(connection), **values)
    )
    return bool(changed.rowcount)


def put_back(
    connection: Connection,
    entry: Entry,
    *,
    reason: str,
    delay_s: float = 0.0,
    due_at: datetime | None = None,
    again: bool = False,
) -> bool:
    """It waits again: so long, and until the store's clock shows `due_at`. `again`: it may have been done already.

    False: somebody took it on meanwhile, and nothing is changed.
    """
    now = database_time(connection)
    values: dict[str, Any] = {} if due_at is None else {"due_at": due_at.timestamp()}
    values |= {"again": True} if again else {"sent_at": None}
    changed = connection.execute(
        update(BOOK)
        .where(*as_found(entry))
        .values(
            state="waiting",
            reason=kept_text(reason),
            worker=None,
            until=None,
            not_before=now + delay_s,
            changed=now,
            **values,
        )
    )
    return bool(changed.rowcount)


def left_behind(connection: Connection, sender: str, partitions: Collection[int], *, store: str) -> list[Entry]:
    """Under way for somebody whose call must be over by now, and who never said how it ended."""
    query = select(BOOK).where(
        BOOK.c.sender == sender,
        BOOK.c.state == "sending",
        BOOK.c.partition.in_(sorted(partitions)),
        of_store(store),
        BOOK.c.until <= database_time(connection),
    )
    return [entry_of(row) for row in connection.execute(query).mappings()]


def cancel_marketing(connection: Connection, sender: str, since: Mapping[str, Version], *, reason: str) -> list[Entry]:
    """Of customers who took their consent back, what was decided before that and waits is never sent.

    `since`: customer -> version of that word. If they give it again, only what is decided later goes out.
    """
    found: list[Entry] = []
    customers = sorted(since)
    for start in range(0, len(customers), _SLICE):
        query = select(BOOK).where(
            BOOK.c.sender == sender,
            BOOK.c.customer.in_(customers[start : start + _SLICE]),
            BOOK.c.marketing,
            BOOK.c.state.in_(("waiting", "held")),
        )
        found += [entry_of(row) for row in connection.execute(query).mappings()]
    before = [entry for entry in found if entry.version < since[entry.customer]]
    return [entry for entry in before if give_up(connection, entry, "cancelled", reason=reason)]


def give_up(
    connection: Connection, entry: Entry, state: Literal["cancelled", "expired"], *, reason: str
) -> Literal["cancelled", "expired", "unknown", "held"] | None:
    """What becomes of a waiting effect that may not go out; None: somebody took it on meanwhile.

    Age alone ends nothing that may have been sent already, nor what a person wants sent: these wait for a word.
    """
    ends: Literal["cancelled", "expired", "unknown", "held"] = state
    if state == "expired" and (entry.again or is_wanted(connection, entry)):
        ends = "unknown" if entry.again else "held"
    detail = "may have been sent before" if entry.again and ends == "cancelled" else ""
    return ends if settle(connection, entry, ends, reason=reason, detail=detail) else None


def age(connection: Connection, entry: Entry) -> float:
    """Seconds since it was taken in."""
    return database_time(connection) - entry.taken


def counts(connection: Connection, sender: str, store: str) -> dict[str, int]:
    """How many of a store's there are by state, of those that are not done with."""
    mine = BOOK.c.sender == sender, BOOK.c.state.in_(_OPEN), of_store(store)
    query = select(BOOK.c.state, func.count()).where(*mine).group_by(BOOK.c.state)
    return {state: int(count) for state, count in connection.execute(query)}


def lately(connection: Connection, sender: str, store: str, entry: str, *, seconds: float, most: int) -> int:
    """How many effects of a store's entry were tried in the last so many seconds; counts no further than `most`."""
    tried = (
        select(BOOK.c.id)
        .where(
            BOOK.c.sender == sender,
            BOOK.c.entry == entry,
            of_store(store),
            BOOK.c.state.in_(("sending", "sent", "unknown")),
            BOOK.c.changed > database_time(connection) - seconds,
        )
        .limit(most)
    )
    return int(connection.execute(select(func.count()).select_from(tried.subquery())).scalar_one())


def hold_customer(connection: Connection, customer: str) -> None:
    """Nobody else looks at this customer's caps until the transaction ends. (SQLite has one writer anyway.)"""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:customer, 0))"), {"customer": customer})
