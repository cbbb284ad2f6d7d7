"""How verbs speak: one object on stdout, errors with code, message and hint."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from headrace.cli import output
from headrace.cli.output import CliError, as_line, emit, show_error


@dataclass(frozen=True)
class Thing:
    name: str
    at: datetime


@pytest.fixture(autouse=True)
def fresh_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output._Stdout, "used", False)


def test_as_line__dataclass_and_time__plain_json() -> None:
    assert json.loads(as_line({"thing": Thing("ä", datetime(2026, 1, 2, tzinfo=UTC)), "set": {"b", "a"}})) == {
        "thing": {"name": "ä", "at": "2026-01-02T00:00:00Z"},
        "set": ["a", "b"],
    }


def test_emit__json_or_text__one_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    emit({"a": 1}, json=True, text=lambda found: f"a is {found['a']}")
    emit({"a": 1}, json=False, text=lambda found: f"a is {found['a']}")

    assert capsys.readouterr().out == '{"a": 1}\na is 1\n'


def test_show_error__json__the_whole_object(capsys: pytest.CaptureFixture[str]) -> None:
    show_error(CliError("bad_rule", "no such group", hint="add it", file="r.yaml", line=3, column=5, id="x"), json=True)

    assert json.loads(capsys.readouterr().out) == {
        "error": {
            "code": "bad_rule",
            "message": "no such group",
            "file": "r.yaml",
            "line": 3,
            "column": 5,
            "id": "x",
            "hint": "add it",
        }
    }


def test_show_error__text__place_message_hint_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    show_error(CliError("bad_rule", "no such group", hint="add it", file="r.yaml", line=3), json=False)

    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "error: r.yaml:3: no such group\n  hint: add it\n"


def test_show_error__after_a_result__stdout_keeps_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    emit({"a": 1}, json=True)
    show_error(CliError("late", "it broke"), json=True)

    captured = capsys.readouterr()
    assert len(captured.out.splitlines()) == 1
    assert "it broke" in captured.err
