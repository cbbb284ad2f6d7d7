"""The sink on a stage of the test kit, with a SQLite file: no Kafka."""

import sqlite3
from pathlib import Path

import pytest
from group_table import GroupTable, Settings
from pydantic import SecretStr

from headrace.consumer import TryAgain
from headrace.consumer.testing import a_group, made_settings, newer, rehearsal


def rows(file: Path) -> dict[str, str]:
    connection = sqlite3.connect(file)
    try:
        return dict(connection.execute("SELECT customer, group_name FROM customer_group"))
    finally:
        connection.close()


def at(url: str) -> Settings:
    return made_settings(Settings, groups_database_url=SecretStr(url))


async def test_table__groups_come_change_and_go__holds_the_newest(tmp_path: Path) -> None:
    file = tmp_path / "groups.db"
    async with rehearsal(GroupTable, at(f"sqlite:///{file}")) as stage:
        old = newer()
        await stage.tell(a_group("shop:1", "Silver"), a_group("shop:2", "Gold"), a_group("shop:3", "Gold"))
        await stage.tell(a_group("shop:1", "Gold"), a_group("shop:2", ""), a_group("shop:3", None))
        assert await stage.tell(a_group("shop:1", "Bronze", version=old)) == {"shop:1": "stale"}
        assert rows(file) == {"shop:1": "Gold", "shop:2": ""}


async def test_table__database_is_away__comes_again(tmp_path: Path) -> None:
    async with rehearsal(GroupTable, at(f"sqlite:///{tmp_path}/nowhere/groups.db")) as stage:
        with pytest.raises(TryAgain):
            await stage.tell(a_group("shop:1", "Gold"))
