"""`headrace sinks` on a database with one paused sink."""

import asyncio
import json
from pathlib import Path

import pytest

from headrace.cli.main import execute
from headrace.consumer import guard
from headrace.consumer.database import open_database
from headrace.consumer.ledger import migrate_ledger


@pytest.fixture(autouse=True)
def paused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{tmp_path / 'book.db'}"
    monkeypatch.setenv("HEADRACE_DATABASE_URL", url)
    monkeypatch.delenv("HEADRACE_STORE", raising=False)

    async def make() -> None:
        database = open_database(url)
        migrate_ledger(database)
        await database.write(lambda connection: guard.pause(connection, "group", "shop", "rule:vip", 2100, 8000))
        await database.close()

    asyncio.run(make())


def test_sinks__a_paused_one__is_listed_and_resumed_with_a_reason(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["sinks", "list"]) == 0
    assert "rule:vip moved 2,100 of 8,000 customers" in capsys.readouterr().out
    assert execute(["sinks", "resume", "group", "--reason", "black friday", "--who", "ada", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["resumed"][0]["moved"] == 2100
    assert execute(["sinks", "list", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["paused"] == []
    assert [(row["sink"], row["who"], row["reason"]) for row in found["resumed"]] == [("group", "ada", "black friday")]


@pytest.mark.parametrize("words", [("attributes",), ("group", "--store", "another")])
def test_sinks_resume__one_that_is_not_paused__says_so(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    assert execute(["sinks", "resume", *words, "--reason", "x", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "not_paused"
