"""The senders' own book, as it is read from outside."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert

from headrace.consumer.database import open_database
from headrace.consumer.effects.rows import BOOK
from headrace.consumer.ledger import migrate_ledger
from headrace.demo.book import Booked, read_book

NOW = datetime(2010, 1, 1, tzinfo=UTC)


def test_read_book__no_file_yet__is_empty(tmp_path: Path) -> None:
    assert read_book(tmp_path / "effects.db", "s") == ()


async def test_read_book__as_the_senders_write_it__gives_the_store_s(tmp_path: Path) -> None:
    path = tmp_path / "effects.db"
    database = open_database(f"sqlite:///{path}")
    same = {column.name: 0 for column in BOOK.columns} | dict.fromkeys(
        ("kind", "entry", "detail", "receipt", "worker", "payload"), ""
    )
    mine = {"sender": "mail", "id": "e1", "customer": "s:1", "state": "unknown", "reason": "worker_lost", "due_at": 5.0}
    migrate_ledger(database)
    try:
        await database.write(
            lambda connection: connection.execute(
                insert(BOOK), [same | mine, same | mine | {"id": "e2", "customer": "s-2:1"}]
            )
        )
        assert read_book(path, "s") == [Booked("e1", "s:1", "mail", "unknown", "worker_lost", 5.0)]
    finally:
        await database.close()


@pytest.mark.parametrize(
    ("state", "due_in", "is_open"),
    [
        ("waiting", timedelta(), True),
        ("waiting", timedelta(seconds=1), False),
        ("sending", timedelta(days=1), True),
        ("sent", timedelta(), False),
        ("unknown", timedelta(), False),
    ],
)
def test_is_open__state_and_time__tell_what_still_moves(state: str, due_in: timedelta, is_open: bool) -> None:
    assert Booked("e1", "s:1", "mail", state, "", (NOW + due_in).timestamp()).is_open(NOW) is is_open
