"""A table of rows by id, also readable in the order of their last change, with the vendor's read lag.

Knows nothing of what the rows are.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Generic, Protocol, TypeVar


class _Row(Protocol):
    @property
    def id(self) -> int: ...

    @property
    def modified(self) -> datetime: ...


RowT = TypeVar("RowT", bound=_Row)


class Table(Generic[RowT]):
    """Rows by id. With a lag (store seconds) readers see a row as it was before its youngest changes."""

    def __init__(self, elapsed: Callable[[], float], *, lag_s: float = 0.0) -> None:
        self._elapsed = elapsed
        self._lag_s = lag_s
        self._rows: dict[int, RowT] = {}
        self._ids: list[int] = []
        self._by_change: dict[int, None] = {}
        self._before: dict[int, list[tuple[float, RowT | None]]] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, row_id: int) -> bool:
        return row_id in self._rows

    def __iter__(self) -> Iterator[RowT]:
        """Every row as it is, by id."""
        return (self._rows[row_id] for row_id in self._ids)

    def next_id(self, first: int = 1) -> int:
        """The id after the highest."""
        return max(first, self._ids[-1] + 1) if self._ids else first

    def now(self, row_id: int) -> RowT | None:
        """The row as it is."""
        return self._rows.get(row_id)

    def seen(self, row_id: int) -> RowT | None:
        """The row as a reader of the API sees it."""
        if self._before:
            hidden, old = self._hidden(row_id)
            if hidden:
                return old
        return self._rows.get(row_id)

    def put(self, row: RowT) -> None:
        """Insert or replace."""
        old = self._rows.get(row.id)
        if old is None:
            self._insert_id(row.id)
        if self._lag_s > 0:
            self._before.setdefault(row.id, []).append((self._elapsed() + self._lag_s, old))
        self._rows[row.id] = row
        self._by_change.pop(row.id, None)
        self._by_change[row.id] = None

    def delete(self, row_id: int) -> None:
        """Remove; unknown ids are ignored."""
        if self._rows.pop(row_id, None) is not None:
            self._ids.remove(row_id)
            del self._by_change[row_id]
            self._before.pop(row_id, None)

    def span(self, low: int | None = None, high: int | None = None) -> Iterator[RowT]:
        """Rows as seen with low <= id <= high, by id."""
        start = 0 if low is None else bisect_left(self._ids, low)
        end = len(self._ids) if high is None else bisect_left(self._ids, high + 1)
        for index in range(start, end):
            row = self.seen(self._ids[index])
            if row is not None:
                yield row

    def changed_since(self, moment: datetime) -> list[RowT]:
        """Rows as seen that were modified at `moment` or later, by (modified, id)."""
        found = []
        for row_id in reversed(self._by_change):
            if self._rows[row_id].modified < moment:
                break
            row = self.seen(row_id)
            if row is not None and row.modified >= moment:
                found.append(row)
        found.sort(key=lambda row: (row.modified, row.id))
        return found

    def _insert_id(self, row_id: int) -> None:
        if not self._ids or row_id > self._ids[-1]:
            self._ids.append(row_id)
        else:
            insort(self._ids, row_id)

    def _hidden(self, row_id: int) -> tuple[bool, RowT | None]:
        now = self._elapsed()
        pending = [entry for entry in self._before.get(row_id, ()) if entry[0] > now]
        if not pending:
            self._before.pop(row_id, None)
            return False, None
        self._before[row_id] = pending
        return True, pending[0][1]
