"""What customers said of the newsletter elsewhere than in the store: at Mailchimp, at Klaviyo. By hashed address.

Kept in the file of `owners`; how it is received is in `consent_hooks`.
"""

import sqlite3
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct

SCHEMA: Final = """
CREATE TABLE words (id TEXT PRIMARY KEY, hash TEXT, granted INT, at TEXT) WITHOUT ROWID;
CREATE INDEX word_hashes ON words (hash);
"""


class Word(Struct, frozen=True, omit_defaults=True):
    """Yes or no, and when: RFC 3339 in UTC with seconds, so that it compares as text."""

    granted: bool
    at: str

    @classmethod
    def said(cls, at: datetime, *, granted: bool) -> "Word":
        """From a moment."""
        return cls(granted, at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))


def word_id(hashed: str, source: str) -> str:
    """Under which a word is kept: one an address and source."""
    return f"{hashed}:{source}"


class Words:
    """The newest word of each source."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def take(self, id: str, word: Word) -> None:
        """The newest counts, whichever comes first; of two at one moment the refusal."""
        if self.is_news(id, word):
            hashed = id.partition(":")[0]
            self._db.execute("INSERT OR REPLACE INTO words VALUES (?, ?, ?, ?)", (id, hashed, word.granted, word.at))

    def is_news(self, id: str, word: Word) -> bool:
        """It changes what is known."""
        row = self._db.execute("SELECT granted, at FROM words WHERE id = ?", (id,)).fetchone()
        return row is None or (word.at, not word.granted) > (row[1], not row[0])

    def refused_at(self, hashed: str) -> datetime | None:
        """When the address last said no to somebody to whom it has not said yes since; None: nowhere."""
        query = "SELECT max(at) FROM words WHERE hash = ? AND granted = 0"
        at = self._db.execute(query, (hashed,)).fetchone()[0]
        return None if at is None else datetime.fromisoformat(at)

    def subscribed(self, hashed: str, in_store: bool | None, opted_in_at: datetime | None) -> bool | None:  # noqa: FBT001  # None too
        """Whether newsletters may be sent: a refusal anywhere wins until the store has a newer word that says yes."""
        refused_at = self.refused_at(hashed)
        if refused_at is None:
            return in_store
        return bool(in_store) and opted_in_at is not None and opted_in_at > refused_at
