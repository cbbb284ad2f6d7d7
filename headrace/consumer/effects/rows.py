"""The rows of the book of effects: its tables, and an entry as it is read from them."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Double,
    Index,
    Integer,
    RowMapping,
    Table,
    Text,
)

from headrace.consumer.ledger import METADATA
from headrace.contracts.actions import Version
from headrace.contracts.effects import MARKETING, Effect, EffectKind, decode_effect, encode_effect

State = Literal["waiting", "sending", "sent", "unknown", "refused", "cancelled", "expired", "held", "dropped"]
UNDECIDED: Final[frozenset[State]] = frozenset({"unknown", "held", "refused"})
"""What a person may send again or drop."""
NEVER: Final = datetime.max.replace(tzinfo=UTC)
"""When an effect expires that goes out however old it is."""
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


def of_store(store: str) -> ColumnElement[bool]:
    """Its customers: another store may have an entry, and a customer, of the same name."""
    return BOOK.c.customer.startswith(f"{store}:", autoescape=True)


def is_entry(entry: Entry) -> tuple[Any, Any]:
    return BOOK.c.sender == entry.sender, BOOK.c.id == entry.id


def as_found(entry: Entry) -> tuple[Any, ...]:
    """Nobody has taken it on since, nor settled it: who was taken for dead changes nothing."""
    return *is_entry(entry), BOOK.c.state == entry.state, BOOK.c.attempts == entry.attempts


def kept_text(said: str) -> str:
    """What a vendor says, as PostgreSQL keeps it."""
    return said.replace("\0", "\N{REPLACEMENT CHARACTER}")


def row_of(sender: str, effect: Effect, partition: int, now: float) -> dict[str, Any]:
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


def entry_of(row: RowMapping) -> Entry:
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
