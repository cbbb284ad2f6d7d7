"""One complete pass over the store's change feed: all that was modified in a span of the store's time, each row once.

Rows that change while we read move to the end of the vendor's list and shift its pages; so the next page is asked for
by the last row's time, never by number, but for a second that fills more than a page. What is done with rows is
`feed`'s matter.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final

from services.ingest.normalise import identifier, modified_of
from services.ingest.reader import Fetched, Page

_SECOND: Final = timedelta(seconds=1)

ReadFrom = Callable[[datetime], Awaitable[Page]]
"""Rows modified from a time on, oldest change first."""
ReadSecond = Callable[[datetime], AsyncIterator[list[Fetched]]]
"""All rows modified in one second (and perhaps the next), page by page."""


async def changed_between(
    since: datetime, end: datetime, read: ReadFrom, read_second: ReadSecond
) -> AsyncIterator[dict[int, Fetched]]:
    """Pages of rows modified in [since, end], in whole seconds; each (id, date_modified) comes once."""
    seen: set[tuple[int, datetime]] = set()
    cursor = since.replace(microsecond=0)
    while True:
        rows, more = await read(cursor)
        if not rows:
            return
        last = max(modified_of(each.row) for each in rows)
        yield _page(rows, end, seen)
        if not more or last > end:
            return
        if last - cursor < _SECOND:
            async for others in read_second(cursor):
                yield _page(others, end, seen)
            cursor += _SECOND
        else:
            cursor = last.replace(microsecond=0)


def _page(rows: list[Fetched], end: datetime, seen: set[tuple[int, datetime]]) -> dict[int, Fetched]:
    found: dict[int, Fetched] = {}
    for each in rows:
        mark = identifier(each.row, "id"), modified_of(each.row)
        if mark[1] <= end and mark not in seen:
            seen.add(mark)
            found[mark[0]] = each
    return found
