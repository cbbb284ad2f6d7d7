"""Whose orders and addresses are, as `headrace.owners` tells: so that an order leaves one customer before it enters
the next, and a guest's orders become the account's. Nothing here talks to Kafka.

Kept in a SQLite file of this process's own, which the system forgets with it: memory stays bounded, the topic is the
truth. A record stands for what is in the log or is about to be; it may be told twice, late, and by several processes.
"""

import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

import msgspec
from msgspec import Struct

from services.ingest.identity import customer_key, email_hash, guest_of, hash_of_guest
from services.ingest.words import SCHEMA, Word, Words

PATIENCE_S: Final = 5.0
"""So long an order that stands under the wrong customer is left to the process that made it so."""
_SCHEMA: Final = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -65536;
CREATE TABLE orders (id TEXT PRIMARY KEY, owner TEXT, revision TEXT, by_email INT, others TEXT, guest INT)
    WITHOUT ROWID;
CREATE INDEX guests ON orders (owner) WHERE guest = 1;
CREATE TABLE emails (hash TEXT PRIMARY KEY, owner TEXT, revision TEXT) WITHOUT ROWID;
CREATE INDEX accounts ON emails (owner);
CREATE TABLE strays (id TEXT PRIMARY KEY, since REAL) WITHOUT ROWID;
"""


class Owner(Struct, frozen=True, omit_defaults=True):
    """The value of a record of `headrace.owners`: whose it is from a revision on; "" = nobody's any more.

    `left`: the customers whom the order was taken from. `by_email`: the store has it as a guest's; it is of the account
    that had the address.
    """

    owner: str
    revision: str
    left: tuple[str, ...] = ()
    by_email: bool = False


class Entry(NamedTuple):
    """A record to be written: of an order, of an address's hash, or what an address said of the newsletter."""

    kind: str
    """"order", "email" or "consent"."""
    id: str
    value: Owner | Word


class Placed(Struct, frozen=True):
    """Where a snapshot of an order goes. `leave`: customers it must leave first; `known`: the topic has it so."""

    order_id: str
    owner: Owner
    leave: tuple[str, ...] = ()
    known: bool = False

    @property
    def entry(self) -> Entry:
        """What the topic must be told."""
        return Entry("order", self.order_id, self.owner)


class _Row(NamedTuple):
    owner: str
    revision: str
    by_email: bool
    others: frozenset[str]
    """Customers who may have the order besides."""


