"""Opening a database, and one replica on SQLite."""

from pathlib import Path

import pytest

from headrace.consumer.database import AlreadyRunning, SingleReplica, open_database


async def test_open_database__other_vendors__are_refused() -> None:
    with pytest.raises(ValueError, match="SQLite or PostgreSQL"):
        open_database("mysql://x/y")


async def test_single_replica__second__is_refused_until_the_first_ends(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'deep' / 'a.db'}")
    assert await database.works()
    first = SingleReplica(database, "group")
    SingleReplica(database, "attributes").release()
    with pytest.raises(AlreadyRunning):
        SingleReplica(database, "group")
    first.release()
    SingleReplica(database, "group").release()
    await database.close()
