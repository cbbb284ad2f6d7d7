"""A pass over the change feed is complete, although rows move while it reads."""

import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.platforms.bigcommerce import PAGE_LIMIT
from services.ingest.changes import changed_between
from services.ingest.reader import Fetched, Page

START = datetime(2026, 1, 1, tzinfo=UTC)
END = START + timedelta(seconds=600)


class Store:
    """Rows by id with their second of change; some change to a later time after each read."""

    def __init__(self, dates: dict[int, int], moves: random.Random, size: int = PAGE_LIMIT) -> None:
        self.dates = dates
        self.size = size
        self.untouched = set(dates)
        self._moves = moves

    async def read(self, since: datetime) -> Page:
        rows = self._rows(since)[: self.size]
        self._move()
        return Page(rows, len(rows) == self.size)

    async def second(self, since: datetime) -> AsyncIterator[list[Fetched]]:
        low = 0
        while True:
            rows = [each for each in self._rows(since) if each.row["id"] > low and _second(each) <= _number(since) + 1]
            rows = sorted(rows, key=lambda each: int(each.row["id"]))[: self.size]
            self._move()
            yield rows
            if len(rows) < self.size:
                return
            low = rows[-1].row["id"]

    def _rows(self, since: datetime) -> list[Fetched]:
        found = sorted((second, key) for key, second in self.dates.items() if second >= _number(since))
        return [Fetched({"id": key, "date_modified": _text(second)}, END) for second, key in found]

    def _move(self) -> None:
        for key in self._moves.sample(sorted(self.dates), min(3, len(self.dates))):
            self.dates[key] = 100_000
            self.untouched.discard(key)


def _number(at: datetime) -> int:
    return int((at - START).total_seconds())


def _second(each: Fetched) -> int:
    return _number(datetime.fromisoformat(each.row["date_modified"]))


def _text(second: int) -> str:
    return (START + timedelta(seconds=second)).isoformat()


@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**32),
    count=st.sampled_from([0, 3, 249, 250, 251, 900]),
    spread=st.sampled_from([1, 2, 5, 700]),
    size=st.sampled_from([PAGE_LIMIT, PAGE_LIMIT, 31]),
)
async def test_changed_between__rows_move_while_read__none_of_the_others_is_missed(
    seed: int, count: int, spread: int, size: int
) -> None:
    rng = random.Random(seed)
    store = Store({key: rng.randrange(spread) for key in range(1, count + 1)}, rng, size)
    found: list[int] = []
    async for page in changed_between(START, END, store.read, store.second):
        found += [key for key, each in page.items() if _second(each) < 100_000]
    expected = {key for key in store.untouched if store.dates[key] <= 600}
    assert expected <= set(found)
    assert len(found) == len(set(found))


async def test_changed_between__rows_after_the_end__left_for_the_next_pass() -> None:
    store = Store({1: 600, 2: 601}, random.Random(1))
    store._move = lambda: None  # type: ignore[method-assign]
    pages = [page async for page in changed_between(START, END, store.read, store.second)]
    assert [list(page) for page in pages] == [[1]]
