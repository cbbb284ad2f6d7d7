"""`headrace sinks` on a database with one paused sink."""

import asyncio
import json
import os
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
    monkeypatch.setenv("HEADRACE_STORE", "")  # what --store sets is taken back

    asyncio.run(pause(guard.Pause("group", "shop", "rule:vip", 2100, 8000, 0.0)))


async def pause(one: guard.Pause) -> None:
    database = open_database(os.environ["HEADRACE_DATABASE_URL"])
    migrate_ledger(database)
    await database.write(
        lambda connection: guard.pause(connection, one.kind, one.store, one.entry, one.moved, one.customers)
    )
    await database.close()


def test_sinks__a_paused_one__is_listed_and_resumed_with_a_reason(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["sinks", "list"]) == 0
    assert "rule:vip moved 2,100 of 8,000 customers" in capsys.readouterr().out
    assert execute(["sinks", "resume", "group", "--reason", "black friday", "--who", "ada", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["resumed"][0]["moved"] == 2100
    assert execute(["sinks", "list", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["paused"] == []
    assert [(row["sink"], row["who"], row["reason"]) for row in found["resumed"]] == [("group", "ada", "black friday")]


def test_sinks_resume__paused_for_several_stores__one_has_to_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    another = guard.Pause("group", "another", "rule:new", 3000, 9000, 0.0)
    asyncio.run(pause(another))
    assert execute(["sinks", "resume", "group", "--reason", "x", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "several_paused"
    assert execute(["sinks", "resume", "group", "--store", "another", "--reason", "x"]) == 0
    capsys.readouterr()
    assert execute(["sinks", "list", "--store", "shop", "--json"]) == 0
    assert [row["store"] for row in json.loads(capsys.readouterr().out)["paused"]] == ["shop"]


def test_sinks_list__several_stores_named__is_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADRACE_STORE", "shop,another")
    assert execute(["sinks", "list", "--json"]) == 2
    assert "names several" in json.loads(capsys.readouterr().out)["error"]["message"]


@pytest.mark.parametrize("words", [("attributes",), ("group", "--store", "another")])
def test_sinks_resume__one_that_is_not_paused__says_so(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    assert execute(["sinks", "resume", *words, "--reason", "x", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "not_paused"
