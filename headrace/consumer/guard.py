"""The guard over a sink: a rule that moves far more customers than is expected pauses the sink until a person says go.

Counted by the log's own times, so that a backlog read at once is no rush. What an activation moves was confirmed with
its plan, and what a backfill or an import moves is no rule's doing: neither is counted.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Column, Connection, Double, Integer, Table, Text, delete, func, insert, select

from headrace.consumer.ledger import APPLIED_TABLE, METADATA, database_time, upsert

LIVE: Final = frozenset({"live", "reconcile", "time"})
PAUSES: Final = Table(
    "headrace_pauses",
    METADATA,
    Column("kind", Text, primary_key=True),
    Column("store", Text, primary_key=True),
    Column("entry", Text, nullable=False),
    Column("moved", Integer, nullable=False),
    Column("customers", Integer, nullable=False),
    Column("since", Double, nullable=False),
)
RESUMES: Final = Table(
    "headrace_resumes",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("at", Double, nullable=False),
    Column("kind", Text, nullable=False),
    Column("store", Text, nullable=False),
    Column("entry", Text, nullable=False),
    Column("moved", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("who", Text, nullable=False),
)
"""Who let a sink go on, and why: only ever added to."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """A sink is paused when one entry moves more than `share` of the customers it knows within `span`, and more than
    `least` of them. `share` 0: never."""

    share: float = 0.25
    span: timedelta = timedelta(hours=1)
    least: int = 1000


@dataclass(frozen=True, slots=True)
class Pause:
    """Why a sink stands still. `since`: seconds since 1970 on the database's clock."""

    kind: str
    store: str
    entry: str
    moved: int
    customers: int
    since: float

    @property
    def told(self) -> str:
        """For people."""
        return f"{self.kind}: paused: {self.entry} moved {self.moved:,} of {self.customers:,} customers"


@dataclass(slots=True)
class Guard:
    """What one consumer has seen lately, by entry. Pure: times are arguments."""

    bounds: Bounds
    _moves: dict[str, deque[tuple[datetime, str]]] = field(default_factory=dict)
    _counts: dict[str, dict[str, int]] = field(default_factory=dict)

    def moved(self, entries: Sequence[str], customer: str, at: datetime) -> None:
        """A customer is to be moved, because of these entries."""
        for entry in entries:
            self._moves.setdefault(entry, deque()).append((at, customer))
            counts = self._counts.setdefault(entry, {})
            counts[customer] = counts.get(customer, 0) + 1
            self._forget(entry, at - self.bounds.span)

    def tripped(self, customers: int) -> tuple[str, int] | None:
        """The entry that moves too many, and how many, of so many customers in all."""
        limit = max(self.bounds.least, self.bounds.share * customers)
        found = ((entry, len(counts)) for entry, counts in self._counts.items() if len(counts) > limit)
        return max(found, key=lambda each: each[1], default=None) if self.bounds.share else None

    def begin_anew(self) -> None:
        """A person has looked: what was seen so far is as it should be."""
        self._moves.clear()
        self._counts.clear()

    def _forget(self, entry: str, before: datetime) -> None:
        moves, counts = self._moves[entry], self._counts[entry]
        while moves and moves[0][0] < before:
            _, customer = moves.popleft()
            counts[customer] -= 1
            if not counts[customer]:
                del counts[customer]


def known_customers(connection: Connection, kind: str, store: str) -> int:
    """How many customers of a store the sink has ever dealt with."""
    table = APPLIED_TABLE
    query = select(func.count()).where(table.c.kind == kind, table.c.customer.startswith(f"{store}:", autoescape=True))
    return int(connection.execute(query).scalar_one())


def pause(connection: Connection, kind: str, store: str, entry: str, moved: int, customers: int) -> None:
    """Every worker of this sink and store stands still from now on."""
    row = {
        "kind": kind,
        "store": store,
        "entry": entry,
        "moved": moved,
        "customers": customers,
        "since": database_time(connection),
    }
    upsert(connection, PAUSES, [row])


def paused(connection: Connection, kind: str | None = None, store: str | None = None) -> list[Pause]:
    """The sinks that stand still."""
    query = select(PAUSES).order_by(PAUSES.c.since)
    for column, value in ((PAUSES.c.kind, kind), (PAUSES.c.store, store)):
        if value is not None:
            query = query.where(column == value)
    return [Pause(**dict(row)) for row in connection.execute(query).mappings()]


def resume(connection: Connection, found: Pause, *, reason: str, who: str) -> None:
    """A person lets it go on."""
    connection.execute(
        insert(RESUMES).values(
            at=database_time(connection),
            kind=found.kind,
            store=found.store,
            entry=found.entry,
            moved=found.moved,
            reason=reason,
            who=who,
        )
    )
    connection.execute(delete(PAUSES).where(PAUSES.c.kind == found.kind, PAUSES.c.store == found.store))


def resumes(connection: Connection) -> list[Mapping[str, Any]]:
    """Who let which sink go on, the oldest first."""
    return [dict(row) for row in connection.execute(select(RESUMES).order_by(RESUMES.c.number)).mappings()]
