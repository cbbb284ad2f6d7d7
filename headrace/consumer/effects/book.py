"""The book of effects: one row an effect and sender, written before it is tried and after it was done; ids are kept.

    waiting -> sending -> sent | unknown | refused    sending -> waiting: certainly not done, or harmless twice
    waiting -> cancelled | expired | held             unknown, held, refused -> waiting | dropped: a person's word

SQLAlchemy Core on SQLite and PostgreSQL; each function is one part of the caller's transaction. Seconds since 1970 on
the database's clock but for `*_at`, which are the store's.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from msgspec import structs
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Double,
    FromClause,
    Index,
    Integer,
    RowMapping,
    Table,
    Text,
    func,
    insert,
    or_,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from headrace.consumer.ledger import METADATA, database_time
from headrace.contracts.actions import Version
from headrace.contracts.effects import MARKETING, Effect, EffectKind, decode_effect, encode_effect

State = Literal["waiting", "sending", "sent", "unknown", "refused", "cancelled", "expired", "held", "dropped"]
UNDECIDED: Final[frozenset[State]] = frozenset({"unknown", "held", "refused"})
"""What a person may send again or drop."""
_OPEN: Final[tuple[State, ...]] = ("waiting", "sending", "unknown", "held", "refused")
_MAYBE_DONE: Final[tuple[State, ...]] = ("sent", "unknown", "dropped")
"""Of these `sent_at` stands, if there is one: caps count what may have been sent."""
BOOK: Final = Table(
    "headrace_effects",
    METADATA,
    Column("sender", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("customer", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("generation", BigInteger, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("step", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("entry", Text, nullable=False),
    Column("marketing", Boolean, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("receipt", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("again", Boolean, nullable=False),
    Column("not_before", Double, nullable=False),
    Column("due_at", Double, nullable=False),
    Column("sent_at", Double),
    Column("taken", Double, nullable=False),
    Column("changed", Double, nullable=False),
    Column("worker", Text),
    Column("until", Double),
    Column("payload", Text),
    Index("headrace_effects_due", "sender", "state", "due_at", "generation", "offset", "step", "partition"),
    Index("headrace_effects_entry", "sender", "entry", "changed"),
    Index("headrace_effects_of", "customer", "marketing", "sent_at"),
)
ACTS: Final = Table(
    "headrace_effect_acts",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("at", Double, nullable=False),
    Column("sender", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("act", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("who", Text, nullable=False),
)
"""What people did, and why: only ever added to."""
RESENT: Final = "resent"
"""Why something waits that a person wants sent."""
NEVER: Final = datetime.max.replace(tzinfo=UTC)
"""When an effect expires that goes out however old it is."""
_SLICE: Final = 400
_LARGEST: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Entry:
    """One row, its effect read. `effect` None: done with, and forgotten but for its id."""

    sender: str
    id: str
    customer: str
    partition: int
    version: Version
    kind: EffectKind
    entry: str
    state: State
    reason: str
    detail: str
    receipt: str
    attempts: int
    again: bool
    not_before: float
    taken: float
    changed: float
    effect: Effect | None


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
        taken += len(connection.execute(fresh, _row(sender, effect, partition, now)).all())
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
            _of(store),
            ~behind.exists(),
        )
        .order_by(BOOK.c.due_at, *_order(BOOK))
        .limit(limit)
    )
    return [_entry(row) for row in connection.execute(query).mappings()]


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
        .where(*_as_found(entry), BOOK.c.state == "waiting")
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
        "reason": _text(reason),
        "detail": _text(detail),
        "receipt": _text(receipt),
    }
    if state in ("sent", "cancelled", "expired", "dropped"):
        values["payload"] = None
    if state not in _MAYBE_DONE:
        values["sent_at"] = None
    changed = connection.execute(
        update(BOOK)
        .where(*(_is(entry) if state == "sent" else _as_found(entry)), BOOK.c.state != "sent")
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
        .where(*_as_found(entry))
        .values(
            state="waiting",
            reason=_text(reason),
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
        _of(store),
        BOOK.c.until <= database_time(connection),
    )
    return [_entry(row) for row in connection.execute(query).mappings()]


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
        found += [_entry(row) for row in connection.execute(query).mappings()]
    before = [entry for entry in found if entry.version < since[entry.customer]]
    return [entry for entry in before if give_up(connection, entry, "cancelled", reason=reason)]


def give_up(
    connection: Connection, entry: Entry, state: Literal["cancelled", "expired"], *, reason: str
) -> Literal["cancelled", "expired", "unknown", "held"] | None:
    """What becomes of a waiting effect that may not go out; None: somebody took it on meanwhile.

    Age alone ends nothing that may have been sent already, nor what a person wants sent: these wait for a word.
    """
    ends: Literal["cancelled", "expired", "unknown", "held"] = state
    if state == "expired" and (entry.again or entry.reason == RESENT):
        ends = "unknown" if entry.again else "held"
    detail = "may have been sent before" if entry.again and ends == "cancelled" else ""
    return ends if settle(connection, entry, ends, reason=reason, detail=detail) else None


def age(connection: Connection, entry: Entry) -> float:
    """Seconds since it was taken in."""
    return database_time(connection) - entry.taken


def counts(connection: Connection, sender: str, store: str) -> dict[str, int]:
    """How many of a store's there are by state, of those that are not done with."""
    mine = BOOK.c.sender == sender, BOOK.c.state.in_(_OPEN), _of(store)
    query = select(BOOK.c.state, func.count()).where(*mine).group_by(BOOK.c.state)
    return {state: int(count) for state, count in connection.execute(query)}


