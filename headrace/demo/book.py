"""The senders' book of effects, read from outside as any program reads an SQLite file; nothing is written."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

_QUERY: Final = "SELECT id, customer, sender, state, reason, due_at FROM headrace_effects WHERE customer LIKE ?"
_BUSY_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Booked:
    """One effect at one sender. `due_at`: not before the store's clock shows this, in seconds since 1970."""

    id: str
    customer: str
    sender: str
    state: str
    reason: str = ""
    due_at: float = 0.0

    def is_open(self, at: datetime) -> bool:
        """On its way, or to go as soon as somebody has time."""
        return self.state == "sending" or (self.state == "waiting" and self.due_at <= at.timestamp())


def read_book(path: Path, store: str) -> Sequence[Booked]:
    """All of the store's; none while there is no book. Raises sqlite3.Error for a file that is none."""
    if not path.exists():
        return ()
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=_BUSY_S)) as connection:
        found = connection.execute(_QUERY, (f"{store}:%",)).fetchall()
    return [Booked(*row) for row in found]
