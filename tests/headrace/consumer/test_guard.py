"""The guard: what it counts, when it trips, and that a person's word is kept."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.consumer import guard
from headrace.consumer.database import Database, open_database
from headrace.consumer.guard import Bounds, Guard
from headrace.consumer.kind import Applied
from headrace.consumer.ledger import migrate_ledger, store_applied

NOW = datetime(2026, 1, 5, tzinfo=UTC)
BOUNDS = Bounds(share=0.1, span=timedelta(hours=1), least=5)


def moved(count: int, *, at: datetime = NOW, one: Guard | None = None, entry: str = "rule:a") -> Guard:
    found = one or Guard(BOUNDS)
    for number in range(count):
        found.moved([entry], f"s:{number}", at)
    return found


@pytest.mark.parametrize(
    ("count", "customers", "trips"),
    [(5, 0, False), (6, 0, True), (6, 50, True), (10, 100, False), (11, 100, True), (20, 200, False), (21, 200, True)],
)
def test_guard__more_than_the_share_and_the_least__trips(count: int, customers: int, trips: bool) -> None:
    assert moved(count).tripped(customers) == (("rule:a", count) if trips else None)


def test_guard__one_customer_to_and_fro__is_one() -> None:
    one = Guard(BOUNDS)
    for _ in range(100):
        one.moved(["rule:a"], "s:1", NOW)
    assert one.tripped(0) is None


def test_guard__older_than_the_span__is_forgotten() -> None:
    one = moved(6)
    moved(1, at=NOW + timedelta(hours=1), one=one)
    assert one.tripped(0) is not None
    moved(1, at=NOW + timedelta(hours=1, seconds=1), one=one)
    assert one.tripped(0) is None


def test_guard__each_entry_by_itself__and_none_without_a_share() -> None:
    one = moved(4, one=moved(4), entry="rule:b")
    assert one.tripped(0) is None
    one.begin_anew()
    assert moved(5, one=one).tripped(0) is None
    off = Guard(Bounds(share=0))
    assert moved(100, one=off).tripped(0) is None


@given(st.lists(st.tuples(st.integers(0, 9000), st.integers(0, 8)), max_size=60))
def test_guard__law__counts_the_different_customers_of_the_span(moves: list[tuple[int, int]]) -> None:
    one = Guard(Bounds(share=0.0001, least=0, span=timedelta(seconds=3600)))
    last = 0
    for seconds, customer in sorted(moves):
        one.moved(["e"], f"s:{customer}", NOW + timedelta(seconds=seconds))
        last = seconds
    wanted = {customer for seconds, customer in moves if seconds >= last - 3600}
    assert one.tripped(0) == (("e", len(wanted)) if wanted else None)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = open_database(database_url)
    migrate_ledger(opened)
    yield opened
    await opened.close()


async def test_pause__stands_until_a_person_resumes_it__with_the_reason_kept(database: Database) -> None:
    rows = {f"{store}:{number}": Applied((1, 1, 0), "Gold") for store in ("s", "s_x") for number in range(3)}
    await database.write(lambda c: store_applied(c, "group", rows))
    assert await database.read(lambda c: guard.known_customers(c, "group", "s")) == 3
    await database.write(lambda c: guard.pause(c, "group", "s", "rule:a", 21, 200))
    assert await database.read(lambda c: guard.paused(c, "group", "s_x")) == []
    (found,) = await database.read(lambda c: guard.paused(c, "group", "s"))
    assert found.told == "group: paused: rule:a moved 21 of 200 customers"
    await database.write(lambda c: guard.resume(c, found, reason="a real rush", who="ada"))
    assert await database.read(guard.paused) == []
    (said,) = await database.read(guard.resumes)
    assert (said["entry"], said["moved"], said["reason"], said["who"]) == ("rule:a", 21, "a real rush", "ada")