def lately(connection: Connection, sender: str, store: str, entry: str, *, seconds: float, most: int) -> int:
    """How many effects of a store's entry were tried in the last so many seconds; counts no further than `most`."""
    tried = (
        select(BOOK.c.id)
        .where(
            BOOK.c.sender == sender,
            BOOK.c.entry == entry,
            _of(store),
            BOOK.c.state.in_(("sending", "sent", "unknown")),
            BOOK.c.changed > database_time(connection) - seconds,
        )
        .limit(most)
    )
    return int(connection.execute(select(func.count()).select_from(tried.subquery())).scalar_one())


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
        query = query.where(_of(store))
    return [_entry(row) for row in connection.execute(query).mappings()][::-1]


def send_again(connection: Connection, entry: Entry, *, reason: str, who: str, late: bool = False) -> bool:
    """A person wants it sent all the same. False: it is not undecided (any more), or its content is gone.

    The word is on what nobody else can know: consent, quiet hours and caps hold as before, and its age unless `late`.
    """
    content: dict[str, Any] = {}
    if late and entry.effect is not None:
        content = {"payload": encode_effect(structs.replace(entry.effect, expires_at=NEVER)).decode()}
    changed = connection.execute(
        update(BOOK)
        .where(*_as_found(entry), BOOK.c.state.in_(sorted(UNDECIDED)), BOOK.c.payload.is_not(None))
        .values(
            state="waiting",
            reason=RESENT,
            not_before=0.0,
            due_at=0.0,
            again=or_(BOOK.c.again, BOOK.c.state == "unknown"),
            changed=database_time(connection),
            **content,
        )
    )
    return _acted(connection, entry, "resend late" if late else "resend", reason, who) if changed.rowcount else False


def drop(connection: Connection, entry: Entry, *, reason: str, who: str) -> bool:
    """A person wants it never sent. False: it is under way, or ended already."""
    states = [*sorted(UNDECIDED), "waiting"]
    changed = connection.execute(
        update(BOOK)
        .where(*_is(entry), BOOK.c.state.in_(states))
        .values(state="dropped", reason="dropped", payload=None, changed=database_time(connection), worker=None)
    )
    return _acted(connection, entry, "drop", reason, who) if changed.rowcount else False


def acts(connection: Connection, id: str) -> list[dict[str, Any]]:
    """What people did with it, the oldest first."""
    found = connection.execute(select(ACTS).where(ACTS.c.id == id).order_by(ACTS.c.number)).mappings()
    return [dict(row) for row in found]


def hold_customer(connection: Connection, customer: str) -> None:
    """Nobody else looks at this customer's caps until the transaction ends. (SQLite has one writer anyway.)"""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:customer, 0))"), {"customer": customer})


def _acted(connection: Connection, entry: Entry, act: str, reason: str, who: str) -> bool:
    connection.execute(
        insert(ACTS).values(
            at=database_time(connection), sender=entry.sender, id=entry.id, act=act, reason=reason, who=who
        )
    )
    return True


def _of(store: str) -> ColumnElement[bool]:
    """Its customers: another store may have an entry, and a customer, of the same name."""
    return BOOK.c.customer.startswith(f"{store}:", autoescape=True)


def _is(entry: Entry) -> tuple[Any, Any]:
    return BOOK.c.sender == entry.sender, BOOK.c.id == entry.id


def _as_found(entry: Entry) -> tuple[Any, ...]:
    """Nobody has taken it on since, nor settled it: who was taken for dead changes nothing."""
    return *_is(entry), BOOK.c.state == entry.state, BOOK.c.attempts == entry.attempts


def _text(said: str) -> str:
    """What a vendor says, as PostgreSQL keeps it."""
    return said.replace("\0", "\N{REPLACEMENT CHARACTER}")


def _row(sender: str, effect: Effect, partition: int, now: float) -> dict[str, Any]:
    generation, offset, step = effect.version
    return {
        "sender": sender,
        "id": effect.id,
        "customer": effect.customer,
        "partition": partition,
        "generation": generation,
        "offset": offset,
        "step": step,
        "kind": effect.kind,
        "entry": effect.entry,
        "marketing": effect.kind in MARKETING,
        "state": "waiting",
        "reason": "",
        "detail": "",
        "receipt": "",
        "attempts": 0,
        "again": False,
        "not_before": 0.0,
        "due_at": 0.0,
        "taken": now,
        "changed": now,
        "payload": encode_effect(effect).decode(),
    }


def _entry(row: RowMapping) -> Entry:
    payload = row["payload"]
    return Entry(
        sender=row["sender"],
        id=row["id"],
        customer=row["customer"],
        partition=row["partition"],
        version=(row["generation"], row["offset"], row["step"]),
        kind=row["kind"],
        entry=row["entry"],
        state=row["state"],
        reason=row["reason"],
        detail=row["detail"],
        receipt=row["receipt"],
        attempts=row["attempts"],
        again=row["again"],
        not_before=row["not_before"],
        taken=row["taken"],
        changed=row["changed"],
        effect=None if payload is None else decode_effect(payload.encode()),
    )
