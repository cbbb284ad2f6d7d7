"""`headrace effects` on a book with one effect of each fate."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import Connection

from headrace.cli.book import in_book
from headrace.cli.main import execute
from headrace.consumer.database import open_database
from headrace.consumer.effects import book, people, rows
from headrace.consumer.ledger import migrate_ledger
from tests.headrace.consumer.effects.made import NOW, an_effect

SENT, DOUBT, HELD, WAITS = (an_effect(number, customer=number) for number in range(1, 5))


@pytest.fixture(autouse=True)
def in_the_book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{tmp_path / 'book.db'}"
    monkeypatch.setenv("HEADRACE_DATABASE_URL", url)
    monkeypatch.setenv("HEADRACE_STORE", "")  # what --store sets is taken back

    def fill(connection: Connection) -> None:
        book.take_in(connection, "mail", [(effect, 0) for effect in (SENT, DOUBT, HELD, WAITS)])
        states: dict[str, tuple[rows.State, str]] = {
            SENT.id: ("sent", ""),
            DOUBT.id: ("unknown", "deadline"),
            HELD.id: ("held", "too_many"),
        }
        for entry in book.due(connection, "mail", "teststore", [0], at=NOW, limit=10):
            if entry.id in states:
                claimed = book.claim(connection, entry, worker="w", deadline_s=1, at=NOW)
                assert claimed is not None
                state, reason = states[entry.id]
                book.settle(connection, claimed, state, reason=reason, receipt="r-1" if state == "sent" else "")

    async def make() -> None:
        database = open_database(url)
        migrate_ledger(database)
        await database.write(fill)
        await database.close()

    asyncio.run(make())


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    code = execute(["effects", *arguments, "--json"])
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return code, found


def test_effects_list__says_what_became_of_each(capsys: pytest.CaptureFixture[str]) -> None:
    code, found = said(capsys, "list")
    assert code == 0
    assert found["states"] == {"held": 1, "sent": 1, "unknown": 1, "waiting": 1}
    (sent,) = [row for row in found["effects"] if row["id"] == SENT.id]
    assert (sent["state"], sent["receipt"], sent["sender"], sent["attempts"]) == ("sent", "r-1", "mail", 1)
    assert said(capsys, "list", "--state", "waiting")[1]["effects"][0]["id"] == WAITS.id
    assert said(capsys, "list", "--store", "another")[1]["effects"] == []


def test_effects_unknown__only_those(capsys: pytest.CaptureFixture[str]) -> None:
    assert [row["id"] for row in said(capsys, "unknown")[1]["effects"]] == [DOUBT.id]


def test_effects_resend__an_unknown_one__waits_again_and_the_reason_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    code, found = said(capsys, "resend", DOUBT.id, "--reason", "never  came", "--who", "ada")
    assert (code, found) == (0, {"resent": [DOUBT.id], "reason": "never came"})
    (row,) = said(capsys, "show", DOUBT.id)[1]["effects"]
    assert row["state"] == "waiting"
    assert [(act["act"], act["reason"], act["who"]) for act in row["acts"]] == [("resend", "never came", "ada")]


def test_effects_resend__late__no_age_ends_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "show", DOUBT.id)[1]["effects"][0]["expires_at"] is not None
    assert said(capsys, "resend", DOUBT.id, "--reason", "never came", "--late", "--who", "ada")[0] == 0
    (row,) = said(capsys, "show", DOUBT.id)[1]["effects"]
    assert (row["state"], row["expires_at"]) == ("waiting", None)
    assert [act["act"] for act in row["acts"]] == ["resend late"]


def test_effects_resend__all_held_ones_of_an_entry__only_with_confirm(capsys: pytest.CaptureFixture[str]) -> None:
    code, found = said(capsys, "resend", "--entry", "segment:vip", "--reason", "a real rush")
    assert (code, found["error"]["code"]) == (1, "confirm_needed")
    code, found = said(capsys, "resend", "--entry", "segment:vip", "--reason", "a real rush", "--confirm")
    assert (code, found["resent"]) == (0, [HELD.id])


def test_effects_resend__held_in_two_stores__one_has_to_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    theirs = replace(HELD, id="e" * 32, customer="other:1")

    def hold(connection: Connection) -> None:
        book.take_in(connection, "mail", [(theirs, 0)])
        (entry,) = people.listed(connection, id=theirs.id)
        book.settle(connection, entry, "held", reason="too_many")

    in_book(hold)
    asked = ("resend", "--entry", "segment:vip", "--reason", "a real rush", "--confirm")
    assert said(capsys, *asked)[1]["error"]["code"] == "several_held"
    assert said(capsys, *asked, "--store", "other")[1]["resent"] == [theirs.id]


def test_effects_drop__ends_it_for_ever(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "drop", WAITS.id, DOUBT.id, "--reason", "sale is over")[1]["dropped"] == [WAITS.id, DOUBT.id]
    code, found = said(capsys, "resend", WAITS.id, "--reason", "no, do")
    assert (code, found["error"]["code"]) == (1, "not_open")


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (("resend", SENT.id, "--reason", "x"), 1, "not_open"),
        (("drop", SENT.id, "--reason", "x"), 1, "not_open"),
        (("resend", "f" * 32, "--reason", "x"), 1, "unknown_effect"),
        (("resend", "--reason", "x"), 2, "usage"),
        (("resend", DOUBT.id, "--reason", " "), 2, "usage"),
        (("list", "--state", "gone"), 2, "usage"),
        (("resend", DOUBT.id), 2, "usage"),
    ],
)
def test_effects__what_cannot_be__says_why(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], code: int, error: str
) -> None:
    assert said(capsys, *arguments)[0] == code
    assert said(capsys, *arguments)[1]["error"]["code"] == error


def test_effects__no_book_there__says_which_database(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADRACE_DATABASE_URL", f"sqlite:///{tmp_path / 'other.db'}")
    code, found = said(capsys, "list")
    assert (code, found["error"]["code"]) == (3, "no_book")


def test_effects_check__templates__ready_or_wrong_with_their_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "templates"
    folder.mkdir()
    (folder / "layout.html").write_text("<h1>{{ store.name }}</h1>{% block body %}{% endblock %}")
    (folder / "thanks.html").write_text(
        "Subject: Thank you\n\n{% extends 'layout.html' %}{% block body %}{{ coupon.expires_on }}{% endblock %}"
    )
    assert said(capsys, "check", str(folder)) == (
        0,
        {"templates": ["thanks"], "ready": ["thanks"], "parts": ["layout.html"], "problems": []},
    )
    (folder / "welcome.txt").write_text("Subject: Hello\n\nDear {{ customer.frist_name }}")
    code, found = said(capsys, "check", str(folder))
    assert found["ready"] == ["thanks"]
    assert (code, found["problems"]) == (1, [f"{folder / 'welcome.txt'}:3: there is no 'frist_name'"])
    code, found = said(capsys, "check", str(tmp_path / "none"))
    assert (code, found["error"]["code"]) == (2, "no_folder")