class Owners:
    """One store's index."""

    def __init__(self, store: str, hash_key: bytes, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.store = store
        self._hash_key = hash_key
        self._clock = clock
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.executescript(_SCHEMA + SCHEMA)
        self.words = Words(self._db)

    def close(self) -> None:
        """The file is gone with it."""
        self._db.close()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Many changes as one: much faster."""
        self._db.execute("BEGIN")
        try:
            yield
        finally:
            self._db.execute("COMMIT")

    def hash(self, email: str) -> str:
        """What stands for an address."""
        return email_hash(email, self._hash_key)

    def account_of(self, hashed: str) -> str | None:
        """The customer with this address."""
        row = self._db.execute("SELECT owner FROM emails WHERE hash = ?", (hashed,)).fetchone()
        return (row[0] or None) if row else None

    def buyer(self, customer_id: int | str, email: str | None, otherwise: str) -> str:
        """The key of who bought: the customer, else the account with the address, else the guest.

        `otherwise` stands for a guest without an address.
        """
        if customer_id:
            return customer_key(self.store, customer_id)
        hashed = self.hash(email or otherwise)
        return self.account_of(hashed) or guest_of(self.store, hashed)

    def place(self, order_id: str, customer_id: int | str, email: str | None, revision: str) -> Placed | None:
        """Where this snapshot goes; None where a newer one has already gone to another customer."""
        row = self._row(order_id)
        if not customer_id and row is not None and row.by_email:
            key = row.owner  # once an account's it stays the account's, whatever becomes of its address
        else:
            key = self.buyer(customer_id, email, f"order-{order_id}")
        by_email = not customer_id and hash_of_guest(key) is None
        if row is None:
            return Placed(order_id, Owner(key, revision, by_email=by_email))
        leave = tuple(sorted((row.others | {row.owner}) - {key}))
        if leave and row.owner != key and revision < row.revision:
            return None
        owner = Owner(key, revision, leave, by_email)
        return Placed(order_id, owner, leave, known=not leave and row.by_email == by_email)

    def named(self, customer_id: int | str, email: str | None, revision: str) -> list[Entry]:
        """What a customer's snapshot says of addresses that the topic does not have: this one is the customer's."""
        key, hashed = customer_key(self.store, customer_id), self.hash(email) if email else None
        rows = self._db.execute("SELECT hash, revision FROM emails WHERE owner = ?", (key,)).fetchall()
        entries = [Entry("email", old, Owner("", revision)) for old, at in rows if old != hashed and at <= revision]
        if hashed is not None and all(old != hashed for old, _ in rows):
            other = self._db.execute("SELECT revision FROM emails WHERE hash = ?", (hashed,)).fetchone()
            if other is None or other[0] < revision:
                entries.append(Entry("email", hashed, Owner(key, revision)))
        return entries

    def is_news(self, entry: Entry) -> bool:
        """A word that changes what is known."""
        return isinstance(entry.value, Word) and self.words.is_news(entry.id, entry.value)

    def take(self, entry: Entry, *, own: bool = False) -> None:
        """It stands in the topic, unless that said so before. `own`: this process wrote it."""
        since = self._clock() - (PATIENCE_S if own else 0.0)
        if isinstance(entry.value, Word):
            self.words.take(entry.id, entry.value)
        elif entry.kind == "order":
            self._take_order(entry.id, entry.value, since)
        elif entry.kind == "email":
            self._take_email(entry.id, entry.value, since)

    def strays(self, limit: int = 250) -> list[str]:
        """Orders that stand under somebody who should not have them, and for long enough."""
        until = self._clock() - PATIENCE_S
        rows = self._db.execute("SELECT id FROM strays WHERE since <= ? ORDER BY id LIMIT ?", (until, limit))
        return [row[0] for row in rows]

    def give_up(self, order_ids: Iterable[str]) -> None:
        """The store does not show them: they stay where they are until it does."""
        self._db.executemany("DELETE FROM strays WHERE id = ?", [(each,) for each in order_ids])

    def _row(self, order_id: str) -> _Row | None:
        found = self._db.execute("SELECT owner, revision, by_email, others FROM orders WHERE id = ?", (order_id,))
        row = found.fetchone()
        return None if row is None else _Row(row[0], row[1], bool(row[2]), frozenset(json.loads(row[3] or "[]")))

    def _take_order(self, order_id: str, told: Owner, since: float) -> None:
        row = self._row(order_id)
        if row is None:
            after = _Row(told.owner, told.revision, told.by_email, frozenset())
        elif row.owner == told.owner:
            newer = told.revision >= row.revision
            by_email = told.by_email if newer else row.by_email
            after = _Row(row.owner, max(row.revision, told.revision), by_email, row.others - set(told.left))
        elif told.revision >= row.revision:
            others = (row.others | {row.owner}) - {*told.left, told.owner}
            after = _Row(told.owner, told.revision, told.by_email, others)
        else:  # told late, or written by one who did not know: is it still there?
            after = row._replace(others=(row.others | {told.owner}) - {row.owner})
        others_text, hashed = json.dumps(sorted(after.others)) if after.others else None, hash_of_guest(after.owner)
        self._db.execute(
            "INSERT OR REPLACE INTO orders VALUES (?, ?, ?, ?, ?, ?)",
            (order_id, after.owner, after.revision, after.by_email, others_text, hashed is not None),
        )
        if after.others or (hashed is not None and self.account_of(hashed)):
            self._db.execute("INSERT OR IGNORE INTO strays VALUES (?, ?)", (order_id, since))
        elif row is not None:
            self._db.execute("DELETE FROM strays WHERE id = ?", (order_id,))

    def _take_email(self, hashed: str, told: Owner, since: float) -> None:
        row = self._db.execute("SELECT revision FROM emails WHERE hash = ?", (hashed,)).fetchone()
        if row is not None and told.revision < row[0]:
            return
        self._db.execute("INSERT OR REPLACE INTO emails VALUES (?, ?, ?)", (hashed, told.owner, told.revision))
        if told.owner:
            self._db.execute(
                "INSERT OR IGNORE INTO strays SELECT id, ? FROM orders WHERE owner = ? AND guest = 1",
                (since, guest_of(self.store, hashed)),
            )


_DECODERS: Final[dict[str, msgspec.json.Decoder[Owner] | msgspec.json.Decoder[Word]]] = {
    "order": msgspec.json.Decoder(Owner),
    "email": msgspec.json.Decoder(Owner),
    "consent": msgspec.json.Decoder(Word),
}


def entry_key(store: str, entry: Entry) -> bytes:
    """`store:order:id`, `store:email:hash`, `store:consent:hash:source`."""
    return f"{store}:{entry.kind}:{entry.id}".encode()


def encode_owner(value: Owner | Word) -> bytes:
    """The value of a record."""
    return msgspec.json.encode(value)


def read_entry(store: str, key: bytes | None, value: bytes | None) -> Entry | None:
    """The entry of a record; None for another store's, one without a value, and what is no entry."""
    parts = (key or b"").decode(errors="replace").split(":", 2)
    if len(parts) != 3 or parts[0] != store or parts[1] not in _DECODERS or value is None:
        return None
    try:
        return Entry(parts[1], parts[2], _DECODERS[parts[1]].decode(value))
    except msgspec.DecodeError:
        return None
